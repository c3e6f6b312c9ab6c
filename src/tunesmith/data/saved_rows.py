"""Rows from Python's memory as a file that a config can name, so that a run on them can be repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tunesmith.config.folders import expand
from tunesmith.errors import DataError
from tunesmith.storage import replace_file

FOLDER = "rows"


def save_rows(rows: Any, cache_dir: str | Path = "~/.cache/tunesmith") -> Path:
    """Write rows to an Arrow file that is named by their content, unless it is there already.

    Read it with `data=arrow data.path=FILE`: a run then names the rows as any other file, and `tunesmith reproduce`
    finds them. `compose(["data=arrow", f"data.path={save_rows(frame)}"])`.

    Args:
        rows: A pandas DataFrame (its index is not written), a `datasets.Dataset`, a `pyarrow.Table`, or dicts.
        cache_dir: Folder under which the file is written.

    Returns:
        The file.

    Raises:
        DataError: They are something else, or none, or a column holds values of several types.
        FilesError: The file cannot be written.
    """
    from pyarrow import BufferOutputStream, ipc

    table = _table(rows).combine_chunks()  # one file for the same rows, however they were put together
    if not table.num_rows:
        raise DataError("save_rows: no rows. Give at least one")
    buffer = BufferOutputStream()
    with ipc.new_file(buffer, table.schema) as writer:
        writer.write_table(table)
    content = buffer.getvalue()
    folder = expand(str(cache_dir)) / FOLDER
    file = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.arrow"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(file, lambda path: path.write_bytes(content))
    return file.absolute()


def _table(rows: Any) -> Any:
    """The rows as a table of Arrow's, with what Hugging Face's datasets note of classes."""
    import pyarrow

    kind = type(rows).__module__.partition(".")[0]
    try:
        if isinstance(rows, pyarrow.Table):
            return rows
        if kind == "pandas" and hasattr(rows, "columns"):
            return pyarrow.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
        if kind == "datasets" and hasattr(rows, "with_format"):
            return _of_dataset(rows)
        if isinstance(rows, Iterable) and not isinstance(rows, str | bytes | Mapping):
            return _of_dicts(list(rows))
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"save_rows: {reason}. Give each column values of one type") from error
    rule = "rows must be a pandas DataFrame, a datasets.Dataset, a pyarrow.Table or a list of dicts"
    hint = ""
    if isinstance(rows, Mapping):
        hint = ". Of several splits, give one, such as rows['train']; of columns, make a table: pandas.DataFrame(rows)"
    raise DataError(f"save_rows: {rule}, not a {type(rows).__name__}{hint}")


def _of_dataset(rows: Any) -> Any:
    if not hasattr(rows, "features") or isinstance(rows, Mapping) or not hasattr(rows, "flatten_indices"):
        hint = "Give one of its splits, such as rows['train'], loaded without streaming"
        raise DataError(f"save_rows: a {type(rows).__name__}, not a datasets.Dataset. {hint}")
    table = rows.with_format("arrow")[:]
    return table.cast(rows.features.arrow_schema)


def _of_dicts(rows: list[Any]) -> Any:
    import pyarrow

    strange = next((number for number, row in enumerate(rows, 1) if not isinstance(row, Mapping)), None)
    if strange is not None:
        raise DataError(f"save_rows: row {strange} is no dict but a {type(rows[strange - 1]).__name__}")
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    return pyarrow.table({name: [row.get(name) for row in rows] for name in names})
