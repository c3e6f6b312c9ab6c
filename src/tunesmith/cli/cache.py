"""`tunesmith cache`: what is kept of data and models between runs, and its removal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tunesmith.cli.options import Parser
from tunesmith.config.folders import expand
from tunesmith.data.cache_folder import DAY_S, KINDS, Cached, cached_entries, unused
from tunesmith.errors import FilesError
from tunesmith.terminal import say

DESCRIPTION = "What is kept between runs in the folder of the cache (data.cache_dir): its size and its last use."
DEFAULT = "~/.cache/tunesmith"


def main(argv: list[str]) -> int:
    """Print what the cache holds, or remove it.

    Returns:
        0.

    Raises:
        FilesError: The folder is missing, or an entry cannot be removed.
    """
    verb = Parser(prog="tunesmith cache", description=DESCRIPTION)
    verb.add_argument("action", nargs="?", choices=("show", "clear"), default="show", help="clear removes it")
    verb.add_argument("--folder", type=expand, default=expand(DEFAULT), help=f"data.cache_dir (default: {DEFAULT})")
    verb.add_argument(
        "--older-than", type=float, default=0.0, metavar="DAYS", help="clear: only what was not used for so long"
    )
    arguments = verb.parse_args(argv)
    if not arguments.folder.is_dir():
        raise FilesError(f"{arguments.folder}: no such folder, so nothing is kept there. Name another: --folder FOLDER")
    found = list(cached_entries(arguments.folder))
    if arguments.action == "clear":
        found = clear([entry for entry in found if unused(entry, arguments.older_than)])
    say(cache_table(arguments.folder, found, removed=arguments.action == "clear"))
    return 0


def clear(old: Sequence[Cached]) -> list[Cached]:
    """Remove entries; a run that reads one goes on, and the next makes it again.

    Raises:
        FilesError: One cannot be removed.
    """
    for entry in old:
        try:
            entry.remove()
        except OSError as error:
            raise FilesError(f"{entry.path}: cannot be removed: {error.strerror}") from error
    return list(old)


def cache_table(folder: Path, listed: Iterable[Cached], *, removed: bool) -> str:
    """The number, size and last use of entries by kind, a line each."""
    of = {kind: [entry for entry in listed if entry.kind is kind] for kind in KINDS}
    lines = [
        f"  {kind.name:<30}{len(own):>7,}{_size(own):>12}   last used {_ago(own)}"
        + ("" if kind.is_removed else "; runs read them there, so they stay until removed by hand")
        for kind, own in of.items()
        if own
    ]
    head = f"removed from {folder}" if removed else str(folder)
    return "\n".join([head, *(lines or ["  nothing"])])


def _size(own: Sequence[Cached]) -> str:
    num_bytes = sum(entry.num_bytes for entry in own)
    return f"{num_bytes / 1e6:,.1f} MB" if num_bytes >= 100_000 else f"{num_bytes / 1e3:,.1f} kB"


def _ago(own: Sequence[Cached]) -> str:
    days = int((time.time() - max(entry.last_used for entry in own)) // DAY_S)
    return "today" if days < 1 else f"{days} day{'s' if days > 1 else ''} ago"
