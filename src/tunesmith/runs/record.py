"""A run read back from its directory; imports nothing heavy."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
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
"""Status of a run that can be resumed."""


class Record:
    """What a run left behind.

    Args:
        path: The run directory.

    Raises:
        FilesError: There is no run in it.
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
        """The run directory as it is typed in a shell."""
        return shlex.quote(str(self.path))

    @property
    def status(self) -> str:
        """`completed`, `failed`, `pruned`, `interrupted`, `running`; `dead` where the running process is gone."""
        status = str(self.results.get("status", "dead"))
        return "dead" if status == "running" and not alive(self.results) else status

    def best_weights(self) -> Path:
        """The folder with the best weights.

        Raises:
            FilesError: The run has none.
        """
        if not self.directory.model.is_dir():
            so = f". To go on with it: tunesmith resume {self.argument}" if self.status in UNFINISHED else ""
            raise FilesError(f"{self.path} has no model: the run is {self.status}{so}")
        return self.directory.model

    @property
    def metrics(self) -> dict[str, float]:
        """Final metrics of the best weights, `<split>/<name>` to value."""
        return dict(self.results.get("metrics", {}))

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Metrics that are a matrix or a curve: `<split>/<name>` to `values`, beside the `labels` that they are of."""
        return dict(self.results.get("tables", {}))

    @property
    def warnings(self) -> list[str]:
        """What could mislead a reader of the metrics, a sentence each."""
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
        """The config as a run reads it: references looked up, every value validated.

        Raises:
            FilesError: It is not the config of a run.
        """
        from omegaconf.errors import OmegaConfBaseException
        from pydantic import ValidationError

        from tunesmith.config.composing.saved import resolve

        try:
            return resolve(self.config)
        except (ValidationError, OmegaConfBaseException, ConfigError, ValueError, TypeError, OSError) as error:
            message = str(error.problems[0]) if isinstance(error, ConfigError) else str(error)
            first = next((line.strip() for line in message.splitlines() if line.strip()), type(error).__name__)
            raise FilesError(f"{self.directory.config} is damaged: it is not the config of a run ({first})") from error

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the run came from; empty if it ended before that was written."""
        if not self.directory.provenance.is_file():
            return {}
        provenance: dict[str, Any] = read_mapping(self.directory.provenance, json.loads)
        return provenance

    @property
    def root(self) -> Path:
        """Folder of all runs, as this run knew it, where the ledger of test looks is."""
        root = expand(self.typed.run.root)
        known = Path(str(self.provenance.get("working_directory", "."))) / root
        return known if known.is_dir() else root

    def curves(self) -> list[dict[str, Any]]:
        """The points of `metrics.jsonl`; numbers that are not finite are floats too.

        Raises:
            FilesError: The file is damaged.
        """
        return read_points(self.directory.metrics)

    def predictions(self, split: str | None = None) -> list[dict[str, Any]]:
        """The rows of `predictions.jsonl`, of one split or all.

        Raises:
            FilesError: The file is damaged.
        """
        return [row for row in read_lines(self.directory.predictions) if split in (None, row.get("split"))]


def load_run(path: str | Path) -> Record:
    """Read a run directory.

    Raises:
        FilesError: There is no run in it.
    """
    return Record(Path(path))


def process_identity() -> dict[str, Any]:
    """This process, so that a later reader can tell whether it still lives."""
    return {"pid": os.getpid(), "boot_id": _boot_id()}


def alive(results: Mapping[str, Any]) -> bool:
    """Whether the process that wrote its `process_identity` into `results` still lives."""
    if results.get("boot_id") != _boot_id():
        return False
    pid = results.get("pid")
    if not isinstance(pid, int) or pid <= 0:  # 0 and less stand for groups of processes
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _zombie(int(results["pid"]))


def _zombie(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to notice (Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _boot_id() -> str:
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
