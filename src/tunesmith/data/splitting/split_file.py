"""The split of a run as a file in its directory: which row is in which split, by what a row is known by elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.config.data_files import SPLIT_FILE, SPLITS
from tunesmith.config.folders import expand
from tunesmith.config.schema import Data
from tunesmith.data.content import known_content_ids
from tunesmith.data.rows import Rows
from tunesmith.errors import FilesError
from tunesmith.storage import read_mapping


@dataclass(frozen=True)
class SplitRecord:
    """Which row of a run is in which split, before cleaning and limits on length leave any out."""

    content_ids: Mapping[str, Sequence[str]]
    """Split to the `content_id` of its rows."""
    ids: Mapping[str, Sequence[str]] | None = None
    """The same by `data.id_column`; None where there is none, since numbers of rows mean nothing in another file."""

    def pieces(self) -> Iterator[str]:
        """The file piece by piece, as indented JSON."""
        kinds = {"content_ids": self.content_ids} | ({} if self.ids is None else {"ids": self.ids})
        yield "{"
        for place, (kind, by_split) in enumerate(kinds.items()):
            yield f"{',' if place else ''}\n  {json.dumps(kind)}: {{"
            for number, (split, ids) in enumerate(by_split.items()):
                yield f"{',' if number else ''}\n    {json.dumps(split)}: ["
                for row, row_id in enumerate(ids):
                    yield f"{',' if row else ''}\n      {json.dumps(row_id, ensure_ascii=False)}"
                yield "\n    ]" if len(ids) else "]"
            yield "\n  }"
        yield "\n}\n"


def split_record(splits: Mapping[str, Rows], data: Data) -> SplitRecord:
    """The record of rows that are read and divided.

    Args:
        splits: The rows of each split.
        data: The data config.
    """
    by_content = {name: known_content_ids(rows) for name, rows in splits.items()}
    return SplitRecord(by_content, {name: rows.ids for name, rows in splits.items()} if data.id_column else None)


def split_file_of(run: str | Path) -> Path:
    """The file with a run's split.

    Args:
        run: The run's directory.

    Raises:
        FilesError: It is no run directory, or the run is older than the file.
    """
    folder = expand(run)
    file = folder / SPLIT_FILE
    if file.is_file():
        return file
    if (folder / "config.yaml").is_file():
        way_out = f"Run it again, and name the new run: tunesmith reproduce {shlex.quote(str(run))}"
        raise FilesError(f"data.split.from_run={run}: there is no {SPLIT_FILE} in this run, which is older. {way_out}")
    raise FilesError(
        f"data.split.from_run={run} is not a run directory: it has no {SPLIT_FILE}. Name the directory of a run, or "
        "divide the rows anew: data.split.from_run=null"
    )


def read_split_file(run: str | Path) -> SplitRecord:
    """The split of a run.

    Args:
        run: The run's directory.

    Raises:
        FilesError: It has no such file, or the file is damaged.
    """
    file = split_file_of(run)
    content = read_mapping(file, json.loads)
    by_content: Any = content.get("content_ids")
    ids: Any = content.get("ids")
    if not _is_by_split(by_content) or not (ids is None or _is_by_split(ids)):
        raise FilesError(f"{file} is damaged: it does not name the rows of each split")
    return SplitRecord(by_content, ids)


def _is_by_split(value: Any) -> bool:
    return isinstance(value, dict) and all(
        split in SPLITS and isinstance(ids, list) and all(isinstance(row_id, str) for row_id in ids)
        for split, ids in value.items()
    )
