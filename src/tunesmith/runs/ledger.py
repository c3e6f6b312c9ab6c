"""Every look at a test set, written down: a test set that was consulted often no longer tests."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from tunesmith.config.folders import expand
from tunesmith.errors import FilesError

FILE_NAME = "test_looks.jsonl"


def record_look(root: Path, *, data_fingerprint: str, run: Path, reason: str) -> int:
    """Write a look into the ledger, before it is taken.

    Args:
        root: Folder of all runs, where the ledger is.
        data_fingerprint: Identity of the data whose test split is looked at.
        run: Directory of the run that looks.
        reason: The command that looks, e.g. `train`.

    Returns:
        How often this test set has now been looked at.

    Raises:
        FilesError: The ledger cannot be written; then there must be no look.
    """
    path = expand(root) / FILE_NAME
    look = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_fingerprint": data_fingerprint,
        "run": str(run),
        "reason": reason,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            cut = file.tell() and _last_byte(file) != b"\n"  # a kill or a full disk cut the line of another run
            # One write of one line: simultaneous runs do not mix.
            file.write((b"\n" if cut else b"") + json.dumps(look, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FilesError(f"cannot write the ledger of test looks {path}: {error.strerror}") from None
    return len(looks(root, data_fingerprint))


def looks(root: Path, data_fingerprint: str) -> list[dict[str, Any]]:
    """All looks at the test split of the data with this fingerprint, oldest first."""
    path = expand(root) / FILE_NAME
    if not path.is_file():
        return []
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            look = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(look, dict) and look.get("data_fingerprint") == data_fingerprint:
            found.append(look)
    return found


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)
