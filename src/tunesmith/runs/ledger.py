"""Records every look at a test set: results on a test set that was consulted often are biased."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunesmith.config.folders import expand
from tunesmith.errors import FilesError
from tunesmith.storage import append_line, read_lines

FILE_NAME = "test_looks.jsonl"


def record_look(root: Path, *, data_fingerprint: str, run: Path, reason: str) -> int:
    """Write a look into the ledger before it happens.

    Args:
        root: Folder of all runs, which holds the ledger.
        data_fingerprint: Fingerprint of the data whose test split is evaluated.
        run: Directory of the run that is evaluated.
        reason: The command that evaluates, e.g. `train`.

    Returns:
        The number of looks at this test set so far, including this one.

    Raises:
        FilesError: The ledger cannot be written; the test set must not be evaluated then.
    """
    path = expand(root) / FILE_NAME
    look = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_fingerprint": data_fingerprint,
        "run": str(run),
        "reason": reason,
    }
    try:
        append_line(path, look)
    except OSError as error:
        raise FilesError(f"cannot write the ledger of test looks {path}: {error.strerror}") from None
    return len(looks(root, data_fingerprint))


def looks(root: Path, data_fingerprint: str) -> list[dict[str, Any]]:
    """Return all looks at the test split of the data with this fingerprint, oldest first."""
    entries = read_lines(expand(root) / FILE_NAME, skip_damaged=True)
    return [look for look in entries if look.get("data_fingerprint") == data_fingerprint]
