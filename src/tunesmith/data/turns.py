"""One process at a time makes an entry of the cache; the others wait for it."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("tunesmith")


@contextmanager
def one_at_a_time(entry: Path, what: str) -> Iterator[None]:
    """Wait until no other process makes an entry, and say so; where the folder cannot be written, go on at once.

    The system gives a lock back when its process ends, however that may be.

    Args:
        entry: The entry's file; the lock is a file beside it while it is made.
        what: What is waited for, in words.
    """
    lock = entry.with_name(f"{entry.name}.lock")
    held = _held(lock, what)
    try:
        yield
    finally:
        if held is not None:
            lock.unlink(missing_ok=True)  # while it is held: who waits for it finds it gone, and takes a new one
            os.close(held)


def _held(lock: Path, what: str) -> int | None:
    """An open file that is locked; None where there cannot be one."""
    told = False
    while True:
        file = None
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            told = _locked(file, lock, what, told)
            if lock.exists() and os.path.samestat(os.fstat(file), lock.stat()):
                return file
            os.close(file)
        except FileNotFoundError:  # given back between two looks at it
            if file is None:
                return None
            os.close(file)
        except OSError:
            if file is not None:
                os.close(file)
            return None


def _locked(file: int, lock: Path, what: str, told: bool) -> bool:
    """Lock a file, and tell whether it was said that this took waiting."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not told:
            log.info("another process makes %s: waiting for it (%s)", what, lock, extra={"once": True})
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    return told
