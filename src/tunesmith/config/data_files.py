"""The files in `data.path`: one, several, or files for each split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

HUB = "hub"
"""As in `data.format`: `data.path` is the id of a data set on the Hugging Face Hub."""
SPLITS = ("train", "val", "test")
SPLIT_FILE = "split.json"
"""The file in a run directory that says which row is in which split."""
SHOWN = 3
"""Maximum number of files in a message."""


def names_by_split(path: Any) -> dict[str | None, list[str]]:
    """The names of the files by split; the split is None if `data.split` divides the rows.

    Args:
        path: `data.path`, typed or as plain values.
    """
    if isinstance(path, str):
        return {None: [path]}
    if isinstance(path, Sequence):
        return {None: list(path)}
    plain: Mapping[str, Any] = path if isinstance(path, Mapping) else path.model_dump()
    given = {split: plain[split] for split in SPLITS if plain.get(split) is not None}
    return {split: [names] if isinstance(names, str) else list(names) for split, names in given.items()}


def names_in(path: Any) -> list[str]:
    """The names of the files of all splits.

    Args:
        path: `data.path`, typed or as plain values.
    """
    return [name for names in names_by_split(path).values() for name in names]


def with_each(path: Any, change: Callable[[Any], Any]) -> Any:
    """`data.path` with every name changed.

    Args:
        path: `data.path` as plain values.
        change: Returns the new name for a name.
    """
    if isinstance(path, Mapping):
        return {split: with_each(names, change) for split, names in path.items()}
    return [change(name) for name in path] if isinstance(path, list) else change(path)


def named_files(path: Any) -> str:
    """The files as shown in a message.

    Args:
        path: `data.path`, typed or as plain values.
    """
    names = names_in(path)
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
