"""Resume an interrupted run in its own directory, with the same result as without the interruption."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import yaml

from tunesmith.config.changes import differing
from tunesmith.config.checking.signatures import read_signature
from tunesmith.config.composing.compose import Composed, compose_from
from tunesmith.config.fingerprint import fingerprint, identifies
from tunesmith.config.folders import expand
from tunesmith.config.trust import trusting
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.redaction import redact_config
from tunesmith.runs.record import UNFINISHED, Record, load_run
from tunesmith.storage import locked, write_json, write_text
from tunesmith.training.callbacks.checkpoints import LAST, steps_of_checkpoint
from tunesmith.training.logs import log_to
from tunesmith.training.run import execute

log = logging.getLogger("tunesmith")
END = ("trainer.max_epochs", "trainer.max_steps")
"""Keys that set a run's end; schedules depend on it from the first step."""


def resume(
    record: Record,
    overrides: Sequence[str] = (),
    *,
    trust: Sequence[str] = (),
    new_end: bool = False,
    composed: Composed | None = None,
) -> Record:
    """Resume a run from its last checkpoint; the result is bit-identical to that of an uninterrupted run.

    Args:
        record: The run.
        overrides: Values to change; only keys that name or observe a run.
        trust: The user's own modules that `_target_`s may name.
        new_end: Allow another `trainer.max_epochs` or `trainer.max_steps`. It changes the schedule, so the run is
            recorded as a variation: a run from the start would not have its result.
        composed: The config to continue with, in place of the saved one with `overrides`.

    Returns:
        The finished run.

    Raises:
        ConfigError: An override, or an edit of the saved config, would change the result.
        DataError: The data has changed since the run started.
        FilesError: The run is complete or still running, or has no readable checkpoint.
    """
    with locked(record.path):
        record = load_run(record.path)  # another process may have resumed it
        return _resume(record, overrides, trust, new_end, composed)


def _resume(
    record: Record, overrides: Sequence[str], trust: Sequence[str], new_end: bool, composed: Composed | None
) -> Record:
    if record.status not in UNFINISHED:
        more = shlex.join(overrides) or "KEY=VALUE"
        raise FilesError(
            f"{record.path} is {record.status}: there is nothing to resume. "
            f"Train again from the start: tunesmith train --from {record.argument} {more}"
        )
    started = record.provenance.get("config_fingerprint")
    if started is not None and not identifies(started, record.config):
        rule = "was edited since the run started, and would change the result of a resumed run"
        hint = f"Undo the edit, or start a variation: tunesmith train --from {record.argument} KEY=VALUE"
        raise ConfigError([Problem(str(record.directory.config), rule, None, hint)])
    composed = composed or compose_from(record.path, overrides, trust=trust)
    changes = list(differing(record.config, redact_config(composed.saved)))
    refused = [change for change in changes if not (new_end and change[0] in END)]
    if refused:
        raise ConfigError([_refusal(record, *change) for change in refused])
    checkpoint = record.directory.checkpoints / LAST
    step, epoch = steps_of_checkpoint(checkpoint)
    if changes:
        _check_end(composed, step, epoch)
    with log_to(record.directory.log):
        log.info("resuming at step %d", step)
        if changes:
            _record_continuation(record, composed, changes, step)
    with trusting(composed.trust):
        return execute(composed, record.directory, str(record.config["run"]["name"]), checkpoint)


def newest_unfinished(composed: Composed) -> Record | None:
    """The newest unfinished run under `run.root` with this config and a checkpoint.

    Args:
        composed: The config with its decisions made.
    """
    identity = fingerprint(redact_config(composed.saved))
    for path in sorted(expand(composed.config.run.root).glob("*/*/config.yaml"), reverse=True):
        with suppress(FilesError):  # a damaged run must not prevent this one
            record = load_run(path.parent)
            has_checkpoint = (record.directory.checkpoints / LAST).is_file()
            if record.status in UNFINISHED and has_checkpoint and fingerprint(record.config) == identity:
                return record
    return None


def _refusal(record: Record, key: str, then: Any, now: Any) -> Problem:
    rule = "would change the result of a resumed run"
    hint = f"Start a variation instead: tunesmith train --from {record.argument} KEY=VALUE"
    if key in END:
        hint = f"To continue anyway, as a variation: tunesmith resume {record.argument} --continue {key}={now}"
    return Problem(key, rule, f"{now}, the run has {then}", hint)


def _check_end(composed: Composed, step: int, epoch: int) -> None:
    """Refuse an end that the run has already passed, or that its schedule cannot take into account.

    Raises:
        ConfigError: The new end is one of these.
    """
    trainer, schedule = composed.config.trainer, composed.config.scheduler.target
    done = [("max_epochs", trainer.max_epochs, epoch, "epochs"), ("max_steps", trainer.max_steps, step, "steps")]
    problems = [
        Problem(f"trainer.{name}", f"the run has already completed {now} {unit}", str(end))
        for name, end, now, unit in done
        if end is not None and 0 <= end <= now
    ]
    signature = read_signature(schedule)
    if signature is not None and "total_steps" in signature.by_name:
        rule = f"{schedule} takes its length from the checkpoint and cannot be given another end"
        problems.append(Problem("scheduler", rule, None, "scheduler=linear, cosine and constant can"))
    if problems:
        raise ConfigError(problems)


def _record_continuation(
    record: Record, composed: Composed, changes: Sequence[tuple[str, Any, Any]], step: int
) -> None:
    """Write the new end into the config, and the continuation into the provenance."""
    entries = [{"key": key, "then": then, "now": now, "step": step} for key, then, now in changes]
    provenance = record.provenance
    continued = [*provenance.get("continued", []), *entries]
    changed = {"continued": continued, "config_fingerprint": fingerprint(redact_config(composed.saved))}
    write_json(record.directory.provenance, provenance | changed)
    write_text(
        record.directory.config, yaml.safe_dump(redact_config(composed.saved), sort_keys=False, allow_unicode=True)
    )
    for key, then, now in changes:
        log.info("a variation from here on: %s is %s, and was %s until step %d", key, now, then, step)
