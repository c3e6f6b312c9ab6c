"""Files packed with gzip or zstd, whatever format is in them: known by their first bytes and read as they unpack."""

from __future__ import annotations

import gzip
import io
import shlex
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from tunesmith.errors import DataError

HEAD = 16
"""Bytes at the beginning of a file that tell its kind."""


@dataclass(frozen=True)
class Packing:
    """One way of packing a file, and the program of the same name."""

    name: str
    magic: bytes
    """The first bytes of such a file."""
    unpack: Callable[[BinaryIO], Any]
    """A stream of the bytes before they were packed."""


def _gzip(file: BinaryIO) -> Any:
    return gzip.GzipFile(fileobj=file)


def _zstd(file: BinaryIO) -> Any:
    from pyarrow import CompressedInputStream  # the standard library reads zstd from Python 3.14 on

    return CompressedInputStream(file, "zstd")


PACKINGS = (Packing("gzip", b"\x1f\x8b", _gzip), Packing("zstd", b"\x28\xb5\x2f\xfd", _zstd))


def packing_of(path: Path) -> Packing | None:
    """How a file is packed; None for one that is not."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return next((packing for packing in PACKINGS if head.startswith(packing.magic)), None)


def unpacked(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it is packed.

    Raises:
        DataError: While it is read, if it is cut off or damaged.
    """
    packing = packing_of(path)
    return path.open("rb") if packing is None else cast(BinaryIO, io.BufferedReader(_Unpacking(path, packing)))


def opened_text(path: Path) -> io.TextIOWrapper:
    """The text of a file, unpacked where it is packed, with its line ends as they are, past a byte order mark."""
    return io.TextIOWrapper(unpacked(path), encoding="utf-8-sig", newline="")


def fed(path: Path, command: str) -> str:
    """A shell command that reads a file from standard input, unpacked where it is packed."""
    packing = packing_of(path)
    name = shlex.quote(str(path))
    return f"{command} < {name}" if packing is None else f"{packing.name} -dc {name} | {command}"


def plain_name(path: Path) -> Path:
    """The path less an ending that says that the file is packed."""
    return path.with_suffix("") if path.suffix in (".gz", ".zst", ".bz2", ".xz") else path


class _Unpacking(io.RawIOBase):
    """The bytes of a packed file; what is wrong with it is said of the file."""

    def __init__(self, path: Path, packing: Packing) -> None:
        self._path, self._packing = path, packing
        self._file = path.open("rb")
        self._stream = packing.unpack(self._file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._stream.readinto(buffer))
        except (EOFError, OSError, zlib.error) as error:
            name = self._packing.name
            raise DataError(
                f"{self._path}: packed with {name}, and cut off or damaged: {error}. Copy or download it again; "
                f"`{name} -t {shlex.quote(str(self._path))}` says whether it is whole"
            ) from None

    def close(self) -> None:
        self._file.close()
        super().close()
