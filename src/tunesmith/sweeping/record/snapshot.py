"""Freeze a sweep's configs at its launch: later edits do not change any trial."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from tunesmith.config.composing.composer import Composer
from tunesmith.config.composing.files import subfolders
from tunesmith.config.folders import shipped
from tunesmith.errors import FilesError

FOLDER = "snapshot"


def take(sweep: Path, composer: Composer, varied: Iterable[str]) -> Composer:
    """Copy every config that a trial could be composed from.

    Args:
        sweep: The sweep's directory.
        composer: It must have composed every combination of config groups of the sweep.
        varied: The keys of the search, including groups.

    Returns:
        A composer over the copies.

    Raises:
        FilesError: They cannot be copied.
    """
    folder = sweep / FOLDER
    groups = composer.looked_up() | {key.split("/")[0] for key in varied}
    try:
        pairs = [
            *(pair for kind in ("conf", "sweeps") for pair in _pairs(shipped(kind), folder / kind)),
            *(
                pair
                for number, source in enumerate(composer.config_dirs)
                for pair in _pairs(source, folder / "user" / f"{number:02d}", groups)
            ),
        ]
        for source, copy in pairs:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        for number in range(len(composer.config_dirs)):
            (folder / "user" / f"{number:02d}").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilesError(f"the configs cannot be copied to {folder}: {error.strerror}") from error
    return reopen(sweep, composer.name)


def _pairs(source: Path, target: Path, kept: Collection[str] | None = None) -> Iterator[tuple[Path, Path]]:
    """List the YAML files of a config folder and its groups, each with the path of its copy.

    Args:
        source: The folder.
        target: Where the copies go.
        kept: Top-level groups to copy, if the folder may contain anything else, as the folder of a sweep file does;
            None copies all.
    """
    groups = (group for group in subfolders(str(source)) if kept is None or group.split("/")[0] in kept)
    for group in ("", *groups):
        for file in sorted((source / group).glob("*.yaml")):
            if file.is_file():
                yield file, target / group / file.name


def reopen(sweep: Path, name: str) -> Composer:
    """Create a composer over a sweep's snapshot.

    Raises:
        FilesError: It is missing.
    """
    folder = sweep / FOLDER
    if not (folder / "conf" / "train.yaml").is_file():
        raise FilesError(f"{folder} is missing: the sweep cannot continue without the configs of its launch")
    return Composer(name, sorted((folder / "user").glob("*")), folder)
