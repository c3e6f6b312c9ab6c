"""Reads a run from its directory; imports nothing heavy."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.config.folders import expand
from tunesmith.config.limits import parse_yaml
from tunesmith.errors import ConfigError, FilesError
from tunesmith.runs.directory import RunDirectory
from tunesmith.runs.shape import fault
from tunesmith.storage import read_lines, read_mapping, read_points

if TYPE_CHECKING:
    from tunesmith.config.schema import RunConfig

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

UNFINISHED = ("interrupted", "dead", "failed")
"""Statuses of runs that can be resumed."""


def as_argument(path: Path, trusted: Sequence[str] = ()) -> str:
    """Format a run or a sweep as arguments of a verb, quoted for a shell.

    Args:
        path: Its directory, or a config file of it.
        trusted: What it was started with `--trust` for.
    """
    return shlex.join([str(path), *(word for name in trusted for word in ("--trust", name))])


class Record:
    """A run's files, read from its directory.

    Args:
        path: The run directory.

    Raises:
        FilesError: It is not a run directory, or one of its files is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.directory = RunDirectory(expand(path).resolve())
        if not self.directory.config.is_file():
            raise FilesError(f"{path} is not a run directory: it has no config.yaml")
        self.config: dict[str, Any] = read_mapping(self.directory.config, parse_yaml)
        self.results: dict[str, Any] = read_mapping(self.directory.results, json.loads)
        wrong = fault(self.results)
        if wrong is not None:
            raise FilesError(f"{self.directory.results} is damaged: {wrong}")

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    @property
    def argument(self) -> str:
        """The run directory, quoted for a shell, with the `--trust` that its code of the user's own needs."""
        return as_argument(self.path, self.trusted)

    @property
    def trusted(self) -> Sequence[str]:
        """What the run was started with `--trust` for, as far as its provenance can be read."""
        with suppress(FilesError):  # a damaged one is reported by whatever needs it
            return list(self.provenance.get("trusted", ()))
        return ()

    @property
    def status(self) -> str:
        """`completed`, `failed`, `pruned`, `interrupted` or `running`; `dead` if the running process is gone."""
        status = str(self.results.get("status", "dead"))
        return "dead" if status == "running" and not alive(self.results) else status

    def best_weights(self) -> Path:
        """Return the folder with the best weights.

        Raises:
            FilesError: The run has none.
        """
        if not self.directory.model.is_dir():
            hint = f". To continue it: tunesmith resume {self.argument}" if self.status in UNFINISHED else ""
            raise FilesError(f"{self.path} has no model: the run is {self.status}{hint}")
        return self.directory.model

    @property
    def metrics(self) -> dict[str, float]:
        """Final metrics of the best weights, `<split>/<name>` to value."""
        return dict(self.results.get("metrics", {}))

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95% intervals of the metric that decides, over the rows of a split: `<split>/<name>` to low and high."""
        return {name: (bounds[0], bounds[1]) for name, bounds in self.results.get("intervals", {}).items()}

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """The metric that decides, of trivial models on the same rows: `<split>/<name>` to baseline to value."""
        return {name: dict(values) for name, values in self.results.get("baselines", {}).items()}

    @property
    def calibration(self) -> dict[str, Any] | None:
        """How far probabilities of labels can be believed: `temperature` (None with a `reason`) and `splits`."""
        return self.results.get("calibration")

    @property
    def adaptation(self) -> dict[str, Any]:
        """What starting from an earlier run gained and lost: `from_run`, `sets`, and `unmeasured`, if it was asked."""
        return dict(self.results.get("adaptation", {}))

    @property
    def diagnosis(self) -> list[dict[str, Any]]:
        """What went wrong, as recorded: mappings with `kind`, `sentence`, `override` and `evidence`."""
        return [dict(verdict) for verdict in self.results.get("diagnosis", [])]

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What changed the course of the training: mappings with `kind`, `step` and `sentence`."""
        return [dict(note) for note in self.results.get("notes", [])]

    @property
    def slices(self) -> list[dict[str, Any]]:
        """The metrics of each slice: mappings with `split`, `column`, `value`, `rows`, `metrics` and `interval`."""
        return list(self.results.get("slices", []))

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Metrics that are a matrix or curve: `<split>/<name>` to `values`, and their `labels` if they have any."""
        return dict(self.results.get("tables", {}))

    @property
    def warnings(self) -> list[str]:
        """The run's warnings: anything that could mislead a reader of the metrics, one sentence each."""
        return list(self.results.get("warnings", []))

    @property
    def labels(self) -> list[str]:
        """Label names in the order of the logits.

        Raises:
            FilesError: The run ended before they were known.
        """
        if "labels" not in self.results:
            raise FilesError(f"{self.path} has no labels: the run is {self.status}")
        return list(self.results["labels"])

    @property
    def typed(self) -> RunConfig:
        """The config as a run reads it: interpolations resolved, every value validated.

        Raises:
            FilesError: It is not a run's config.
        """
        from omegaconf.errors import OmegaConfBaseException
        from pydantic import ValidationError

        from tunesmith.config.composing.saved import resolve

        try:
            return resolve(self.config, self.path)
        except (ValidationError, OmegaConfBaseException, ConfigError, ValueError, TypeError, OSError) as error:
            message = str(error.problems[0]) if isinstance(error, ConfigError) else str(error)
            first = next((line.strip() for line in message.splitlines() if line.strip()), type(error).__name__)
            raise FilesError(f"{self.directory.config} is damaged: it is not a run's config ({first})") from error

    @property
    def provenance(self) -> dict[str, Any]:
        """The content of `provenance.json`; empty if the run ended before it was written."""
        if not self.directory.provenance.is_file():
            return {}
        provenance: dict[str, Any] = read_mapping(self.directory.provenance, json.loads)
        return provenance

    @property
    def root(self) -> Path:
        """Folder of all runs, as configured in this run; it holds the ledger of test looks."""
        root = expand(self.typed.run.root)
        known = Path(str(self.provenance.get("working_directory", "."))) / root
        return known if known.is_dir() else root

    def curves(self) -> list[dict[str, Any]]:
        """Return the points of `metrics.jsonl`; NaN and infinity are floats too.

        Raises:
            FilesError: The file is damaged.
        """
        return read_points(self.directory.metrics)

    def predictions(self, split: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of `predictions.jsonl`, of one split or all.

        Raises:
            FilesError: The file is damaged.
        """
        return [row for row in read_lines(self.directory.predictions) if split in (None, row.get("split"))]


def load_run(path: str | Path) -> Record:
    """Read a run directory.

    Raises:
        FilesError: It is not a run directory, or one of its files is damaged.
    """
    return Record(Path(path))


def process_identity() -> dict[str, Any]:
    """Identify this process, so a later reader can check whether it is still alive."""
    return {"pid": os.getpid(), "boot_id": _boot_id()}


def alive(results: Mapping[str, Any]) -> bool:
    """Whether the process that wrote its `process_identity` into `results` is still alive."""
    if results.get("boot_id") != _boot_id():
        return False
    pid = results.get("pid")
    if not isinstance(pid, int) or pid <= 0:  # to os.kill, 0 and less mean process groups
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _zombie(int(results["pid"]))


def _zombie(pid: int) -> bool:
    """Whether a process has ended but was not reaped by its parent (Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _boot_id() -> str:
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
