"""Finish a sweep: write its leaderboard, best config, report, status and exit code."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tunesmith.config.schema import Logger
from tunesmith.config.sweeper import Sweeper
from tunesmith.reporting.sweep.leaderboard import show_sweep, write_leaderboard
from tunesmith.reporting.sweep.winner import trained_rows
from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord
from tunesmith.storage import write_json, write_text
from tunesmith.sweeping.execution.driver import Driver, now
from tunesmith.sweeping.record.layout import SweepDirectory
from tunesmith.terminal import say

log = logging.getLogger("tunesmith")


def summarise(
    directory: SweepDirectory, facts: dict[str, Any], driver: Driver, settings: Sweeper, logger: Logger
) -> int:
    """Record how the sweep ended and show it; the last line on standard output is its directory.

    Args:
        directory: The sweep's.
        facts: The content of `sweep.json`.
        driver: The driver, which has finished.
        settings: The sweep's settings.
        logger: Where the trials were tracked; the sweep gets its own run there.

    Returns:
        The exit code.
    """
    status, code, reason = ending(driver, settings)
    facts = facts | {"status": status, "exit_code": code, "reason": reason, "ended": now()}
    write_json(directory.facts, facts)
    record = SweepRecord(directory.path)
    write_leaderboard(record)
    best = record.best()
    if best is not None:
        write_best(directory, best)
    if record.facts.get("folds"):
        attempt("the folds cannot be put together", lambda: _write_folds(record))
    attempt("the report cannot be written", lambda: _report(record))
    if logger.tracker() is not None:
        attempt("the sweep cannot be tracked", lambda: _track(record, logger, status, code))
    show_sweep(record)
    if record.facts.get("folds"):
        attempt("the folds cannot be shown", lambda: _show_folds(record))
    say(directory.path)
    return code


def ending(driver: Driver, settings: Sweeper) -> tuple[str, int, str | None]:
    """Determine the state, exit code and reason of a finished sweep."""
    trials = driver.scheduler.trials.values()
    failed = [trial for trial in trials if trial.state == "failed"]
    if driver.signal is not None:
        status = "interrupted" if driver.signal == signal.SIGINT else "stopped"
        return status, 128 + driver.signal, driver.scheduler.stopping
    if failed and settings.on_failure == "report":
        code = failed[0].exit_code or 1
        return "failed", code if 0 < code < 6 else 4, f"{len(failed)} of {len(trials)} trials failed"
    return "completed", 0, driver.scheduler.stopping


def write_best(directory: SweepDirectory, best: TrialRecord) -> None:
    """Write the winner's config for a run outside the sweep that includes the evaluation on the test split.

    Folds compare points, and none of their runs is the model to keep: this one is trained on all rows but those of test
    and the validation rows that choose its weights.
    """
    config = dict(Record(best.runs[0]).config)
    split = config["data"].get("split") or {}
    if split.get("folds") is not None and split["val_fraction"] > 0:  # folds compare; the winner needs one split
        config["data"] = config["data"] | {"split": split | {"folds": None, "fold": 0}}
    config["run"] = config["run"] | {"dir": None, "name": f"best-of-{directory.path.name}"}
    config["evaluation"] = config["evaluation"] | {"test": True}
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    if split.get("folds") is not None:
        rows = trained_rows(config["data"]["split"])
        text = f"# Compared with others over {split['folds']} folds. Trained on {rows}.\n{text}"
    write_text(directory.best, text)


def _write_folds(record: SweepRecord) -> None:
    from tunesmith.reporting.sweep.crossval import write_crossval

    write_crossval(record)


def _show_folds(record: SweepRecord) -> None:
    from tunesmith.reporting.sweep.crossval import read_crossval
    from tunesmith.reporting.sweep.crossval_shown import show_crossval

    show_crossval(read_crossval(record), record)


def _report(record: SweepRecord) -> Path:
    from tunesmith.reporting.sweep.report import write_report  # takes seconds to import, and no trial needs it

    return write_report(record)


def _track(record: SweepRecord, logger: Logger, status: Any, code: int) -> None:
    from tunesmith.reporting.sweep.tracking import log_sweep

    farewell = log_sweep(record, logger, status=status, exit_code=code)
    if farewell is not None:
        log.info("%s", farewell)


def attempt(what: str, make: Callable[[], object]) -> None:
    """Make something that the sweep's result does not depend on; log a warning if it fails."""
    try:
        make()
    except Exception as error:
        log.warning("%s: %s", what, str(error).splitlines()[0] if str(error) else type(error).__name__)
        log.debug("%s", what, exc_info=True)
