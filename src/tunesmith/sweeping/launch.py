"""Run a new sweep from its config to its end: check, record, drive, summarise."""

from __future__ import annotations

import logging
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json

from tunesmith.config.composing.compose import Composed
from tunesmith.config.composing.composer import Composer
from tunesmith.config.fingerprint import fingerprint
from tunesmith.config.sweeper import Sweeper
from tunesmith.config.trust import trusting
from tunesmith.data.sources.hub import pinned_as, pins_by_request
from tunesmith.errors import TunesmithError
from tunesmith.machine import gpus, usable_threads
from tunesmith.redaction import redact, redact_argv, redact_values
from tunesmith.reporting.sweep.live import LiveView
from tunesmith.runs.directory import open_directory
from tunesmith.runs.record import process_identity
from tunesmith.storage import locked, write_json
from tunesmith.sweeping.combinations import check_combinations
from tunesmith.sweeping.execution.driver import Driver, SearchPlan, now
from tunesmith.sweeping.execution.executors.executor import Executor
from tunesmith.sweeping.execution.executors.registry import make_executor
from tunesmith.sweeping.execution.trial_process import ENTRY
from tunesmith.sweeping.prepare import Sweep, prepare
from tunesmith.sweeping.record import snapshot
from tunesmith.sweeping.record.layout import SweepDirectory
from tunesmith.sweeping.search.samplers import read_choice
from tunesmith.sweeping.search.scheduler import Limits, TrialScheduler
from tunesmith.sweeping.search.study import Study, check_storage, open_storage
from tunesmith.sweeping.settings import read_settings
from tunesmith.sweeping.space.grammar import overrides, quoted_value
from tunesmith.sweeping.space.space import Point
from tunesmith.sweeping.summary import summarise
from tunesmith.tracking.guarded import refuse_tracker
from tunesmith.training.logs import log_to
from tunesmith.training.public import refuse_secrets

log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class Search:
    """A sweep as the command line describes it."""

    name: str
    """The primary config."""
    overrides: Sequence[str]
    """As typed, including sweeps and Hydra's own overrides."""
    config_dirs: Sequence[Path] = ()
    trust: Sequence[str] = ()
    entry: str = ENTRY
    """The function that runs a trial, as `module:function`."""


def launch(search: Search, settings: Mapping[str, Any]) -> int:
    """Run a new sweep.

    Args:
        search: The command line.
        settings: The `hydra.sweeper` node.

    Returns:
        The exit code.

    Raises:
        ConfigError: Something is wrong; nothing was started.
        DataError: A data set of the Hub is not to be had.
        FilesError: The directory cannot be created, or the storage cannot be opened.
    """
    with trusting(search.trust):
        return _launch(search, read_settings(settings))


def _launch(search: Search, settings: Sweeper) -> int:
    composer = Composer(search.name, search.config_dirs)
    sweep = prepare(search.overrides, settings, composer)
    check_storage(sweep.settings.storage)
    executor = warm(sweep.settings, search.entry)
    check_combinations(sweep, executor)
    refuse_secrets(sweep.run.config)
    refuse_tracker(sweep.run.config.logger)
    commits = pins_by_request(run for _, run in sweep.judged)
    root = Path(sweep.run.config.run.root)
    name = redact_values(sweep.run.name if search.name == "train" else sweep.run.config.run.name or search.name)
    exact = Path(sweep.run.config.run.dir) if sweep.run.config.run.dir else None
    opened = open_directory(root, name, fingerprint(sweep.run.saved | {"sweep": sweep.space.describe()}), exact)
    directory = SweepDirectory(opened.path)
    frozen = snapshot.take(directory.path, composer, sweep.space.parameters)
    facts = _facts(sweep, search, directory, name) | {"n_jobs": executor.slots}
    facts |= {"hub": commits} if commits else {}
    with locked(directory.path):
        write_json(directory.facts, facts)
        return drive(sweep, directory, frozen, facts, executor)


def drive(
    sweep: Sweep,
    directory: SweepDirectory,
    composer: Composer,
    facts: dict[str, Any],
    executor: Executor,
    *,
    known: Callable[[Driver], Sequence[int]] | None = None,
) -> int:
    """Run the trials and record the results.

    Args:
        sweep: The prepared sweep.
        directory: The sweep's directory.
        composer: Composes from the snapshot.
        facts: The content of `sweep.json`.
        executor: Runs the trials.
        known: Restores the trials of an earlier session and returns those that have ended.

    Returns:
        The exit code.
    """
    settings, scheduler = sweep.settings, _scheduler(sweep, directory)
    common = [*sweep.base, *trial_overrides(sweep, directory, executor)]

    def compose(number: int, point: Point, replicate: int) -> Composed:
        repeat = replicate // (sweep.folds or 1)
        own = [f"run.name={directory.path.name}-{number:04d}", f"seed={sweep.run.config.seed + repeat}"]
        if sweep.folds is not None:
            own.append(f"data.split.fold={replicate}")
        run = pinned_as(composer.compose([*overrides(point), *own], common), facts.get("hub", {}))
        return replace(run, overrides=(*sweep.base, *overrides(point)))

    deadline = time.monotonic() + settings.timeout if settings.timeout else None
    plan = SearchPlan(
        sweep.objectives,
        sweep.rungs,
        sweep.replicates,
        sweep.run.trust,
        deadline,
        settings.keep,
        folds=sweep.folds is not None,
    )
    driver = Driver(directory, scheduler, executor, compose, plan)
    ended = known(driver) if known is not None else ()
    with log_to(directory.log):
        announce_sweep(sweep, directory, executor.slots)
        with LiveView(sweep.objectives[0], sweep.directions[0], sweep.n_trials, executor.slots, known=ended) as view:
            driver.watch = view.update
            with _failure_recorded(directory, facts):
                driver.run()
        return summarise(directory, facts, driver, sweep.settings, sweep.run.config.logger)


def _scheduler(sweep: Sweep, directory: SweepDirectory) -> TrialScheduler:
    """Open the study and begin where it is."""
    settings = sweep.settings
    study = Study(
        sweep.space,
        sweep.sampler,
        sweep.directions,
        seed=settings.seed,
        storage=open_storage(settings.storage, directory.journal),
        name=directory.path.name,
        equal=settings.equal,
    )
    limits = Limits(
        sweep.n_trials,
        settings.patience,
        settings.max_failures,
        settings.retries,
        repeats=sweep.replicates,
        fold_rungs=sweep.fold_rungs,
    )
    initial = [point for point in sweep.initial if not study.knows(point)]
    return TrialScheduler(study, limits, sweep.directions, sweep.judge(study), initial)


@contextmanager
def _failure_recorded(directory: SweepDirectory, facts: dict[str, Any]) -> Iterator[None]:
    """Write an error that ends the search itself, such as a judge's, into the sweep's record."""
    try:
        yield
    except TunesmithError as error:
        ended = {"status": "failed", "exit_code": error.exit_code, "reason": redact_values(str(error)), "ended": now()}
        write_json(directory.facts, facts | ended)
        raise


def trial_overrides(sweep: Sweep, directory: SweepDirectory, executor: Executor) -> list[str]:
    """The overrides common to all trials of a sweep."""
    common = ["evaluation.test=false", "run.dir=null", "run.resume=never"]
    logger = sweep.run.config.logger
    if logger.group is None and logger.tracker() is not None:
        common.append(f"logger.group={quoted_value(directory.path.name)}")
    common.append("logger.job_type=trial")
    if sweep.run.config.trainer.threads == "auto" and not gpus():
        common.append(f"trainer.threads={usable_threads() if executor.slots == 1 else 1}")
    return common


def warm(settings: Sweeper, entry: str) -> Executor:
    """Create the executor and start importing what trials need."""
    executor = make_executor(settings.executor, settings.n_jobs, entry)
    executor.warm_up()
    return executor


def _facts(sweep: Sweep, search: Search, directory: SweepDirectory, name: str) -> dict[str, Any]:
    """The initial content of `sweep.json`."""
    pruner, options = sweep.pruner
    return {
        "schema_version": 1,
        "name": name,
        "status": "running",
        "exit_code": None,
        "reason": None,
        "started": now(),
        "ended": None,
        **process_identity(),
        "command": shlex.join(redact_argv(["tunesmith", *sys.argv[1:]])),
        "metrics": list(sweep.objectives),
        "directions": list(sweep.directions),
        "sampler": {"name": sweep.sampler} if isinstance(sweep.sampler, str) else sweep.sampler,
        "pruner": {"name": pruner, **options},
        "n_trials": sweep.n_trials,
        **({"equal": sweep.settings.equal} if sweep.settings.equal is not None else {}),
        "repeats": sweep.settings.repeats,
        **({"folds": sweep.folds, "fold_rungs": list(sweep.fold_rungs)} if sweep.folds is not None else {}),
        "seed": sweep.settings.seed,
        "space": sweep.space.describe(),
        "distributions": {key: distribution_to_json(p.distribution) for key, p in sweep.space.parameters.items()},
        "wandb_group": redact_values(sweep.run.config.logger.group) or directory.path.name,
        "request": redact(
            {
                "name": search.name,
                "overrides": [text for text in search.overrides if not text.lstrip("+~").startswith("hydra")],
                "trust": list(search.trust),
                "settings": sweep.decided.model_dump(),
            }
        ),
    }


def announce_sweep(sweep: Sweep, directory: SweepDirectory, slots: int) -> None:
    """Log what is about to run, so many trials at once."""
    count = "without limit" if math.isinf(sweep.space.size) else f"of {len(sweep.space.points())} points"
    log.info("%s", directory.path)
    log.info(
        "%d trials%s %s by %s, %d at once; %s decides; %s",
        sweep.n_trials,
        f", as many for each value of {sweep.settings.equal}," if sweep.settings.equal is not None else "",
        count if not math.isinf(sweep.space.size) else "of a continuous space",
        read_choice(sweep.sampler)[0],
        slots,
        " and ".join(sweep.objectives),
        _judged_text(sweep),
    )
    if sets := sweep.run.config.evaluation.sets:
        rule = "trials do not look at evaluation.sets (%s): tunesmith train --from %s does"
        log.info(rule, ", ".join(sets), shlex.quote(str(directory.best)))


def _judged_text(sweep: Sweep) -> str:
    """Say when the pruner judges a trial."""
    if not sweep.rungs:
        return "every trial runs to its end"
    text = f"{sweep.pruner[0]} at {', '.join(f'{rung:.0%}' for rung in sweep.rungs)} of a full run"
    if not sweep.fold_rungs:
        return text
    return f"{text} of the first fold, and by the mean of the first {', '.join(map(str, sweep.fold_rungs))} folds"
