"""The W&B run of a whole sweep: its table of trials, the best so far, parameter importances, the winner."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tunesmith.storage import write_text
from tunesmith.tracking.tracker import SweepSummary

COUNT_METRIC = "sweep/num_completed"
"""The x axis of the sweep's curves: trials completed so far."""
COUNT_FILE = Path("wandb", "num-points")
"""File in a sweep directory with the number of curve points already logged, for a resume."""


def log_points(run: Any, directory: Path, points: Sequence[Mapping[str, float]]) -> None:
    """Log the curves of a sweep; after a resume, continue its run.

    Args:
        run: The client's run.
        directory: The sweep directory.
        points: One per completed trial, in order of completion.
    """
    run.define_metric(COUNT_METRIC, hidden=True)
    run.define_metric("sweep/*", step_metric=COUNT_METRIC)
    path = directory / COUNT_FILE
    logged = int(path.read_text(encoding="utf-8")) if path.is_file() else 0
    for place, values in enumerate(points[logged:], start=logged + 1):
        run.log({COUNT_METRIC: place, **values})
    write_text(path, f"{len(points)}\n")


def sweep_charts(shown: SweepSummary) -> dict[str, Any]:
    """Build a sweep's tables and charts, as the client's objects by name."""
    import wandb

    tables = {"trials": (shown.columns, shown.rows), **shown.tables}
    charts: dict[str, Any] = {
        f"sweep/{name}": wandb.Table(columns=list(columns), data=_table_rows(rows))
        for name, (columns, rows) in tables.items()
    }
    if shown.importances:
        table = wandb.Table(columns=["parameter", "importance"], data=[[*item] for item in shown.importances.items()])
        title = "Parameter importances (PED-ANOVA)"
        charts["sweep/importances"] = wandb.plot.bar(table, "parameter", "importance", title=title)
    return charts | {f"sweep/{name}": wandb.Plotly(figure) for name, figure in shown.figures.items()}


def _table_rows(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Convert rows so that each column has one type, as W&B requires: numbers, or else text."""
    columns = list(zip(*rows, strict=True))
    return [list(row) for row in zip(*map(_column, columns), strict=True)]


def _column(cells: Sequence[Any]) -> Sequence[Any]:
    plain = all(cell is None or (isinstance(cell, numbers.Real) and not isinstance(cell, bool)) for cell in cells)
    if plain:
        return [None if cell is None else float(cell) for cell in cells]
    return [None if cell is None else str(cell) for cell in cells]
