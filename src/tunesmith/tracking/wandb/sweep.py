"""The W&B run of a sweep as a whole: its table of trials, the best so far, what mattered, the winner."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith.config.schema import Logger as LoggerConfig
from tunesmith.redaction import redact
from tunesmith.storage import write_text
from tunesmith.tracking.wandb.client import client_environment
from tunesmith.tracking.wandb.run import Status, WandbTracker

JOB_TYPE = "sweep"
COUNT_METRIC = "sweep/num_completed"
"""The x axis of the sweep's curves: trials completed so far."""
COUNT_FILE = Path("wandb", "num-points")
"""Where a sweep directory carries how many points of its curves were logged, for a resume."""


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


def track_sweep(
    config: LoggerConfig,
    *,
    directory: Path,
    name: str,
    run_config: dict[str, Any],
    shown: SweepSummary,
    status: Status,
    exit_code: int,
) -> str | None:
    """Open the sweep's W&B run, log all of it, close it; a sweep that is resumed goes on with its run.

    It is done at the sweep's end and at once: while trials run in this process, their own runs need the client.

    Args:
        config: The logger node of the trials; its group is the sweep's.
        directory: The sweep directory; everything of W&B goes to `wandb/` inside it.
        name: The sweep's name for people.
        run_config: What was searched, and the winner's configuration.
        shown: What to show.
        status: How the sweep ended.
        exit_code: Exit code of the sweep: 0 is shown as finished, others as failed or killed.

    Returns:
        One line that says how to upload what is only on this disk; None where there is nothing to upload.

    Raises:
        TunesmithError: Another W&B run is open in this process.
    """
    tracker = SweepTracker(config.model_copy(update={"job_type": JOB_TYPE}), directory)
    tracker.open(name=name, tags=[JOB_TYPE], run_config=redact(run_config))
    try:
        tracker.show(shown)
    finally:
        tracker.finish(status, exit_code)
    return tracker.sync_hint


class SweepTracker(WandbTracker):
    """The W&B side of a sweep."""

    def show(self, shown: SweepSummary) -> None:
        """Log curves and summary, then tables and charts where the server takes them."""
        if self._run is None:
            return
        with self._guard("W&B curves of the sweep not written"):
            self._run.define_metric(COUNT_METRIC, hidden=True)
            self._run.define_metric("sweep/*", step_metric=COUNT_METRIC)
            path = self._directory / COUNT_FILE
            logged = int(path.read_text(encoding="utf-8")) if path.is_file() else 0
            for place, values in enumerate(shown.points[logged:], start=logged + 1):
                self._run.log({COUNT_METRIC: place, **values})
            write_text(path, f"{len(shown.points)}\n")
        with self._guard("W&B summary not written"):
            self._run.summary.update(redact(dict(shown.summary)))
        if self._takes_media():
            with self._guard("W&B charts of the sweep not written"), client_environment(self._directory):
                self._run.log(self._charts(shown))

    def _charts(self, shown: SweepSummary) -> dict[str, Any]:
        import wandb

        charts: dict[str, Any] = {"sweep/trials": wandb.Table(columns=list(shown.columns), data=_table_rows(shown))}
        if shown.importances:
            table = wandb.Table(
                columns=["parameter", "importance"], data=[[*item] for item in shown.importances.items()]
            )
            title = "Parameter importances (PED-ANOVA)"
            charts["sweep/importances"] = wandb.plot.bar(table, "parameter", "importance", title=title)
        return charts | {f"sweep/{name}": wandb.Plotly(figure) for name, figure in shown.figures.items()}


def _table_rows(shown: SweepSummary) -> list[list[Any]]:
    """Rows whose columns have one type each, as W&B wants them: numbers, or else text."""
    columns = list(zip(*redact([list(row) for row in shown.rows]), strict=True))
    return [list(row) for row in zip(*map(_column, columns), strict=True)]


def _column(cells: Sequence[Any]) -> Sequence[Any]:
    plain = all(cell is None or (isinstance(cell, numbers.Real) and not isinstance(cell, bool)) for cell in cells)
    if plain:
        return [None if cell is None else float(cell) for cell in cells]
    return [None if cell is None else str(cell) for cell in cells]
