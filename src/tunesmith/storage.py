"""Reads and writes files, whole or line by line; they stay readable after a kill at any moment."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import yaml

from tunesmith.errors import FilesError

NOT_FINITE = ("nan", "inf", "-inf")
"""Numbers that strict JSON lacks, as they are written in curves."""


def replace_file(path: Path, write: Callable[[Path], object], *, failures: tuple[type[Exception], ...] = ()) -> None:
    """Write a temporary file, then move it into place: readers see the old or the new file, also after a crash.

    Args:
        path: The file to replace; its folder exists.
        write: Writes the content to the path passed to it.
        failures: Errors besides OSError that `write` raises if it cannot write.

    Raises:
        FilesError: The disk is full or the folder cannot be written; the old file is unchanged.
    """
    expected: tuple[type[Exception], ...] = (OSError, *failures)
    temporary = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        temporary.chmod(0o644)  # mkstemp makes files private to the user
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except expected as error:
        reason = (isinstance(error, OSError) and error.strerror) or f"is the disk full? ({str(error).splitlines()[0]})"
        raise FilesError(f"cannot write {path}: {reason}") from error
    finally:
        if temporary is not None and temporary.exists():
            os.truncate(temporary, 0)  # a failed writer may hold it open; see docs/decisions.md, 2026-11-22: emptied
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Replace a file atomically by a text.

    Raises:
        FilesError: The file cannot be written.
    """
    write_pieces(path, [text])


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Replace a file atomically by a text that comes in pieces, and is not in memory as a whole.

    Raises:
        FilesError: The file cannot be written.
    """

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(pieces)

    replace_file(path, write)


def write_json(path: Path, value: Any) -> None:
    """Replace a file atomically by the value as indented, strict JSON.

    Raises:
        FilesError: The file cannot be written.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file atomically by one JSON object per line.

    Raises:
        FilesError: The file cannot be written.
    """
    write_pieces(path, map(_line, records))


def write_points(path: Path, points: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file of curves atomically; NaN and infinity are written as text.

    Raises:
        FilesError: The file cannot be written.
    """
    write_text(path, "".join(map(_point, points)))


def make_folder(folder: Path, fill: Callable[[Path], object]) -> None:
    """Fill a temporary folder, then move it into place, so it is never seen half-written.

    If another process has created the folder in the meantime, its folder stays and this one is discarded.

    Args:
        folder: The folder to create.
        fill: Writes the files into the folder passed to it.

    Raises:
        OSError: The folder cannot be written; nothing is left behind.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".tmp"))
    try:
        fill(temporary)
        temporary.chmod(0o755)
        with contextlib.suppress(FileExistsError):
            temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # the error of renaming onto an existing folder depends on the file system
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class LineAppender:
    """Appends records to a JSON-lines file; every line reaches the operating system before `write` returns."""

    def __init__(self, path: Path) -> None:
        """Open `path` for appending; an unfinished last line of a killed process is removed first.

        Raises:
            OSError: The file cannot be opened or repaired.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_unfinished_line(path)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, Any], *, sync: bool = False) -> None:
        """Append one record.

        Args:
            record: JSON values; NaN and infinity are written as text (`"nan"`, `"inf"`).
            sync: Wait until the line is on the disk, so it survives a power cut as well as a kill.

        Raises:
            OSError: The disk is full or gone.
        """
        self._file.write(_point(record))
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync everything to disk and close the file; a second call does nothing."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one record to a JSON-lines file that several processes share; it is on the disk when this returns.

    If another process left an unfinished line, it is ended first, so only that line is damaged.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        cut = file.tell() and _last_byte(file) != b"\n"
        # One write per line, so lines of simultaneous writers do not mix.
        file.write((b"\n" if cut else b"") + _line(record).encode())
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path, *, skip_damaged: bool = False) -> list[dict[str, Any]]:
    """Read a JSON-lines file, oldest record first.

    A last line without a line break, left by a killed process, is ignored; a missing file has no lines.

    Args:
        path: The file.
        skip_damaged: Skip damaged lines, for a file that several processes write.

    Raises:
        FilesError: Another line is not a JSON object; the message names it.
    """
    if not path.is_file():
        return []
    records = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            records.append(_parse(line, path, number))
        except FilesError:
            if not skip_damaged:
                raise
    return records


def read_points(path: Path) -> list[dict[str, Any]]:
    """Read a file of curves; NaN and infinity come back as floats.

    Raises:
        FilesError: A line other than the last is not a JSON object.
    """
    return [
        {key: float(value) if value in NOT_FINITE else value for key, value in point.items()}
        for point in read_lines(path)
    ]


def read_mapping(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Read a mapping from a file; empty if there is no file.

    Raises:
        FilesError: The file cannot be read, or holds something else.
    """
    try:
        value = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FilesError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise FilesError(f"{path} is damaged: {reason}") from None
    if not isinstance(value, dict):
        raise FilesError(f"{path} is damaged: it holds a {type(value).__name__}, not a mapping")
    return value


_LOCKS: set[int] = set()


def _release_locks() -> None:
    """Release all locks in a forked child (a data loader), so none is held once the parent is gone."""
    for handle in _LOCKS:
        os.close(handle)
    _LOCKS.clear()


os.register_at_fork(after_in_child=_release_locks)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run's or sweep's directory for this process; the lock ends when the process does.

    Raises:
        FilesError: Another process holds the lock, or the directory cannot be written.
    """
    try:
        handle = os.open(folder / ".lock", os.O_CREAT | os.O_WRONLY, 0o644)
    except OSError as error:
        raise FilesError(f"cannot write into {folder}: {error.strerror}") from None
    _LOCKS.add(handle)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FilesError(
                f"{folder} is in use by another process; see it with: tunesmith show {shlex.quote(str(folder))}"
            ) from None
        yield
    finally:
        if handle in _LOCKS:  # otherwise this is a forked child, which has already closed it
            _LOCKS.remove(handle)
            os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Sync the folder's entries to disk, so a power cut does not undo the move."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parse(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FilesError(f"{path}:{number} is damaged: it is not a JSON object ({error})") from None
    if not isinstance(record, dict):
        raise FilesError(f"{path}:{number} is damaged: it is not a JSON object but a {type(record).__name__}")
    return record


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _point(point: Mapping[str, Any]) -> str:
    strict = {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in point.items()
    }
    return json.dumps(strict, allow_nan=False) + "\n"


def _drop_unfinished_line(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb+") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            file.truncate(end)


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)
