"""A run's directory: created once, never reused, with a fixed layout."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tunesmith.config.data_files import SPLIT_FILE
from tunesmith.config.folders import expand
from tunesmith.errors import FilesError

UNSAFE = re.compile(r"[^\w.+-]+")
CALIBRATION_FILE = "calibration.json"
"""In a model's folder. transformers and peft leave it alone: their logits are those without it."""


@dataclass(frozen=True)
class RunDirectory:
    """Paths of a run's files."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved config, which `tunesmith train --from` runs again."""
        return self.path / "config.yaml"

    @property
    def provenance(self) -> Path:
        """Command, code, packages, hardware, data and model identity."""
        return self.path / "provenance.json"

    @property
    def split(self) -> Path:
        """Which row is in which split, for `data.split.from_run` of later runs."""
        return self.path / SPLIT_FILE

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
    def calibration(self) -> Path:
        """The temperature of the model's probabilities, beside its weights; a run whose answers have none lacks it."""
        return self.model / CALIBRATION_FILE

    @property
    def log(self) -> Path:
        """The run's log messages."""
        return self.path / "run.log"

    def read_results(self) -> dict[str, Any]:
        """Return the content of `results.json`, or {} if it is missing or damaged."""
        try:
            content = json.loads(self.results.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a process that was killed may leave anything
            return {}
        return content if isinstance(content, dict) else {}


def open_directory(root: Path, name: str, fingerprint: str, exact: Path | None = None) -> RunDirectory:
    """Create a new run directory: `<root>/<day>/<time>_<name>_<first 6 of the fingerprint>`.

    Directories are created exclusively, so runs that start at the same time never share one: a second gets a suffix.

    Args:
        root: Folder of all runs.
        name: The run's name; characters unsuitable for a file name are replaced.
        fingerprint: Identity of the config, in hex.
        exact: The directory to create, instead of a generated one.

    Raises:
        FilesError: It already exists, or cannot be created.
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
                    raise FilesError(f"run.dir={exact} already exists; a run directory is never reused") from None
                continue
            return RunDirectory(path.resolve())
    except OSError as error:
        raise FilesError(f"cannot create the run directory {stem}: {error.strerror}") from None
    raise FilesError(f"cannot find a free name beside {stem}")


def clear_away(directory: RunDirectory) -> None:
    """Remove the temporary files that a killed process left in a run's folders.

    Raises:
        FilesError: A file cannot be removed.
    """
    for folder in (directory.path, directory.checkpoints, directory.model):
        # safetensors writes to `.tmp...` files in the same folder first.
        for stale in [*folder.glob(".*.tmp"), *folder.glob(".tmp*")]:
            try:
                stale.unlink(missing_ok=True)
            except OSError as error:
                raise FilesError(f"cannot remove {stale}: {error.strerror}") from None
