"""Describes a git working tree, including uncommitted changes."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

from tunesmith.redaction import redact

TIMEOUT_S = 10.0
MAX_DIFF_CHARS = 1_000_000
MAX_UNTRACKED_FILES = 200
MAX_HASHED_BYTES = 10_000_000
"""Untracked files above this are data or weights, recorded elsewhere: only their size is kept."""


def git_state(folder: Path) -> dict[str, Any] | None:
    """Describe the repository that contains `folder`; None outside a repository, or without git.

    Returns:
        `root`, `commit` (None before the first one), `branch` (None when detached), `remote` (without its login),
        `dirty` (tracked files differ from the commit), `diff` and whether it was cut (`diff_truncated`), `untracked`
        (path, bytes, sha256) and `num_untracked`, which also counts those beyond the list.
    """
    root = _git(folder, "rev-parse", "--show-toplevel")
    if root is None:
        return None
    tree = Path(root.strip())
    commit = _line(_git(tree, "rev-parse", "--verify", "HEAD"))
    diff = _git(tree, "diff", "--no-ext-diff", "--no-color", "HEAD") if commit else ""
    untracked = [
        name for name in (_git(tree, "ls-files", "--others", "--exclude-standard", "-z") or "").split("\0") if name
    ]
    return {
        "root": str(tree),
        "commit": commit,
        "branch": _line(_git(tree, "symbolic-ref", "--short", "HEAD")),
        "remote": redact(_line(_git(tree, "remote", "get-url", "origin"))),
        "dirty": None if diff is None else bool(diff),
        "diff": None if diff is None else redact(diff[:MAX_DIFF_CHARS]),
        "diff_truncated": diff is not None and len(diff) > MAX_DIFF_CHARS,
        "untracked": [_describe(tree, name) for name in untracked[:MAX_UNTRACKED_FILES]],
        "num_untracked": len(untracked),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    """Return the output of a git command; None if it fails, takes too long or git is missing."""
    # A repository's own configuration may name an fsmonitor program; reading its state must not start one.
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace")


def _line(output: str | None) -> str | None:
    return output.strip() or None if output is not None else None


def _describe(tree: Path, name: str) -> dict[str, Any]:
    path = tree / name
    try:
        size = path.stat().st_size
        small = path.is_file() and size <= MAX_HASHED_BYTES
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if small else None
    except OSError:
        return {"path": name, "bytes": None, "sha256": None}
    return {"path": name, "bytes": size, "sha256": digest}
