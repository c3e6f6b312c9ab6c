"""What follows from kept rows alone, kept beside them: a warm start does not read their texts to know it again."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tunesmith.data.lazy import LazyColumn
from tunesmith.errors import FilesError
from tunesmith.storage import replace_file


def remembered(what: str, columns: Sequence[Sequence[Any]], make: Callable[[], bytes]) -> bytes:
    """What `make` gives, from the cache if all columns lie in one kept file and it was made before.

    Args:
        what: What it is, with all that it follows from beside the columns.
        columns: What it follows from.
        make: Makes it.
    """
    path = _path(what, columns)
    if path is None:
        return make()
    with contextlib.suppress(OSError):
        content = path.read_bytes()
        size = hashlib.sha256().digest_size
        if hashlib.sha256(content[size:]).digest() == content[:size]:
            return content[size:]
    made = make()
    with contextlib.suppress(OSError, FilesError):
        replace_file(path, lambda temporary: temporary.write_bytes(hashlib.sha256(made).digest() + made))
    return made


def _path(what: str, columns: Sequence[Sequence[Any]]) -> Path | None:
    """The file for it; None where a column is in memory, or changed, or in a file that is not kept."""
    digest, file = hashlib.sha256(what.encode()), None
    for column in columns:
        if not isinstance(column, LazyColumn) or column.origin is None:
            return None
        file, name = column.origin
        digest.update(f"\0{file.name}\0{name}\0{len(column)}\0".encode())
        digest.update(column.positions.tobytes())
    return None if file is None else file.with_suffix(f".{digest.hexdigest()[:32]}")
