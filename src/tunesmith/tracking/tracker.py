"""What a tracker is: where a run or a sweep is shown, beside its directory, which holds everything in any case."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Status = Literal["completed", "failed", "interrupted", "pruned", "stopped"]


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run, or of a sweep, when it opens; secrets are masked already."""

    directory: Path
    """The run's directory. One that a tracker has written into before is a run that goes on."""
    name: str
    """For people."""
    config: Mapping[str, Any]
    """The configuration as saved: nested, environment references unresolved."""
    tags: Sequence[str] = ()
    group: str | None = None
    """What the run belongs with: a sweep's trials, and the sweep itself, have one in common."""
    job_type: str = "train"
    """`train`, `trial`, `sweep`, or what `logger.job_type` says."""
    sweep: Path | None = None
    """Directory of the sweep that the run is a trial of."""


@dataclass(frozen=True)
class SweepSummary:
    """What the run of a sweep shows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    """Every trial, best first."""
    points: Sequence[Mapping[str, float]]
    """One per completed trial, in the order in which they completed: its number, its values and the best so far."""
    importances: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Name to plotly figure."""
    summary: Mapping[str, Any] = field(default_factory=dict)


class Tracker(ABC):
    """A tracker; a config names one by `logger._target_`, with its keyword arguments beside it.

    An instance follows one run: `open`, then any of the others, then `finish`. What a method raises is said once and
    never ends the run (`guarded.py`). Its constructor only keeps what it is given: it is also called to check a config.
    """

    def refuse(self) -> None:  # noqa: B027 - most trackers refuse nothing
        """Say what is missing, before anything is started.

        Raises:
            ConfigError: The tracker cannot be used here; with the way out.
        """

    @abstractmethod
    def open(self, run: TrackedRun) -> None:
        """Start to follow a run, or go on with it; nothing that was written before is written again.

        Raises:
            TunesmithError: The run must not start. Anything else that is raised leaves the run untracked.
        """

    @abstractmethod
    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Write one point of each curve.

        Args:
            metrics: Name to value, such as `train/loss` and `val/accuracy`; `epoch` is among them.
            step: Optimizer steps taken so far.
        """

    @abstractmethod
    def summarise(self, metrics: Mapping[str, Any]) -> None:
        """Write final metrics: name to number, in a sweep also to a list of numbers."""

    @abstractmethod
    def finish(self, status: Status, exit_code: int) -> None:
        """Close the run with its final state; a second call does nothing.

        Args:
            status: How it ended.
            exit_code: Exit code of the process.
        """

    def log_predictions(self, rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:  # noqa: B027 - optional
        """Show predictions; `predictions.jsonl` has them in any case.

        Args:
            rows: Rows of `predictions.jsonl`.
            labels: Label names in the order of the logits.
        """

    def log_model(self, folder: Path) -> None:  # noqa: B027 - for those that take a keyword `log_model`
        """Keep the best weights, if the tracker takes a keyword `log_model` and it is true."""

    def log_sweep(self, shown: SweepSummary) -> None:
        """Show a sweep that has ended: here its curves, by the number of completed trials, and its final numbers."""
        for number, point in enumerate(shown.points, start=1):
            self.log_metrics(point, number)
        self.summarise(shown.summary)

    @property
    def farewell(self) -> str | None:
        """One sentence for the end of a run, such as how to look at what was written."""
        return None

    @property
    def experiment(self) -> Any:
        """The client's own object, for callbacks that log media of their own; None if there is none."""
        return None
