"""The configs of a sweep as they stood at its launch: later edits change no trial."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tunesmith.config.composer import Composer
from tunesmith.config.folders import shipped
from tunesmith.errors import FilesError

FOLDER = "snapshot"


def take(sweep: Path, name: str, config_dirs: Sequence[Path], trust: Sequence[str]) -> Composer:
    """Copy every config that a trial could be composed from.

    Args:
        sweep: The sweep's directory.
        name: The primary config.
        config_dirs: The user's own folders.
        trust: Modules of the user's own whose classes a config may name.

    Returns:
        A composer over the copies.

    Raises:
        FilesError: They cannot be copied.
    """
    folder = sweep / FOLDER
    try:
        for source, target in [
            *((shipped(kind), folder / kind) for kind in ("conf", "sweeps")),
            *((source, folder / "user" / f"{number:02d}") for number, source in enumerate(config_dirs)),
        ]:
            for file in sorted(source.rglob("*.yaml")):
                copy = target / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
            target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilesError(f"the configs cannot be copied to {folder}: {error.strerror}") from error
    return reopen(sweep, name, trust)


def reopen(sweep: Path, name: str, trust: Sequence[str]) -> Composer:
    """A composer over the snapshot of a sweep.

    Raises:
        FilesError: It is gone.
    """
    folder = sweep / FOLDER
    if not (folder / "conf" / "train.yaml").is_file():
        raise FilesError(f"{folder} is not there: the sweep cannot go on without the configs of its launch")
    return Composer(name, sorted((folder / "user").glob("*")), folder, trust)
