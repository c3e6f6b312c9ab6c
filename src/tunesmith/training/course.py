"""The length of a run and its validations, in optimizer steps, independent of micro-batches."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

from tunesmith.config.schema import RunConfig
from tunesmith.config.schema import Trainer as TrainerConfig
from tunesmith.errors import ConfigError, Problem

log = logging.getLogger("tunesmith")

INTERVAL = "trainer.val_check_interval"
EVERY = "trainer.check_val_every_n_epoch"


def course(config: RunConfig, steps_per_epoch: int) -> int:
    """Compute the optimizer steps of a run, unless it stops early.

    Args:
        config: The run's config.
        steps_per_epoch: Optimizer steps of an epoch.

    Raises:
        ConfigError: Something would never happen within that many steps.
    """
    trainer = config.trainer
    limits = [trainer.max_epochs * steps_per_epoch] if trainer.max_epochs is not None else []
    limits += [trainer.max_steps] if trainer.max_steps >= 0 else []
    steps = min(limits)
    problems = [*_of_validation(config, steps_per_epoch, steps), *_of_ends(config, steps_per_epoch, steps)]
    if problems:
        raise ConfigError(problems)
    if trainer.log_every_n_steps > steps:
        rule = "trainer.log_every_n_steps=%d exceeds the steps of the run (%d): its training curves stay empty"
        log.warning(rule, trainer.log_every_n_steps, steps)
    return steps


def twice_as_long(trainer: TrainerConfig) -> str | None:
    """The overrides with which a run would be twice as long; None if only its time is limited."""
    words = [f"trainer.max_epochs={2 * trainer.max_epochs}"] if trainer.max_epochs is not None else []
    words += [f"trainer.max_steps={2 * trainer.max_steps}"] if trainer.max_steps > 0 else []
    return " ".join(words) or None


def counts_micro_batches(config: RunConfig) -> bool:
    """Whether `trainer.val_check_interval` has the meaning of a config saved before it counted optimizer steps."""
    data, interval = config.data, config.trainer.val_check_interval
    divided = data.micro_batch_size not in ("auto", data.batch_size)
    return config.schema_version == 1 and divided and interval is not None


def _of_validation(config: RunConfig, steps_per_epoch: int, steps: int) -> Iterator[Problem]:
    interval, every = config.trainer.val_check_interval, config.trainer.kwargs().get("check_val_every_n_epoch", 1)
    if counts_micro_batches(config):
        rule = "%s=%s counts micro-batches in this config, as when it was saved; in a new config it counts steps"
        log.warning(rule, INTERVAL, interval)
        return
    if isinstance(interval, int) and every is None and interval > steps:
        yield Problem(INTERVAL, f"the run has {steps} optimizer steps", str(interval), f"At most {INTERVAL}={steps}")
    elif isinstance(interval, int) and every is not None and interval > steps_per_epoch:
        rule = f"an epoch has {steps_per_epoch} optimizer steps"
        hint = f"At most {INTERVAL}={steps_per_epoch}; with {EVERY}=null it counts over epochs"
        yield Problem(INTERVAL, rule, str(interval), hint)
    epochs = math.ceil(steps / steps_per_epoch)
    if every is not None and every > epochs:
        yield Problem(EVERY, f"the run ends in epoch {epochs}", str(every), f"At most {EVERY}={epochs}")


def _of_ends(config: RunConfig, steps_per_epoch: int, steps: int) -> Iterator[Problem]:
    """Minimum lengths that exceed the run's length."""
    keywords = config.trainer.kwargs()
    for name, most in (("steps", steps), ("epochs", math.ceil(steps / steps_per_epoch))):
        least = keywords.get(f"min_{name}")
        if least is not None and least > most:
            hint = f"At most trainer.min_{name}={most}"
            yield Problem(f"trainer.min_{name}", f"the run has {most} {name}", str(least), hint)
