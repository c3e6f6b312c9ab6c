"""The files that a config names, each with the split that it is for."""

from __future__ import annotations

from pathlib import Path

from tunesmith.config.data_files import names_by_split
from tunesmith.config.schema import Data
from tunesmith.data.sources.matching import matching
from tunesmith.data.sources.source import Source
from tunesmith.data.sources.watched import files_of
from tunesmith.errors import DataError


def data_files(data: Data, source: Source) -> dict[Path, str | None]:
    """Every file in the order that it is read in, with its split; None where `data.split` says it of the rows.

    Args:
        data: The data config.
        source: Reads the format.

    Raises:
        DataError: There is none, or one is named twice.
    """
    files: dict[Path, str | None] = {}
    for split, names in names_by_split(data.path).items():
        for file in (file for name in names for path in matching(name) for file in files_of(source, path)):
            if file in files:
                places = f"for {files[file]} and for {split}" if files[file] != split else "and would be read twice"
                raise DataError(f"{file}: named twice, {places}. Name it once in data.path")
            files[file] = split
    return files
