"""The files that a pattern such as `parts/*.csv` stands for."""

from __future__ import annotations

import glob
import logging
from pathlib import Path

from tunesmith.config.folders import expand
from tunesmith.errors import DataError

SIGNS = "*?["
log = logging.getLogger("tunesmith")


def matching(name: str) -> list[Path]:
    """The file of a name, or those that match it, by name; how many they are is said.

    Args:
        name: As in `data.path`. A file that is really called so is that file.

    Raises:
        DataError: Nothing matches.
    """
    path = expand(name)
    if not any(sign in name for sign in SIGNS) or path.exists():
        return [path]
    paths = sorted(map(Path, glob.glob(str(path), recursive=True)))
    if not paths:
        raise DataError(f"{path}: no file matches. Put the pattern in quotes, or name the files: data.path=[FILE,FILE]")
    count = f"{len(paths)} files, from {paths[0].name} to {paths[-1].name}" if len(paths) > 1 else paths[0].name
    log.info("%s: %s", path, count, extra={"once": True})
    return paths
