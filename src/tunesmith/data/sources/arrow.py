"""Arrow: rows as they lie in memory, in a file (Feather), in a stream, or in a folder that `save_to_disk` wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

from tunesmith.data.sources.file_kinds import refuse_special
from tunesmith.data.sources.source import Record, Source
from tunesmith.data.sources.tables import records_of_table, refuse_unless
from tunesmith.errors import DataError

MAGIC = b"ARROW1"
STREAM = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class Arrow(Source):
    """The rows of an Arrow file, of a stream of Arrow's, or of a data set that Hugging Face's datasets saved.

    Args:
        class_names: Whether the names of classes take the place of their numbers, where datasets noted them.
    """

    class_names: bool = False
    takes: ClassVar[Literal["text", "bytes"]] = "bytes"

    def files(self, path: Path) -> Sequence[Path]:
        """The path itself, or the files that a saved data set lists.

        Raises:
            DataError: It is another folder.
        """
        if not path.is_dir():
            return [path]
        state = path / "state.json"
        if not state.is_file():
            refuse_special(path)
        try:
            listed = json.loads(state.read_text(encoding="utf-8"))
            return [path / file["filename"] for file in listed["_data_files"]]
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{state}: lists no files of a data set. Save it again, with save_to_disk") from None

    def read(self, file: BinaryIO, path: Path) -> Iterator[Record]:
        """Each row with its number, from 1.

        Raises:
            DataError: The file is none, or cut off, or damaged.
        """
        streamed = file.read(len(STREAM)) == STREAM
        file.seek(0)
        if not streamed:
            refuse_unless(file, MAGIC, path, "an Arrow file")

        def batches() -> tuple[Any, Iterator[Any]]:
            from pyarrow import ipc

            if streamed:
                stream = ipc.open_stream(file)
                return stream.schema, iter(stream)
            table = ipc.open_file(file)
            return table.schema, (table.get_batch(i) for i in range(table.num_record_batches))

        return records_of_table(batches, path, "an Arrow file", class_names=self.class_names)
