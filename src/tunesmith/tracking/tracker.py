"""The tracker protocol: shows a run or a sweep elsewhere; its directory holds everything in any case."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Status = Literal["completed", "failed", "interrupted", "pruned", "stopped"]


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker receives about a run or a sweep when it opens; secrets are already masked."""

    directory: Path
    """The run's directory. If a tracker has written into it before, the run is being resumed."""
    name: str
    """The display name."""
    config: Mapping[str, Any]
    """The configuration as saved: nested, environment references unresolved."""
    tags: Sequence[str] = ()
    group: str | None = None
    """The run's group: a sweep and its trials share one."""
    job_type: str = "train"
    """`train`, `trial`, `sweep`, or the value of `logger.job_type`."""
    sweep: Path | None = None
    """Directory of the sweep that the run is a trial of."""


@dataclass(frozen=True)
class SweepSummary:
    """What a tracker shows for a whole sweep."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    """Every trial, best first."""
    points: Sequence[Mapping[str, float]]
    """One per completed trial, in order of completion: its number, its values and the best so far."""
    importances: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Maps name to plotly figure."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]] = field(default_factory=dict)
    """Further tables: name to columns and rows, such as a cross-validation's."""


class Tracker(ABC):
    """A tracker; a config selects one by `logger._target_`, with its keyword arguments beside it.

    An instance follows one run: `open`, then any of the others, then `finish`. An error in a method is logged once and
    never ends the run (`guarded.py`). The constructor only stores its arguments: it is also called to check a config.
    """

    def refuse(self) -> None:  # noqa: B027 - most trackers refuse nothing
        """Raise if something is missing, before anything starts.

        Raises:
            ConfigError: The tracker cannot be used here, with a way to fix it.
        """

    @abstractmethod
    def open(self, run: TrackedRun) -> None:
        """Start following a run, or resume it; nothing already written is written again.

        Raises:
            TunesmithError: The run must not start. Any other error leaves the run untracked.
        """

    @abstractmethod
    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Write one point of each curve.

        Args:
            metrics: Maps name to value, such as `train/loss` and `val/accuracy`; includes `epoch`.
            step: Optimizer steps taken so far.
        """

    @abstractmethod
    def summarise(self, metrics: Mapping[str, Any]) -> None:
        """Write final metrics: name to number, or in a sweep also to a list of numbers."""

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

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:  # noqa: B027 - optional
        """Show a table of final results, such as the run beside its baselines; `results.json` has them in any case.

        Args:
            name: The table's name.
            columns: Names of the columns.
            rows: Texts, numbers, or None for nothing.
        """

    def log_model(self, folder: Path) -> None:  # noqa: B027 - for those that take a keyword `log_model`
        """Keep the best weights, if the tracker accepts a keyword `log_model` and it is true."""

    def alert(self, title: str, text: str) -> None:  # noqa: B027 - for those that take a keyword `alert`
        """Tell the user that something went wrong, if the tracker accepts a keyword `alert` and it is true.

        Args:
            title: A few words.
            text: The sentences.
        """

    def log_sweep(self, shown: SweepSummary) -> None:
        """Show a finished sweep; by default its curves, by the number of completed trials, and its final numbers."""
        for number, point in enumerate(shown.points, start=1):
            self.log_metrics(point, number)
        self.summarise(shown.summary)

    @property
    def farewell(self) -> str | None:
        """A closing sentence for a run, such as how to view what was written."""
        return None

    @property
    def experiment(self) -> Any:
        """The client's own object, for callbacks that log their own media; None if there is none."""
        return None
