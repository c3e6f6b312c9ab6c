"""Parquet: rows of typed columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

from tunesmith.data.sources.source import Record, Source
from tunesmith.data.sources.tables import ROWS_AT_ONCE, records_of_table, refuse_unless


@dataclass(frozen=True)
class Parquet(Source):
    """The rows of a Parquet file.

    Args:
        class_names: Whether the names of classes take the place of their numbers, where Hugging Face's datasets noted
            them.
    """

    class_names: bool = False
    takes: ClassVar[Literal["text", "bytes"]] = "bytes"

    def read(self, file: BinaryIO, path: Path) -> Iterator[Record]:
        """Each row with its number, from 1.

        Raises:
            DataError: The file is none, or cut off, or damaged.
        """
        refuse_unless(file, b"PAR1", path, "a Parquet file")

        def batches() -> tuple[Any, Iterator[Any]]:
            from pyarrow.parquet import ParquetFile

            table = ParquetFile(file)
            return table.schema_arrow, table.iter_batches(ROWS_AT_ONCE)

        return records_of_table(batches, path, "a Parquet file", class_names=self.class_names)
