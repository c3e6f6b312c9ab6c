"""Go on with a run that was interrupted, in its own directory, to the same end that it would have had."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from tunesmith.config.compose import Composed, compose_from, searching_here
from tunesmith.config.fingerprint import HARMLESS, fingerprint
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.runs.directory import write_text
from tunesmith.runs.record import Record, load_run
from tunesmith.training.checkpoints import BEST, LAST
from tunesmith.training.run import execute

log = logging.getLogger("tunesmith")

UNFINISHED = ("interrupted", "dead", "failed")
"""States of a run that can be gone on with."""


def resume(record: Record, overrides: Sequence[str] = (), *, trust: Sequence[str] = ()) -> Record:
    """Continue a run from its last checkpoint; the end is bit-identical to that of an uninterrupted run.

    Args:
        record: The run.
        overrides: Changes of values; only of keys that name or observe a run.
        trust: Modules of the user's own that `_target_`s may name.

    Returns:
        The finished run.

    Raises:
        ConfigError: An override would change the result.
        FilesError: The run is complete or still running, or has no checkpoint that can be read.
    """
    if record.status not in UNFINISHED:
        raise FilesError(f"{record.path} is {record.status}: there is nothing to resume")
    composed = compose_from(record.path, overrides, trust=trust)
    changes = list(differing(record.config, composed.saved))
    if changes:
        rule = "would change the result of a resumed run"
        hint = f"Start a variation instead: tunesmith train --from {record.path} KEY=VALUE"
        raise ConfigError([Problem(key, rule, f"{now}, the run has {then}", hint) for key, then, now in changes])
    checkpoint = record.directory.checkpoints / LAST
    step = step_of(checkpoint)
    forget_after(record, step)
    log.info("resuming at step %d", step)
    with searching_here(trust):
        return execute(composed, record.directory, str(record.config["run"]["name"]), trust, checkpoint)


def newest_unfinished(composed: Composed) -> Record | None:
    """The newest run under `run.root` with this config and a checkpoint, that has not come to its end.

    Args:
        composed: The config with its decisions made.
    """
    wanted = fingerprint(composed.saved)
    for path in sorted(Path(composed.config.run.root).expanduser().glob("*/*/config.yaml"), reverse=True):
        record = load_run(path.parent)
        has_checkpoint = (record.directory.checkpoints / LAST).is_file()
        if record.status in UNFINISHED and has_checkpoint and fingerprint(record.config) == wanted:
            return record
    return None


def differing(then: dict[str, Any], now: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted keys that differ in a way that can change the result, with both values."""
    for key in sorted(then.keys() | now.keys()):
        if not prefix and key in HARMLESS:
            continue
        first, second = then.get(key), now.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            yield from differing(first, second, f"{prefix}{key}.")
        elif first != second:
            yield f"{prefix}{key}", first, second


def step_of(checkpoint: Path) -> int:
    """The optimizer step that a checkpoint was written at.

    Raises:
        FilesError: There is none, or it cannot be read.
    """
    if not checkpoint.is_file():
        raise FilesError(f"{checkpoint} does not exist: the run ended before its first checkpoint. Train it again")
    try:
        return int(torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["global_step"])
    except Exception as error:  # torch raises what it likes for a damaged file
        raise FilesError(f"{checkpoint} cannot be read: {str(error).splitlines()[0]}") from error


def forget_after(record: Record, step: int) -> None:
    """Drop the curves' points after a step: they will be made again."""
    kept = [point for point in record.curves() if point["step"] <= step]
    write_text(record.directory.metrics, "".join(json.dumps(point, ensure_ascii=False) + "\n" for point in kept))
    if not any("val/loss" in point for point in kept):
        (record.directory.checkpoints / BEST).unlink(missing_ok=True)
