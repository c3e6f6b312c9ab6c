"""Rows as a Parquet file with a checksum behind it, and back with every type that they had."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from tunesmith.data.lines import Line
from tunesmith.data.rows import Rows
from tunesmith.errors import FilesError
from tunesmith.storage import replace_file

Notice = tuple[int, str, bool]
"""A line of the log: its level, its text, and whether it is `once` for the screen."""
ABOUT = b"tunesmith"
"""Key of the file's metadata."""
ROWS_TOGETHER = 65_536
"""Rows of a group, written and read together."""
CHECKSUM = hashlib.sha256().digest_size
"""Bytes at the end of the file."""
UNWRITABLE = (ValueError, TypeError, KeyError)
"""Errors of values that have no place in the file."""
REPEATED = ("labels", "splits", "groups")
"""Columns with few values, each of which is in memory once."""
RESTORED: dict[str, Callable[[Any], Any]] = {
    "labels": lambda value: tuple(value) if isinstance(value, list) else value,
    "words": tuple,
    "messages": tuple,
    "options": dict,
}
"""Column to what its JSON is turned back into."""


def load_rows(path: Path) -> tuple[Rows, list[Notice]] | None:
    """Rows and the notices of reading them; None if the file is missing or damaged."""
    if not path.is_file():
        return None
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.memory_map(str(path)) as mapped:
            content = mapped.read_buffer()
            whole, checksum = content[: max(len(content) - CHECKSUM, 0)], content[-CHECKSUM:]
            if hashlib.sha256(whole).digest() != checksum.to_pybytes():
                return None
            return _rows_in_table(pyarrow.parquet.ParquetFile(pyarrow.BufferReader(whole)))
    except (OSError, ValueError):
        return None


def _rows_in_table(file: Any) -> tuple[Rows, list[Notice]]:
    about = json.loads(file.schema_arrow.metadata[ABOUT])
    columns: dict[str, Any] = {name: [] for name in about["kinds"]}
    once: dict[Any, Any] = {}
    for batch in file.iter_batches(ROWS_TOGETHER):
        for name, kind in about["kinds"].items():
            values = _restored(name, kind, batch, about["places"])
            columns[name] += [once.setdefault(value, value) for value in values] if kind == "few" else values
    return Rows(**columns), [(level, text, screen) for level, text, screen in about["notices"]]


def save_rows_read(path: Path, rows: Rows, notices: Sequence[Notice]) -> bool:
    """Write rows with the notices of reading them, and tell whether that was possible.

    Rows with a value that would not come back as it is, such as half a surrogate pair, are not written.
    """
    kinds = {field.name: _kind(field.name, getattr(rows, field.name)) for field in fields(rows)}
    kinds = {name: kind for name, kind in kinds.items() if kind}
    places = list({_place(line): None for line in rows.lines or ()})
    about = {"kinds": kinds, "places": places, "notices": list(notices)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda temporary: _write(temporary, rows, about), failures=UNWRITABLE)
    except (OSError, FilesError):
        return False
    return True


def _kind(name: str, values: Sequence[Any] | None) -> str:
    """How a column is written; empty for none."""
    if values is None:
        return ""
    kinds = {type(value) for value in values}
    if name == "lines":
        return "lines"
    if kinds <= {str}:
        return "few" if name in REPEATED else "text"
    return "number" if kinds == {float} else "json"


def _place(line: int) -> tuple[str, str, str | None] | None:
    return (line.file, line.unit, line.within) if isinstance(line, Line) else None


def _write(path: Path, rows: Rows, about: dict[str, Any]) -> None:
    import pyarrow
    import pyarrow.parquet

    number = {place: index for index, place in enumerate(about["places"])}
    types = {"number": pyarrow.float64(), "lines": pyarrow.int64()}
    columns = [(name, types.get(kind, pyarrow.string())) for name, kind in about["kinds"].items()]
    places = [("places", pyarrow.int32())] if "lines" in about["kinds"] else []
    schema = pyarrow.schema([*columns, *places], metadata={ABOUT: json.dumps(about)})
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as file:
        for start in range(0, len(rows), ROWS_TOGETHER):
            part = {name: getattr(rows, name)[start : start + ROWS_TOGETHER] for name in about["kinds"]}
            arrays = {name: _written(name, about["kinds"][name], values) for name, values in part.items()}
            if places:
                arrays["places"] = [number[_place(line)] for line in part["lines"]]
            file.write_table(pyarrow.table(arrays, schema=schema))
    with path.open("r+b") as written:
        checksum = hashlib.file_digest(written, "sha256").digest()
        written.seek(0, 2)
        written.write(checksum)


def _written(name: str, kind: str, values: Sequence[Any]) -> list[Any]:
    if kind == "lines":
        return list(map(int, values))
    if kind != "json":
        return list(values)
    encoded = [json.dumps(value) for value in values]
    for value, text in zip(values, encoded, strict=True):
        if repr(RESTORED[name](json.loads(text))) != repr(value):
            raise ValueError(f"{name}: {value!r} is no JSON")
    return encoded


def _restored(name: str, kind: str, batch: Any, places: Sequence[Any]) -> list[Any]:
    values: list[Any] = batch.column(name).to_pylist()
    if kind == "lines":
        at = [places[index] for index in batch.column("places").to_pylist()]
        return [line if of is None else Line(line, *of) for line, of in zip(values, at, strict=True)]
    return [RESTORED[name](json.loads(value)) for value in values] if kind == "json" else values
