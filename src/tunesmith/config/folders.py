"""Where the shipped configs lie, found without importing anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """Folder of shipped configs: inside the package when installed from a wheel, at the top of a checkout otherwise."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parents[1] / name


def expand(path: str | Path) -> Path:
    """A path with `~` expanded; that of an unknown user stays as it is, and is then no such file."""
    try:
        return Path(os.path.expanduser(path))
    except ValueError:  # a user's name with a NUL in it; there is no such path either
        return Path(path)


def group_options(config_dirs: Sequence[Path] = ()) -> dict[str, list[str]]:
    """Every config group with the names of its options, the user's and the shipped ones.

    Args:
        config_dirs: Folders of the user's own options.
    """
    groups: dict[str, set[str]] = {}
    for root in (*config_dirs, shipped("conf")):
        for file in sorted(root.glob("*/**/*.yaml")):
            groups.setdefault(file.parent.relative_to(root).as_posix(), set()).add(file.stem)
    return {group: sorted(options) for group, options in groups.items() if not group.startswith("hydra")}
