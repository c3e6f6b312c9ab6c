"""Properties of every file format."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tunesmith.config.checking.signatures import read_signature
from tunesmith.config.checking.targets import PLACES
from tunesmith.data.sources.records import records_in
from tunesmith.data.sources.source import Record, Source
from tunesmith.data.sources.watched import files_of
from tunesmith.errors import DataError

WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "with the line ends of Windows": lambda text: text.replace("\n", "\r\n"),
    "with a byte order mark": lambda text: "\ufeff" + text,
    "without an end of the last line": str.rstrip,
}
"""How different systems write a text file."""


class SourceContract(ABC):
    """The suite of one format: subclass it with a name that begins with `Test`, and pytest runs it.

    It is only useful with an example that exercises the format: several records, and a non-ASCII letter.
    """

    @abstractmethod
    def source(self) -> Source:
        """Create a source."""

    @abstractmethod
    def example(self) -> tuple[str | bytes, list[Record]]:
        r"""The content of a file, and its records with their lines.

        Returns:
            A text with lines ended by `\n`, and the first line of each record; or bytes, and their numbers from 1.
        """

    def write(self, path: Path, content: bytes) -> None:
        """Write the content of a file; overridden if the format is one of folders.

        Args:
            path: The file.
            content: Its content.
        """
        path.write_bytes(content)

    def read(self, folder: Path, content: str | bytes, source: Source | None = None) -> list[Record]:
        """Read the records of a file with this content.

        Args:
            folder: Where to write it.
            content: The content of the file.
            source: Reads the file; None creates a new source.
        """
        path = folder / "rows.data"
        self.write(path, content if isinstance(content, bytes) else content.encode())
        return list(self.reading(source or self.source(), path))

    def reading(self, source: Source, path: Path) -> Iterator[Record]:
        """Yield the records at a path, one at a time."""
        return records_in(source, files_of(source, path))

    def text(self) -> str:
        """The example's text; skips the test if the format is not text."""
        content = self.example()[0]
        if isinstance(content, bytes):
            pytest.skip("not a format of texts")
        return content

    def read_or_refused(self, folder: Path, content: str) -> list[Record] | str:
        """Return the records of a file with this content, or the error message if it is refused."""
        try:
            return self.read(folder, content)
        except DataError as error:
            return str(error)

    @pytest.mark.parametrize("way", list(WRITTEN))
    def test_records_come_with_the_lines_that_they_begin_in(self, tmp_path: Path, way: str) -> None:
        """However a text was written, and whatever system wrote it."""
        content, records = self.example()
        assert len(records) > 1, "one record alone shows little"
        if way == "as it is":
            assert self.read(tmp_path, content) == records
        else:
            assert self.read(tmp_path, WRITTEN[way](self.text())) == records

    @pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
    def test_bytes_that_are_cut_off_are_refused_with_the_name_of_the_file(self, tmp_path: Path, part: float) -> None:
        """However much of them is there; of a text, a part may be a text as well."""
        content = self.example()[0]
        if isinstance(content, str):
            pytest.skip("not a format of bytes")
        with pytest.raises(DataError, match=r"rows\.data"):
            self.read(tmp_path, content[: int(len(content) * part)])

    def test_a_source_keeps_nothing_of_a_file(self, tmp_path: Path) -> None:
        """Reading again, or two files at once, gives the same records."""
        content, records = self.example()
        source, path = self.source(), tmp_path / "rows.data"
        assert self.read(tmp_path, content, source) == self.read(tmp_path, content, source)
        both = zip(self.reading(source, path), self.reading(source, path), strict=True)
        assert list(both) == list(zip(records, records, strict=True))

    def test_its_own_columns_are_in_every_record(self) -> None:
        """The columns that it claims to name."""
        assert isinstance(self.source().columns, frozenset)
        for _, record in self.example()[1]:
            assert set(record) >= self.source().columns

    def test_records_can_be_written_down(self, tmp_path: Path) -> None:
        """As JSON, the form in which predictions and reports keep them."""
        for _, record in self.read(tmp_path, self.example()[0]):
            assert json.loads(json.dumps(record)) == record

    def test_what_is_not_utf8_is_refused_with_the_name_of_the_file(self, tmp_path: Path) -> None:
        """At whatever place it stands."""
        content = self.text().encode()
        for place in (0, len(content) // 2, len(content)):
            with pytest.raises(DataError, match=r"rows\.data"):
                self.read(tmp_path, content[:place] + b"\xff" + content[place:])

    def test_a_nul_is_refused_or_read_as_it_stands(self, tmp_path: Path) -> None:
        """It ends no text."""
        content, records = self.text(), self.example()[1]
        text = next(value for value in records[0][1].values() if isinstance(value, str | list))
        word = text if isinstance(text, str) else text[0]
        damaged = content.replace(word, f"{word}\0{word}", 1)
        read = self.read_or_refused(tmp_path, damaged)
        if isinstance(read, str):
            assert "rows.data" in read
        else:
            assert any(f"{word}\0{word}" in _texts(record) for _, record in read)

    def test_an_empty_file_has_no_record(self, tmp_path: Path) -> None:
        """Or it is refused, if the format requires some content."""
        read = self.read_or_refused(tmp_path, "")
        assert "rows.data" in read if isinstance(read, str) else read == []

    def test_a_config_can_name_it(self) -> None:
        """As `data.format._target_`: its class can be found by name, and derives from `Source`."""
        kind = type(self.source())
        signature = read_signature(f"{kind.__module__}.{kind.__qualname__}")
        assert signature is not None, "the class must be at the top level of an importable module"
        assert PLACES["data.format"].base in signature.ancestors


def _texts(record: dict[str, Any]) -> list[Any]:
    """The texts of a record, including those in lists."""
    values = [*record, *record.values()]
    return [text for value in values for text in (value if isinstance(value, list) else [value])]
