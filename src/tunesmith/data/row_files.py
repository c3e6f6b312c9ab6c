"""Rows as a file of Arrow's, written in parts and read where it lies, with every type that they had."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from tunesmith.data.lazy import TOGETHER, LazyColumn
from tunesmith.data.lines import Line
from tunesmith.data.rows import Rows
from tunesmith.errors import FilesError
from tunesmith.storage import replace_file

if TYPE_CHECKING:
    from tunesmith.data.lazy import Positions

Notice = tuple[int, str, bool]
"""A line of the log: its level, its text, and whether it is `once` for the screen."""
Place = tuple[str, str, str | None]
"""What a line knows beside its number: file, unit and short name."""
ABOUT = b"tunesmith"
"""Key of the file's metadata."""
CHECKSUM = hashlib.sha256().digest_size
"""Bytes at the end of the file, behind what is Arrow's."""
BLOCK = 1 << 20
"""Bytes read at a time."""
UNWRITABLE = (ValueError, TypeError, KeyError)
"""Errors of values that have no place in the file."""
REPEATED = ("labels", "splits", "groups", "sources")
"""Columns with few values as a rule, each of which is in memory once."""
MOST_REPEATED = 10_000
"""Values of such a column that are kept in memory; others are made anew."""
VALUES_READ = 1 << 18
"""Values after which the pages that they were read from count no longer as memory of the process."""
LINE_BITS = 40
"""Bits of a line's number; those above them number its place."""
RESTORED: dict[str, Callable[[Any], Any]] = {
    "labels": lambda value: tuple(value) if isinstance(value, list) else value,
    "words": tuple,
    "messages": tuple,
    "options": dict,
}
"""Column to what its JSON is turned back into."""


class RowFile:
    """A file of rows while it is written, part by part.

    Args:
        file: The file, open.
        kinds: Column to how it is written (`kind_of_column`).
        about: What the file is to know beside the rows, as JSON.

    Raises:
        OSError: The file cannot be written; so do `write` and the end of a `with` block.
    """

    def __init__(self, file: BinaryIO, kinds: Mapping[str, str], about: Mapping[str, Any] | None = None) -> None:
        import pyarrow

        types = {"number": pyarrow.float64(), "lines": pyarrow.int64()}
        self.kinds = kinds
        self.places: dict[Place | None, int] = {}
        """Places of lines, each with its number."""
        names = [(name, types.get(kind, pyarrow.string())) for name, kind in kinds.items()]
        self._schema = pyarrow.schema(names, metadata={ABOUT: json.dumps(about)})
        self._file = pyarrow.ipc.new_file(file, self._schema)

    def write(self, part: Mapping[str, Sequence[Any]]) -> None:
        """Add rows: for each column its values.

        Raises:
            ValueError, TypeError: A value would not come back as it is, such as half a surrogate pair.
        """
        import pyarrow

        arrays = [
            pyarrow.array(self._encoded(name, part[name]), type=self._schema.field(name).type) for name in self.kinds
        ]
        self._file.write_batch(pyarrow.record_batch(arrays, schema=self._schema))

    def _encoded(self, name: str, values: Sequence[Any]) -> list[Any]:
        kind = self.kinds[name]
        if kind == "lines":
            return [int(line) | self.places.setdefault(_place(line), len(self.places)) << LINE_BITS for line in values]
        if kind != "json":
            wanted = float if kind == "number" else str
            if not all(type(value) is wanted for value in values):
                raise TypeError(f"{name}: not all of them are {kind}")
            return list(values)
        encoded = [json.dumps(value) for value in values]
        for value, text in zip(values, encoded, strict=True):
            if repr(RESTORED[name](json.loads(text))) != repr(value):
                raise ValueError(f"{name}: {value!r} is no JSON")
        return encoded

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def kind_of_column(name: str, values: Sequence[Any] | None) -> str:
    """How a column is written; empty for none."""
    if values is None:
        return ""
    if name == "lines":
        return "lines"
    kinds = set(map(type, values))
    if kinds <= {str}:
        return "few" if name in REPEATED else "text"
    return "number" if kinds == {float} else "json"


class MappedFile:
    """The beginning of a file, read where it lies; it may be closed and removed meanwhile, but not written to.

    Args:
        file: The file, open.
        size: Its bytes but for those at the end that are not Arrow's.

    Raises:
        OSError: It cannot be read; ValueError: it is empty.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        import pyarrow

        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.content = pyarrow.py_buffer(self._map).slice(0, size)
        """A buffer of Arrow's."""
        self._values = 0

    def was_read(self, values: int) -> None:
        """Give pages back to the system from time to time; what is asked for again comes from its cache."""
        self._values += values
        if self._values >= VALUES_READ and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._values = 0


def stored_columns(
    mapped: MappedFile, kinds: Mapping[str, str], places: Sequence[Place | None], path: Path | None = None
) -> dict[str, LazyColumn[Any]]:
    """The columns of a file, whose values are read when they are asked for.

    Args:
        mapped: The file.
        kinds: Column to how it is written.
        places: Places of lines, in the order of their numbers.
        path: Where the file is kept; None for one that is not.

    Raises:
        ValueError: It is no such file.
    """
    import numpy as np
    import pyarrow

    file = pyarrow.ipc.open_file(pyarrow.BufferReader(mapped.content))
    batches = [file.get_batch(number) for number in range(file.num_record_batches)]
    starts = np.cumsum([0, *(batch.num_rows for batch in batches)])
    everything = np.arange(starts[-1])
    columns = {}
    for name, kind in kinds.items():
        chunks = [batch.column(name) for batch in batches]
        read = _reader(chunks, starts, mapped.was_read, _restoring(name, kind, places))
        columns[name] = LazyColumn(read, everything, None if path is None else (path, name))
    return columns


def _reader(
    chunks: Sequence[Any],
    starts: Positions,
    was_read: Callable[[int], None],
    restore: Callable[[list[Any]], list[Any]],
) -> Callable[[Positions], list[Any]]:
    """A function that reads the values at positions of a column that is stored in chunks."""
    import numpy as np
    import pyarrow

    def read(positions: Positions) -> list[Any]:
        if len(positions) == 1:
            number = int(np.searchsorted(starts, positions[0], side="right")) - 1
            return restore([chunks[number][int(positions[0] - starts[number])].as_py()])
        owners = np.searchsorted(starts, positions, side="right") - 1
        values = np.empty(len(positions), dtype=object)
        for number in np.unique(owners).tolist():
            own = owners == number
            chosen = chunks[number].take(pyarrow.array(positions[own] - starts[number]))
            values[own] = chosen.to_numpy(zero_copy_only=False)
        was_read(len(positions))
        return restore(values.tolist())

    return read


def _restoring(name: str, kind: str, places: Sequence[Place | None]) -> Callable[[list[Any]], list[Any]]:
    """A function that turns values of a file into those of a column."""
    if kind == "lines":
        least = (1 << LINE_BITS) - 1

        def line(value: int) -> int:
            place = places[value >> LINE_BITS]
            return value & least if place is None else Line(value & least, *place)

        return lambda values: list(map(line, values))
    decode: Callable[[Any], Any] = (lambda text: RESTORED[name](json.loads(text))) if kind == "json" else _same
    if name not in REPEATED or kind == "number":
        return list if decode is _same else lambda values: list(map(decode, values))
    known: dict[str, Any] = {}

    def repeated(text: str) -> Any:
        if text in known:
            return known[text]
        value = decode(text)
        if len(known) < MOST_REPEATED:
            known[text] = value
        return value

    return lambda values: list(map(repeated, values))


def _same(value: Any) -> Any:
    return value


def load_rows(path: Path) -> tuple[Rows, list[Notice]] | None:
    """Rows and the notices of reading them; None if the file is missing or damaged.

    The rows stay where they are: a file that is removed meanwhile can be read on, one that is written to cannot.
    """
    if not path.is_file():
        return None
    import pyarrow

    try:
        if not _is_whole(path):
            return None
        with path.open("rb") as file:
            mapped = MappedFile(file, path.stat().st_size - CHECKSUM)
        about = json.loads(pyarrow.ipc.open_file(pyarrow.BufferReader(mapped.content)).schema.metadata[ABOUT])
        columns = stored_columns(mapped, about["kinds"], about["places"], path)
        return Rows(**columns), [(level, text, screen) for level, text, screen in about["notices"]]
    except (OSError, ValueError):
        return None


def _is_whole(path: Path) -> bool:
    """Whether the checksum at the end of a file is that of what stands before it; read without being mapped."""
    digest, left = hashlib.sha256(), path.stat().st_size - CHECKSUM
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()


def save_rows_read(path: Path, rows: Rows, notices: Sequence[Notice]) -> bool:
    """Write rows with the notices of reading them, and tell whether that was possible.

    Rows with a value that would not come back as it is, such as half a surrogate pair, are not written.
    """
    kinds = {field.name: kind_of_column(field.name, getattr(rows, field.name)) for field in fields(rows)}
    kinds = {name: kind for name, kind in kinds.items() if kind}
    places = list(dict.fromkeys(map(_place, rows.lines or ())))
    about = {"kinds": kinds, "places": places, "notices": list(notices)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda temporary: _write(temporary, rows, about), failures=UNWRITABLE)
    except (OSError, FilesError):
        return False
    return True


def _place(line: int) -> Place | None:
    return (line.file, line.unit, line.within) if isinstance(line, Line) else None


def _write(path: Path, rows: Rows, about: Mapping[str, Any]) -> None:
    with path.open("w+b") as file:
        with RowFile(file, about["kinds"], about) as written:
            for start in range(0, len(rows), TOGETHER):
                written.write({name: getattr(rows, name)[start : start + TOGETHER] for name in about["kinds"]})
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").digest()
        file.seek(0, os.SEEK_END)
        file.write(checksum)


class RowSpool:
    """Rows that are put down in a file without a name while they are read, since they are too many for memory.

    Args:
        folder: Where there is room; None, and one that cannot be written, stands for the system's own.

    Raises:
        OSError: There is no folder that can be written; so does `write`, where the disk is full.
    """

    def __init__(self, folder: Path | None) -> None:
        self._written: RowFile | None = None
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (`close` does it)
        except OSError:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115

    def write(self, part: Rows) -> None:
        """Add rows; they have the columns and the types of the first ones.

        Raises:
            ValueError, TypeError: They have not, or a value would not come back as it is.
        """
        columns = {field.name: getattr(part, field.name) for field in fields(part)}
        if self._written is None:
            kinds = {name: kind_of_column(name, values) for name, values in columns.items()}
            self._written = RowFile(self._file, {name: kind for name, kind in kinds.items() if kind})
        present = {name for name, values in columns.items() if values is not None}
        if present != set(self._written.kinds):
            raise ValueError("rows differ in their columns")
        self._written.write(columns)

    def rows(self) -> Rows:
        """All of them, read where they lie; the file goes with the last of them, or with the process."""
        assert self._written is not None
        with self._written:
            pass
        self._file.flush()
        mapped = MappedFile(self._file, os.fstat(self._file.fileno()).st_size)
        self.close()
        return Rows(**stored_columns(mapped, self._written.kinds, list(self._written.places)))

    def close(self) -> None:
        """Let go of the file, unless rows are read in it."""
        self._file.close()
