"""Arrays of tokens as one file: written piece by piece, read back without being loaded."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from tunesmith.errors import FilesError
from tunesmith.storage import replace_file

Arrays = Mapping[str, npt.NDArray[Any]]
OFFSETS = "offsets"
"""The array that begins at 0 in every piece and goes on from piece to piece; others stand end to end."""
BLOCK = 1 << 20
"""Bytes read at a time."""
LOCAL_HEADER = 30
"""Bytes before the name of a zip file's member."""


def load_arrays(path: Path) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays of a file, memory-mapped; None if it is missing, cut short by a crash or a full disk, or damaged."""
    try:
        with ZipFile(path) as members, path.open("rb") as file:
            if not members.namelist():
                return None
            for name in members.namelist():
                _check(members, name)
            return {info.filename.removesuffix(".npy"): _mapped(path, file, info) for info in members.infolist()}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, NotImplementedError):
        return None


def save_pieces(path: Path, pieces: Iterable[Arrays]) -> bool:
    """Write arrays that come in pieces, and tell whether that was possible; only one piece is in memory at a time.

    Args:
        path: The file; its folder is created if it is missing.
        pieces: At least one; all name the same arrays.
    """
    with contextlib.suppress(OSError, FilesError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp") as folder:
            arrays = _spooled(Path(folder), pieces)
            replace_file(path, lambda temporary: _write(temporary, arrays))
        return True
    return False


def join_pieces(pieces: Sequence[Arrays]) -> dict[str, npt.NDArray[Any]]:
    """Arrays that come in pieces, in memory."""
    joined = {name: [piece[name] for piece in pieces] for name in pieces[0]}
    if OFFSETS in joined:
        ends = np.cumsum([0, *(int(offsets[-1]) for offsets in joined[OFFSETS])])
        later = [offsets[1:] + end for offsets, end in zip(joined[OFFSETS], ends, strict=False)]
        joined[OFFSETS] = [joined[OFFSETS][0][:1], *later]
    return {name: np.concatenate(arrays) for name, arrays in joined.items()}


def _spooled(folder: Path, pieces: Iterable[Arrays]) -> dict[str, npt.NDArray[Any]]:
    """Arrays whose pieces stand end to end in a file each, mapped."""
    kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
    lengths: dict[str, int] = {}
    end = 0
    with contextlib.ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}
        for piece in pieces:
            for name, array in piece.items():
                if name not in files:
                    files[name] = stack.enter_context((folder / name).open("wb"))
                    kinds[name], lengths[name] = (array.dtype, array.shape[1:]), 0
                    values = array
                else:
                    values = array[1:] + end if name == OFFSETS else array
                files[name].write(np.ascontiguousarray(values).data)
                lengths[name] += len(values)
            end += int(piece[OFFSETS][-1]) if OFFSETS in piece else 0
    return {
        name: np.memmap(folder / name, dtype, "r", shape=(lengths[name], *shape))
        if lengths[name]
        else np.zeros((0, *shape), dtype)
        for name, (dtype, shape) in kinds.items()
    }


def _write(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:  # savez adds a suffix to a path, but not to a file
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _check(members: ZipFile, name: str) -> None:
    """Read a member to its end, where its checksum is compared."""
    with members.open(name) as member:
        while member.read(BLOCK):
            pass


def _mapped(path: Path, file: IO[bytes], info: Any) -> npt.NDArray[Any]:
    """An uncompressed array of a zip file, where it stands."""
    if info.compress_type != ZIP_STORED:
        raise BadZipFile(f"{info.filename} is compressed")
    file.seek(info.header_offset)
    header = file.read(LOCAL_HEADER)
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    file.seek(info.header_offset + LOCAL_HEADER + lengths)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if fortran or dtype.hasobject:
        raise ValueError(f"{info.filename} is no plain array")
    if 0 in shape:
        return np.zeros(shape, dtype)
    # "c": a private copy of what is written to, since torch warns of arrays that cannot be written to at all
    return np.memmap(path, dtype, "c", file.tell(), shape).view(np.ndarray)
