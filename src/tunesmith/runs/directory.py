"""A run's directory: opened once, never reused, every file in its place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tunesmith.config.folders import expand
from tunesmith.errors import FilesError

UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class RunDirectory:
    """Where each file of a run is."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved config, relaunched by `tunesmith train --from`."""
        return self.path / "config.yaml"

    @property
    def provenance(self) -> Path:
        """Command, code, packages, hardware, data and model identity."""
        return self.path / "provenance.json"

    @property
    def metrics(self) -> Path:
        """Curves: one JSON object per line."""
        return self.path / "metrics.jsonl"

    @property
    def results(self) -> Path:
        """Status and final numbers."""
        return self.path / "results.json"

    @property
    def predictions(self) -> Path:
        """One JSON object per evaluated row."""
        return self.path / "predictions.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Folder of `last.ckpt`, for a resume."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder of the best weights in the Hugging Face layout."""
        return self.path / "model"

    @property
    def log(self) -> Path:
        """What the program had to say."""
        return self.path / "run.log"

    def said(self) -> dict[str, Any]:
        """What the run says of itself in its results; nothing where it came to no words."""
        try:
            content = json.loads(self.results.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a process that was killed may leave anything
            return {}
        return content if isinstance(content, dict) else {}


def open_directory(root: Path, name: str, fingerprint: str, exact: Path | None = None) -> RunDirectory:
    """Make a new run directory: `<root>/<day>/<time>_<name>_<first 6 of the fingerprint>`.

    Directories are made exclusively, so that simultaneous starts never share one: the second of two takes a suffix.

    Args:
        root: Folder of all runs.
        name: Name for people; characters that do not belong in a file name are replaced.
        fingerprint: Identity of the config, in hex.
        exact: The directory itself, instead of a made-up one.

    Raises:
        FilesError: It exists already, or cannot be made.
    """
    now = datetime.now()
    safe = UNSAFE.sub("-", name).strip("-.")[:60] or "run"
    stem = exact or root / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}_{safe}_{fingerprint[:6]}"
    stem = expand(stem)
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            path = stem if attempt == 1 else stem.with_name(f"{stem.name}_{attempt}")
            try:
                path.mkdir()
            except FileExistsError:
                if exact is not None:
                    raise FilesError(f"run.dir={exact} exists already; a run directory is never reused") from None
                continue
            return RunDirectory(path.resolve())
    except OSError as error:
        raise FilesError(f"cannot make the run directory {stem}: {error.strerror}") from None
    raise FilesError(f"cannot find a free name beside {stem}")


def clear_away(directory: RunDirectory) -> None:
    """Remove what a killed process left half written in a run's folders.

    Raises:
        FilesError: It cannot be removed.
    """
    for folder in (directory.path, directory.checkpoints, directory.model):
        # `.tmp...` are the files that safetensors writes beside their place.
        for stale in [*folder.glob(".*.tmp"), *folder.glob(".tmp*")]:
            try:
                stale.unlink(missing_ok=True)
            except OSError as error:
                raise FilesError(f"cannot remove {stale}: {error.strerror}") from None
