"""Rows as they were read from large files, kept in `data.cache_dir` by the bytes of the files and all that decides."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import platform
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tunesmith.config.folders import expand
from tunesmith.config.schema import Data
from tunesmith.data.row_files import Notice, load_rows, save_rows_read
from tunesmith.data.rows import Rows
from tunesmith.data.task import RowTask
from tunesmith.data.turns import one_at_a_time

FORMATS = ("csv", "jsonl", "conll")
"""Formats whose rows follow from the files' bytes alone; a class may read what it likes."""
LEAST_BYTES = 4 << 20
"""Smaller data is read again: that takes about as long as to import what reads the kept rows."""
BATCHES = ("batch_size", "micro_batch_size", "eval_batch_size", "order", "num_workers")
LATER_KEYS = frozenset((*BATCHES, "cache_dir", "num_rows", "train_rows", "on_leak", "near", "cleaning"))
"""Keys of `data` that are used on rows that are read; every other is taken to decide what is read."""
PACKAGE = Path(__file__).resolve().parent.parent
log = logging.getLogger("tunesmith")


def kept_rows(data: Data, task: RowTask, files: Collection[Path], mixed: bool, read: Callable[[], Rows]) -> Rows:
    """The rows that `read` gives, from the cache if they were read before; notices of reading are given either way.

    A damaged entry is read anew. If the folder cannot be written, nothing is kept.

    Args:
        data: The data config.
        task: The task.
        files: All files that are read, in order.
        mixed: As in `read_rows`.
        read: Reads the rows.

    Raises:
        DataError: As `read` does.
    """
    own = type(task).__module__.startswith("tunesmith.")
    if data.format not in FORMATS or not own or not _are_large(files):
        return read()
    before = _states(files)
    path = expand(data.cache_dir) / f"rows-{_key(data, task, files, mixed)}.arrow"
    if (kept := load_rows(path)) is None:
        with one_at_a_time(path, "the rows of the same files"):
            if (kept := load_rows(path)) is None:  # another process may have made it meanwhile
                return _read_and_kept(path, files, before, read)
    rows, notices = kept
    for level, message, once in notices:
        log.log(level, "%s", message, extra={"once": once})
    return rows


def _read_and_kept(
    path: Path, files: Collection[Path], before: list[tuple[int, int, int]], read: Callable[[], Rows]
) -> Rows:
    with _noticed() as notices:
        rows = read()
    unchanged = _states(files) == before  # a file that was written to meanwhile has rows of neither state
    kept = load_rows(path) if unchanged and save_rows_read(path, rows, notices) else None
    return rows if kept is None else kept[0]


def _are_large(files: Collection[Path]) -> bool:
    return all(file.is_file() for file in files) and sum(file.stat().st_size for file in files) >= LEAST_BYTES


def _states(files: Collection[Path]) -> list[tuple[int, int, int]]:
    return [(state.st_ino, state.st_size, state.st_mtime_ns) for state in (file.stat() for file in files)]


def _key(data: Data, task: RowTask, files: Collection[Path], mixed: bool) -> str:
    """Everything that decides rows and notices; the level of the log decides which notices there are."""
    settings = {key: value for key, value in data.model_dump(mode="json").items() if key not in LATER_KEYS}
    kind = f"{type(task).__module__}.{type(task).__qualname__}"
    own = [settings, kind, task.config.model_dump(mode="json"), mixed, log.getEffectiveLevel(), _code()]
    content = []
    for path in files:
        with path.open("rb") as file:
            content.append([str(path), str(path.absolute()), hashlib.file_digest(file, "sha256").hexdigest()])
    return hashlib.sha256(json.dumps([own, content]).encode()).hexdigest()[:32]


@functools.cache
def _code() -> str:
    """Hash of the code that reads: ours, with the versions of Python, whose `csv` and `json` parse, and of Jinja."""
    digest = hashlib.sha256(f"{platform.python_version()} {version('jinja2')}".encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        code = path.read_bytes()
        digest.update(f"{path.relative_to(PACKAGE)}:{len(code)}:".encode() + code)
    return digest.hexdigest()


class _Notices(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.notices: list[Notice] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.notices.append((record.levelno, record.getMessage(), bool(getattr(record, "once", False))))


@contextmanager
def _noticed() -> Iterator[list[Notice]]:
    """Collect what is logged meanwhile."""
    handler = _Notices()
    log.addHandler(handler)
    try:
        yield handler.notices
    finally:
        log.removeHandler(handler)
