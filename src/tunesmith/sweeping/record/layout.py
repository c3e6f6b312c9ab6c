"""The files of a sweep as its driver and trials write them; `runs/` reads them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.config.composing.compose import Composed
from tunesmith.errors import FilesError
from tunesmith.runs.sweep_record import SWEEP_FILE
from tunesmith.runs.trial_record import replicate_directory
from tunesmith.storage import write_json, write_text

FROZEN = "frozen.json"
JOB = "job.json"


@dataclass(frozen=True)
class SweepDirectory:
    """The paths of a sweep's files."""

    path: Path

    @property
    def facts(self) -> Path:
        """The sweep's facts and status."""
        return self.path / SWEEP_FILE

    @property
    def journal(self) -> Path:
        """Optuna's storage."""
        return self.path / "study.journal"

    @property
    def log(self) -> Path:
        """The driver's log."""
        return self.path / "sweep.log"

    @property
    def best(self) -> Path:
        """The winner's config, which `tunesmith train --from` runs again."""
        return self.path / "best.yaml"

    @property
    def report(self) -> Path:
        """The sweep's HTML report."""
        return self.path / "report.html"

    def trial(self, number: int) -> Path:
        """The directory of a trial."""
        return self.path / "trials" / f"{number:04d}"

    def job(self, number: int, replicate: int, repeats: int, *, folds: bool = False) -> Path:
        """The run directory of one replicate of a trial."""
        return replicate_directory(self.trial(number), replicate, repeats, folds=folds)


def freeze_job(directory: Path, run: Composed, job: dict[str, Any]) -> None:
    """Write everything that a trial's process reads: its config, with its hash, and the sweep's request."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(run.saved, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(directory / FROZEN, text)
    facts = {"overrides": list(run.overrides), "choices": run.choices, "sha256": _sha256(text)}
    write_json(directory / JOB, job | facts)


def read_job(directory: Path) -> dict[str, Any]:
    """Read the sweep's request to a trial.

    Raises:
        FilesError: It cannot be read.
    """
    try:
        job: dict[str, Any] = json.loads((directory / JOB).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FilesError(f"{directory / JOB} cannot be read: {error}") from error
    return job


def read_frozen(directory: Path, sha256: str) -> dict[str, Any]:
    """Read a trial's config as it was frozen.

    Raises:
        FilesError: It cannot be read, or has changed since.
    """
    file = directory / FROZEN
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise FilesError(f"{file} cannot be read: {error.strerror}") from error
    if _sha256(text) != sha256:
        raise FilesError(f"{file} was changed after the sweep froze it")
    config: dict[str, Any] = json.loads(text)
    return config


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
