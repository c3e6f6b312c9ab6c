"""A folder of texts: a text in each file, in folders that are called like their labels."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from tunesmith.data.sources.file_kinds import REMEDY, refuse_special
from tunesmith.data.sources.separated import nul
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError

log = logging.getLogger("tunesmith")


class Folder(Source):
    """The texts of a folder: `text` is the whole file, `label` its folder, and `file` both names."""

    columns = frozenset({"text", "label", "file"})

    def files(self, path: Path) -> Sequence[Path]:
        """Every file in it and in the folders below, by name; those whose name begins with a dot are left out.

        Raises:
            DataError: It is no folder, or there are no files in it.
        """
        if not path.is_dir():
            refuse_special(path)
            raise DataError(f"{path}: a file, not a folder. For a text in each of its lines: data=text")
        every = [file for file in sorted(path.rglob("*")) if not file.is_dir()]
        shown = [file for file in every if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        if len(shown) < len(every):
            log.info("%s: %d hidden files are not read", path, len(every) - len(shown), extra={"once": True})
        if not shown:
            raise DataError(f"{path}: a folder without files. {REMEDY}")
        return shown

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """The text of a file.

        Raises:
            DataError: It has a NUL byte.
        """
        text = file.read()
        if "\0" in text:
            raise DataError(f"{path}: {nul(path)}")
        label = path.absolute().parent.name
        yield 1, {"text": text, "label": label, "file": f"{label}/{path.name}"}
