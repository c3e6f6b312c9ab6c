"""Rules on the Trainer, the schedule and the tracker."""

from __future__ import annotations

from tunesmith.config.rules.registry import rule
from tunesmith.config.signatures import read_signature
from tunesmith.errors import Problem


@rule("trainer.max_epochs", "trainer.max_steps")
def _an_end(epochs: int | None, steps: int) -> Problem | None:
    if epochs is not None or steps > 0:
        return None
    return Problem(
        "trainer", "needs an end: neither max_epochs nor max_steps is set", None, "Set it: trainer.max_epochs=3"
    )


@rule("trainer.val_check_interval")
def _validation_interval(interval: float | None) -> Problem | None:
    whole = isinstance(interval, int) and interval >= 1
    part = isinstance(interval, float) and 0 < interval <= 1
    if interval is None or whole or part:
        return None
    rule_text = "must be a whole number of micro-batches, or a fraction of an epoch greater than 0 and at most 1.0"
    return Problem("trainer.val_check_interval", rule_text, str(interval))


@rule("trainer.accelerator", "trainer.precision")
def _half_precision(accelerator: str, precision: str) -> Problem | None:
    if accelerator != "cpu" or precision != "16-mixed":
        return None
    return Problem("trainer.precision", "16-mixed needs a GPU", precision, "On a CPU: trainer.precision=bf16-mixed")


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


@rule("logger.name", "logger.log_model")
def _model_upload(name: str, upload: bool) -> Problem | None:
    if name != "none" or not upload:
        return None
    return Problem("logger.log_model", "needs a tracker to upload to", "true", "Add logger=wandb")
