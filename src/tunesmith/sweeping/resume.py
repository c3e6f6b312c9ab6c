"""Resume an interrupted sweep, or extend a finished one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from optuna.trial import FrozenTrial

from tunesmith.config.composing.overrides import parse
from tunesmith.config.folders import expand
from tunesmith.config.trust import trusting
from tunesmith.errors import ConfigError, Problem
from tunesmith.runs.record import as_argument, process_identity
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TRIAL_FILE, TrialRecord, read_trial
from tunesmith.storage import locked, write_json
from tunesmith.sweeping.execution.driver import Driver, new_record
from tunesmith.sweeping.execution.trial_process import ENTRY
from tunesmith.sweeping.launch import drive, warm
from tunesmith.sweeping.prepare import Sweep, prepare
from tunesmith.sweeping.record import snapshot
from tunesmith.sweeping.record.layout import SweepDirectory
from tunesmith.sweeping.search.study import POINT, check_storage, end_of
from tunesmith.sweeping.search.trials import ENDED, Trial
from tunesmith.sweeping.settings import read_settings
from tunesmith.sweeping.space.grammar import text_of_space

NODE = "hydra.sweeper."


def resume_sweep(
    path: Path,
    changes: Sequence[str] = (),
    *,
    trust: Sequence[str] = (),
    retry_failed: bool = False,
    entry: str = ENTRY,
) -> int:
    """Resume a sweep: finished trials stay, unfinished ones continue from their last checkpoint.

    Args:
        path: The sweep's directory.
        changes: Overrides of `hydra.sweeper.*`, such as a larger `n_trials`.
        trust: The user's own modules whose classes the config may name.
        retry_failed: Whether to retry failed trials.
        entry: The function that runs a trial, as `module:function`.

    Returns:
        The exit code.

    Raises:
        ConfigError: A change would make the trials incomparable.
        FilesError: The sweep is running, its files are damaged, or its storage cannot be opened.
    """
    directory = SweepDirectory(expand(path).resolve())
    with trusting(trust), locked(directory.path):
        record = SweepRecord(directory.path)
        request = record.facts["request"]
        missing = [name for name in request["trust"] if name not in trust]
        if missing:
            hint = f"If you still trust it: tunesmith resume {as_argument(path, request['trust'])}"
            raise ConfigError([Problem("--trust", f"the sweep uses code from {', '.join(missing)}", None, hint)])
        composer = snapshot.reopen(directory.path, request["name"])
        settings = read_settings(_changed(request["settings"], changes))
        check_storage(settings.storage)
        executor = warm(settings, entry)
        prepared = prepare(request["overrides"], settings, composer, check=False)
        sweep = replace(prepared, judges_folds="fold_rungs" in record.facts)
        _same_search(record, sweep)
        facts = record.facts | {
            "status": "running",
            "exit_code": None,
            "reason": None,
            "ended": None,
            **process_identity(),
        }
        facts |= {"n_trials": sweep.n_trials, "n_jobs": executor.slots}
        facts["request"] = request | {"settings": sweep.decided.model_dump()}
        write_json(directory.facts, facts)

        def known(driver: Driver) -> list[int]:
            return restore(driver, directory, retry_failed)

        return drive(sweep, directory, composer, facts, executor, known=known)


def _changed(settings: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The settings with overrides of `hydra.sweeper.*` applied.

    Raises:
        ConfigError: A change is to some other key.
    """
    changed, problems = dict(settings), []
    parser = OverridesParser.create()
    for text in changes:
        override = parse(text, parser)
        problem = override if isinstance(override, Problem) else _unfit(override, text, settings)
        if problem is not None:
            problems.append(problem)
            continue
        assert isinstance(override, Override)
        changed[override.key_or_group.removeprefix(NODE)] = override.value()
    if problems:
        raise ConfigError(problems)
    return changed


def _unfit(override: Override, text: str, settings: Mapping[str, Any]) -> Problem | None:
    """Explain why an override cannot apply to a resumed sweep, or return None."""
    key, _, inner = override.key_or_group.removeprefix(NODE).partition(".")
    if not override.key_or_group.startswith(NODE) or override.is_delete():
        hint = "Start a new sweep for anything else"
        return Problem(text, "only hydra.sweeper keys may change on resume", None, hint)
    if override.is_sweep_override():
        return Problem(text, "has several values, and a resumed sweep takes one", None, f"Give one: {NODE}{key}=VALUE")
    if not inner:
        return None
    now = settings.get(key)
    hint = f"Give {NODE}{key} as a whole"
    if key in ("sampler", "pruner") and "." not in inner:
        whole = {**(now if isinstance(now, dict) else {"name": now}), inner: override.value()}
        hint = f"{hint}: {shlex.quote(f'{NODE}{key}={text_of_space(whole)}')}"
    return Problem(text, f"names a part of {NODE}{key}, which can only change as a whole on resume", None, hint)


def _same_search(record: SweepRecord, sweep: Sweep) -> None:
    """Refuse changes that would make new trials incomparable with the old ones.

    Raises:
        ConfigError: Something differs.
    """
    facts, pruner = record.facts, {"name": sweep.pruner[0], **sweep.pruner[1]}
    ours = {
        "metric": list(sweep.objectives),
        "pruner": pruner,
        "equal": sweep.settings.equal,
        "repeats": sweep.settings.repeats,
        "params": sweep.space.describe(),
    }
    then = {
        "metric": facts["metrics"],
        "pruner": facts["pruner"],
        "equal": facts.get("equal"),
        "repeats": facts["repeats"],
        "params": facts["space"],
    }
    hint = "Start a new sweep; hydra.sweeper.initial=DIR begins with this one's best point"
    problems = [
        Problem(f"hydra.sweeper.{key}", "cannot change on resume", f"{ours[key]}, it has {then[key]}", hint)
        for key in ours
        if ours[key] != then[key]
    ]
    if problems:
        raise ConfigError(problems)


def restore(driver: Driver, directory: SweepDirectory, retry: bool) -> list[int]:
    """Restore every trial that the study knows.

    Args:
        driver: The driver of the new session.
        directory: The sweep's directory.
        retry: Whether to retry failed trials.

    Returns:
        The trials that have ended.
    """
    ended = []
    for frozen in sorted(driver.scheduler.study.trials(), key=_time):
        if POINT not in frozen.user_attrs:
            continue
        record = _record(directory, frozen.number)
        trial = Trial.restored(record, frozen.user_attrs[POINT])
        end = end_of(frozen)
        if end is not None and trial.state not in ENDED:  # the last session died before writing the record
            trial.state, trial.values = end
        failed = trial.state == "failed"
        driver.scheduler.restore(trial)
        driver.known(record)
        if failed and retry:
            driver.scheduler.retry(trial)
            driver.write(frozen.number)
        elif trial.state in ENDED:
            ended.append(frozen.number)
    return ended


def _time(trial: FrozenTrial) -> tuple[bool, Any]:
    """Sort key: ended trials in the order of their ends, which patience counts, then the others by number."""
    return (False, trial.datetime_complete) if trial.state.is_finished() else (True, trial.number)


def _record(directory: SweepDirectory, number: int) -> TrialRecord:
    """A trial's record; a new one if the trial was asked for but never started."""
    file = directory.trial(number) / TRIAL_FILE
    return read_trial(file) if file.is_file() else new_record(directory, number)
