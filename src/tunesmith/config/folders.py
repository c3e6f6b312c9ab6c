"""Finds the shipped configs without importing anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """Folder of shipped configs: inside the package if installed from a wheel, else at the top of the checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parents[1] / name


def expand(path: str | Path) -> Path:
    """A path with `~` expanded; if the user is unknown, it stays as it is, and no such file exists."""
    try:
        return Path(os.path.expanduser(path))
    except ValueError:  # a user name with a NUL; no such path exists either
        return Path(path)


def group_options(config_dirs: Sequence[Path] = ()) -> dict[str, list[str]]:
    """Every config group with the names of its options, including the user's.

    Args:
        config_dirs: Folders of the user's own options.
    """
    groups: dict[str, set[str]] = {}
    for root in (*config_dirs, shipped("conf")):
        for file in sorted(root.glob("*/**/*.yaml")):
            groups.setdefault(file.parent.relative_to(root).as_posix(), set()).add(file.stem)
    return {group: sorted(options) for group, options in groups.items() if not group.startswith("hydra")}
