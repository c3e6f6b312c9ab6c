"""What `data.path` names: a file, several files, or files for each split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

SPLITS = ("train", "val", "test")
SHOWN = 3
"""Files that a message names."""


def names_by_split(path: Any) -> dict[str | None, list[str]]:
    """The names of files by split; the split is None where `data.split` says which rows are in which.

    Args:
        path: `data.path`, typed or plain.
    """
    if isinstance(path, str):
        return {None: [path]}
    if isinstance(path, Sequence):
        return {None: list(path)}
    plain: Mapping[str, Any] = path if isinstance(path, Mapping) else path.model_dump()
    given = {split: plain[split] for split in SPLITS if plain.get(split) is not None}
    return {split: [names] if isinstance(names, str) else list(names) for split, names in given.items()}


def names_in(path: Any) -> list[str]:
    """The names of all files, whatever split they are for.

    Args:
        path: `data.path`, typed or plain.
    """
    return [name for names in names_by_split(path).values() for name in names]


def with_each(path: Any, change: Callable[[Any], Any]) -> Any:
    """The same with every name changed.

    Args:
        path: `data.path` as plain values.
        change: Makes a name of a name.
    """
    if isinstance(path, Mapping):
        return {split: with_each(names, change) for split, names in path.items()}
    return [change(name) for name in path] if isinstance(path, list) else change(path)


def named_files(path: Any) -> str:
    """The files as a message names them.

    Args:
        path: `data.path`, typed or plain.
    """
    names = names_in(path)
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
