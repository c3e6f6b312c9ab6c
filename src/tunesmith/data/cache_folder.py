"""What the folder of the cache holds, kind by kind, and its removal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DAY_S: Final = 86_400


@dataclass(frozen=True)
class Kind:
    """A kind of entries."""

    pattern: str
    """Matches its files or folders."""
    name: str
    is_removed: bool = True
    """Whether clearing removes it: everything that is made again when it is needed."""


KINDS: Final = (
    Kind("rows-*", "rows as they were read"),
    Kind("tokens-*", "tokens of texts"),
    Kind("baselines-*", "answers of linear baselines"),
    Kind("gguf-*", "models converted from GGUF"),
    Kind("rows/*", "rows given to save_rows", is_removed=False),
)


@dataclass(frozen=True)
class Cached:
    """A file or a folder in the cache."""

    path: Path
    kind: Kind
    num_bytes: int
    last_used: float
    """When it was last read or written, in seconds since 1970; file systems may note a reading a day late."""

    def remove(self) -> None:
        """Remove it.

        Raises:
            OSError: It cannot be removed.
        """
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)


def cached_entries(folder: Path) -> Iterator[Cached]:
    """Every entry, by kind; what is none of ours is passed over."""
    for kind in KINDS:
        for path in sorted(folder.glob(kind.pattern)):
            files = [path, *path.rglob("*")] if path.is_dir() else [path]
            states = [file.stat() for file in files if file.is_file()]
            last = max((max(state.st_atime, state.st_mtime) for state in states), default=0.0)
            yield Cached(path, kind, sum(state.st_size for state in states), last)


def unused(entry: Cached, days: float) -> bool:
    """Whether an entry may go: it is of a kind that is made again, and was not used for so many days."""
    return entry.kind.is_removed and time.time() - entry.last_used >= days * DAY_S
