"""Logs a sweep to its tracker as one run."""

from __future__ import annotations

import math
from typing import Any

from tunesmith.config.limits import parse_yaml
from tunesmith.config.schema import Logger as LoggerConfig
from tunesmith.reporting.sweep.crossval import read_crossval
from tunesmith.reporting.sweep.crossval_shown import crossval_columns
from tunesmith.reporting.sweep.diagnosis import verdict_columns
from tunesmith.reporting.sweep.figures import Figures
from tunesmith.reporting.sweep.leaderboard import leaderboard_rows
from tunesmith.reporting.sweep.study import importances, quiet_optuna
from tunesmith.reporting.sweep.winner import BEST_FILE
from tunesmith.runs.sweep_record import SweepRecord, losses
from tunesmith.tracking.guarded import open_tracker
from tunesmith.tracking.tracker import Status, SweepSummary, TrackedRun

JOB_TYPE = "sweep"

SEARCHED = (
    "metrics",
    "directions",
    "sampler",
    "pruner",
    "n_trials",
    "n_jobs",
    "repeats",
    "equal",
    "folds",
    "seed",
    "space",
    "command",
)
"""Keys of `sweep.json` that describe the search."""


def log_sweep(record: SweepRecord, logger: LoggerConfig, *, status: Status, exit_code: int) -> str | None:
    """Log an ended sweep as one closed run of job type `sweep`; a resumed sweep continues its run.

    It is logged at the end, all at once: while trials run in this process, their own runs need the client.

    Args:
        record: The sweep.
        logger: The logger node of its trials; the group is taken from the record.
        status: How the sweep ended.
        exit_code: Its exit code.

    Returns:
        The tracker's closing message, such as how to upload an offline run; None if it has none.

    Raises:
        TunesmithError: The tracker cannot be opened.
    """
    run = TrackedRun(
        directory=record.path,
        name=record.name,
        config=run_config(record),
        tags=[JOB_TYPE],
        group=record.facts.get("wandb_group") or logger.group,
        job_type=JOB_TYPE,
    )
    tracker = open_tracker(logger, run)
    if tracker is None:
        return None
    try:
        tracker.log_sweep(sweep_summary(record))
    finally:
        tracker.finish(status, exit_code)
    return tracker.farewell


def run_config(record: SweepRecord) -> dict[str, Any]:
    """Return the search's settings and the winner: its values, and its whole config if it is on disk."""
    config: dict[str, Any] = {"sweep": {key: record.facts[key] for key in SEARCHED if key in record.facts}}
    best = record.best()
    if best is not None:
        config["winner"] = {"trial": best.number, "params": dict(best.params)}
        files = [path for path in (record.path / BEST_FILE, best.directory / "config.yaml") if path.is_file()]
        if files:
            config["winner"]["config"] = parse_yaml(files[0].read_text(encoding="utf-8"))
    return config


def sweep_summary(record: SweepRecord) -> SweepSummary:
    """Build the summary: table, curves, importances, parallel coordinates and final numbers."""
    header, *rows = leaderboard_rows(record)
    weights = importances(record)
    with quiet_optuna():
        parallel = Figures(record, weights).parallel()
    return SweepSummary(
        columns=header,
        rows=rows,
        points=_points(record),
        importances=weights or {},
        figures={"parallel_coordinates": parallel.figure} if parallel else {},
        summary=_final(record),
        tables=_tables(record),
    )


def _tables(record: SweepRecord) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """The tables beside that of the trials, without empty ones."""
    tables = {"crossval": crossval_columns(read_crossval(record)), "diagnosis": verdict_columns(record)}
    return {name: (columns, rows) for name, (columns, rows) in tables.items() if rows}


def _points(record: SweepRecord) -> list[dict[str, float]]:
    """Return the completed trials in the order they ended; with one objective, also the best so far."""
    completed = sorted((t for t in record.trials if t.completed), key=lambda trial: (trial.ended or "", trial.number))
    best = math.inf
    points = []
    for trial in completed:
        point: dict[str, float] = {"sweep/trial": trial.number}
        point |= {f"sweep/{metric}": value for metric, value in zip(record.metrics, trial.values or (), strict=True)}
        if len(record.metrics) == 1:
            best = min(best, losses(trial, record.directions)[0])
            point["sweep/best"] = best if record.directions[0] == "minimize" else -best
        points.append(point)
    return points


def _final(record: SweepRecord) -> dict[str, Any]:
    run, full = record.steps
    final: dict[str, Any] = {f"trials/{state}": count for state, count in record.counts.items()}
    final |= {"steps_run": run, "steps_of_full_runs": full}
    best = record.best()
    if best is not None and best.values:
        final |= {"best/trial": best.number, f"best/{record.metrics[0]}": best.values[0]}
        for validated in read_crossval(record)[:1]:
            measured = {"best/sd_over_folds": validated.sd, "best/over_rows": validated.over_rows}
            final |= {name: value for name, value in measured.items() if value is not None}
    elif len(record.metrics) > 1:
        final["pareto_trials"] = [trial.number for trial in record.pareto()]
    return final
