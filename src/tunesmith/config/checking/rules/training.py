"""Rules for the Trainer, the schedule and the tracker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.other_names import UNTRAINED
from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.checking.signatures import read_signature
from tunesmith.errors import Problem

DURATION = re.compile(r"\d+:\d+:\d+:\d+")
UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
PROFILERS = ("simple", "advanced", "pytorch")


@rule("trainer.max_epochs", "trainer.max_steps")
def _an_end(epochs: int | None, steps: int) -> Problem | None:
    if steps == 0:
        return Problem("trainer.max_steps", "must be at least 1, or -1 for trainer.max_epochs alone", "0", UNTRAINED)
    if epochs is not None or steps > 0:
        return None
    return Problem(
        "trainer", "has no end: neither max_epochs nor max_steps is set", None, "Set it: trainer.max_epochs=3"
    )


@rule("trainer.val_check_interval")
def _validation_interval(interval: float | None) -> Problem | None:
    whole = isinstance(interval, int) and interval >= 1
    part = isinstance(interval, float) and 0 < interval <= 1
    if interval is None or whole or part:
        return None
    rule_text = "must be a whole number of optimizer steps, or a fraction of an epoch greater than 0 and at most 1.0"
    return Problem("trainer.val_check_interval", rule_text, str(interval))


@rule("trainer", "scheduler._target_")
def _validation_epochs(trainer: Mapping[str, Any], schedule: str) -> Problem | None:
    where, every = "trainer.check_val_every_n_epoch", trainer.get("check_val_every_n_epoch", 1)
    if isinstance(every, int) and every < 1:
        return Problem(where, "must be a whole number of at least 1, or null", str(every))
    if every is None and not isinstance(trainer.get("val_check_interval"), int):
        hint = "Set the number, e.g. trainer.val_check_interval=100"
        return Problem(
            where, "null needs a number of optimizer steps between validations, and none is set", "null", hint
        )
    if every != 1 and schedule.endswith(".ReduceLROnPlateau"):
        hint = "Set trainer.check_val_every_n_epoch=1, or use scheduler=linear"
        return Problem(where, "a plateau schedule needs a validation in every epoch", str(every), hint)
    return None


@rule("trainer", "trainer.max_epochs", "trainer.max_steps")
def _least_length(trainer: Mapping[str, Any], epochs: int | None, steps: int) -> Problem | None:
    for name, most in (("epochs", epochs), ("steps", steps if steps > 0 else None)):
        least = trainer.get(f"min_{name}")
        if isinstance(least, int) and least < 1:
            return Problem(f"trainer.min_{name}", "must be at least 1, or null", str(least))
        if isinstance(least, int) and most is not None and least > most:
            hint = f"At most trainer.min_{name}={most}, or raise trainer.max_{name}"
            return Problem(f"trainer.min_{name}", f"the run ends at trainer.max_{name}={most}", str(least), hint)
    return None


@rule("trainer.max_time")
def _longest_time(duration: Any) -> Problem | None:
    text = isinstance(duration, str) and DURATION.fullmatch(duration)
    units = isinstance(duration, Mapping) and set(duration) <= set(UNITS) and all(map(_is_number, duration.values()))
    if duration is None or text or units:
        return None
    hint = "E.g. trainer.max_time=00:02:30:00 for two and a half hours"
    return Problem("trainer.max_time", "must be a duration as days:hours:minutes:seconds", str(duration), hint)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@rule("trainer.gradient_clip_val", "trainer.gradient_clip_algorithm")
def _clipping(limit: float | None, algorithm: Any) -> Problem | None:
    if limit == 0:
        hint = "Set trainer.gradient_clip_val=null for no clipping"
        return Problem("trainer.gradient_clip_val", "clips every gradient to 0, so nothing would be learned", "0", hint)
    where = "trainer.gradient_clip_algorithm"
    if algorithm not in (None, "norm", "value"):
        return Problem(where, "must be norm or value", str(algorithm))
    if algorithm is not None and limit is None:
        hint = "Set trainer.gradient_clip_val=1.0"
        return Problem(where, "has no effect without gradient clipping", str(algorithm), hint)
    return None


@rule("trainer.profiler")
def _profiler(profiler: Any) -> Problem | None:
    if profiler is None or isinstance(profiler, Mapping) or profiler in PROFILERS:
        return None
    hint = "Use trainer.profiler=simple, or debug=profile"
    return Problem("trainer.profiler", f"must be one of {', '.join(PROFILERS)}", str(profiler), hint)


@rule("trainer.accelerator", "trainer.precision")
def _half_precision(accelerator: str, precision: str) -> Problem | None:
    if accelerator != "cpu" or precision != "16-mixed":
        return None
    hint = (
        "Use trainer.precision=32-true; on a CPU, half precision is trainer.precision=bf16-mixed, which is often "
        "slower: tunesmith doctor measures it"
    )
    return Problem("trainer.precision", "16-mixed needs a GPU", precision, hint)


@rule("scheduler._target_", "scheduler.warmup_fraction")
def _warm_up(target: str, fraction: float) -> Problem | None:
    signature = read_signature(target)
    if not fraction or signature is None or "num_warmup_steps" in signature.by_name:
        return None
    return Problem(
        "scheduler.warmup_fraction",
        f"{target} has no warm-up",
        str(fraction),
        "Use scheduler=linear, cosine or constant",
    )


@rule("logger.name", "logger._target_")
def _one_tracker(name: str | None, target: str | None) -> Problem | None:
    if name is None and target is None:
        return Problem("logger.name", "is required", None, "Set it: logger=wandb", "missing")
    if name != "wandb" or target is None:
        return None
    return Problem(
        "logger.name", f"selects W&B, but logger._target_ is {target}", name, "To use that class: logger.name=null"
    )


@rule("logger.name", "logger.log_model")
def _model_upload(name: str, upload: bool) -> Problem | None:
    if name != "none" or not upload:
        return None
    return Problem("logger.log_model", "needs a tracker to upload to", "true", "Add logger=wandb")
