"""The files in `data.path`: one, several, or files for each split."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from tunesmith.config.schema import Data

HUB = "hub"
"""As in `data.format`: `data.path` is the id of a data set on the Hugging Face Hub."""
SPLITS = ("train", "val", "test")
SPLIT_FILE = "split.json"
"""The file in a run directory that says which row is in which split."""
CLASSES = {
    "json": {"_target_": "tunesmith.data.sources.json_array.JsonArray", "rows": None},
    "parquet": {"_target_": "tunesmith.data.sources.parquet.Parquet", "class_names": True},
    "arrow": {"_target_": "tunesmith.data.sources.arrow.Arrow", "class_names": True},
    "text": {"_target_": "tunesmith.data.sources.text.PlainText"},
    "folder": {"_target_": "tunesmith.data.sources.folder.Folder"},
}
"""Options of `data` that name a class in `format`, as `format` of one of several sources has them."""
SHOWN = 3
"""Maximum number of files in a message."""


def names_by_split(path: Any) -> dict[str | None, list[str]]:
    """The names of the files by split; the split is None if `data.split` divides the rows.

    Args:
        path: `data.path`, typed or as plain values.
    """
    if path is None or isinstance(path, str):
        return {None: [] if path is None else [path]}
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


def own_data(data: Data, name: str) -> Data:
    """The data config of one of several sources: its own values where it has any, and else those of `data`."""
    from tunesmith.config.schema import Format

    source = data.sources[name]
    own = {key: value for key in type(source).model_fields if (value := getattr(source, key)) is not None}
    del own["weight"]
    if source.format in CLASSES:
        own["format"] = Format.model_validate(CLASSES[source.format])
    return data.model_copy(update=own | {"sources": {}})


def parts_of(data: Data) -> dict[str | None, Data]:
    """A data config for each source by its name; where there are no several, None and the config itself."""
    return {name: own_data(data, name) for name in data.sources} or {None: data}


def named_data(data: Data) -> str:
    """The files as shown in a message, or the names of several sources."""
    return f"data.sources {', '.join(data.sources)}" if data.sources else named_files(data.path)


def keys_of_source(text: str, name: str, keys: Collection[str] | None = None) -> str:
    """A message about one of several sources, with the keys of `data` in it as those of the source.

    Args:
        text: The message, as about a data set of its own: `Read it with data=parquet data.text_column=...`.
        name: The source.
        keys: The keys that are its own; None takes all that a source can have.
    """
    own, formats = _of_a_source()
    text = formats.sub(rf"data.sources.{name}.format=\1", text)
    return own.sub(
        lambda key: f"data.sources.{name}.{key[1]}" if keys is None or key[1] in keys else key[0],
        text,
    )


@cache
def _of_a_source() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A key of `data` that a source has too, and an option of `data` that a source has as its format."""
    from tunesmith.config.schema import DataSource

    words = [word for kind in get_args(DataSource.model_fields["format"].annotation) for word in get_args(kind)]
    names = "|".join(DataSource.model_fields)
    return re.compile(rf"\bdata\.({names})\b"), re.compile(rf"\bdata=({'|'.join(words)})\b")
