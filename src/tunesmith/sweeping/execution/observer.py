"""Report a training trial to its sweep: its validations, and its value at each rung."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from tunesmith.models.module import FineTuner
from tunesmith.sweeping.execution.messages import Tell
from tunesmith.training.callbacks.checkpoints import between_steps
from tunesmith.training.callbacks.interruption import Pruned


class AtRungs(pl.Callback):
    """Reports the objective to the sweep, and ends the run if the sweep says so.

    A rung that does not coincide with a validation is measured separately, without touching the run's curves, best
    weights, early stopping or random streams: a trial equals the same run outside the sweep, bit for bit
    (see docs/decisions.md, 2026-11-23: a rung is measured apart from the run).

    Args:
        metric: The objective, `val/<name>`; None if nothing is reported during training.
        fractions: Rungs as fractions of all steps.
        judged: How many of them were judged before a resume.
        warmup_fraction: Warm-up as a fraction of all steps; no rung is placed before twice this.
        checkpoint: Where to write the checkpoint from which a paused trial resumes.
        tell: The channel to the sweep.
    """

    def __init__(
        self,
        metric: str | None,
        fractions: Sequence[float],
        *,
        judged: int,
        warmup_fraction: float,
        checkpoint: Path,
        tell: Tell,
    ) -> None:
        self.metric = metric
        self.fractions = fractions
        self.warmup_fraction = warmup_fraction
        self.checkpoint = checkpoint
        self.tell = tell
        self.steps: list[int] = []
        self._next = judged
        self._validated: tuple[int, float] | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Place the rungs, and report how many steps a full run has."""
        total = int(trainer.estimated_stepping_batches)
        self.steps = rung_steps(self.fractions, total, self.warmup_fraction)
        self.tell({"kind": "started", "full_steps": total, "step": trainer.global_step, "rungs": self.steps})

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report a point of the curve."""
        if self.metric is None or trainer.sanity_checking or self.metric not in trainer.callback_metrics:
            return
        self._validated = (trainer.global_step, float(trainer.callback_metrics[self.metric]))
        self.tell({"kind": "point", "step": trainer.global_step, "value": _number(self._validated[1])})

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, idx: int) -> None:
        """Report to the sweep if a rung has been reached and no optimizer step is in progress."""
        if between_steps(trainer, idx):
            self._judge(trainer, pl_module, save=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report to the sweep if a rung falls on the end of an epoch, whose checkpoint exists by now."""
        self._judge(trainer, pl_module, save=False)

    def _judge(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *, save: bool) -> None:
        while self._next < len(self.steps) and trainer.global_step >= self.steps[self._next]:
            rung, self._next = self._next, self._next + 1
            step = trainer.global_step
            if trainer.should_stop or step >= int(trainer.estimated_stepping_batches):
                return  # the run is complete, and its end reports more
            value = self._value(trainer, pl_module)
            decision = self.tell({"kind": "rung", "rung": rung, "step": step, "value": _number(value)})
            if decision in ("pause", "stop"):
                if decision == "pause" and save:
                    trainer.save_checkpoint(self.checkpoint)
                raise Pruned(f"{self.metric} {value:.4f} at step {step}, {self.fractions[rung]:.0%} of a full run")

    def _value(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> float:
        assert self.metric is not None
        if self._validated is not None and self._validated[0] == trainer.global_step:
            return self._validated[1]
        assert isinstance(pl_module, FineTuner)
        return measure(trainer, pl_module)[self.metric]


def rung_steps(fractions: Sequence[float], total: int, warmup_fraction: float) -> list[int]:
    """Compute the steps at which trials are judged.

    Right after warm-up, good configurations are not yet better than bad ones, so a rung before twice the warm-up is
    moved there; rungs that coincide are moved apart by one step each.

    Args:
        fractions: Rungs as fractions of all steps, ascending.
        total: Steps of a full run.
        warmup_fraction: Warm-up as a fraction of all steps.
    """
    steps: list[int] = []
    for fraction in fractions:
        step = max(1, math.ceil(fraction * total), math.ceil(2 * warmup_fraction * total))
        steps.append(max(step, steps[-1] + 1) if steps else step)
    return steps


def measure(trainer: pl.Trainer, module: FineTuner) -> dict[str, float]:
    """Compute the metrics on the validation split with the current weights, leaving no trace in the run."""
    modes = {part: part.training for part in module.modules()}
    before = module.outputs.get("val")
    module.eval()
    try:
        with torch.no_grad(), trainer.precision_plugin.val_step_context():
            module.on_validation_epoch_start()
            for position, batch in enumerate(trainer.datamodule.val_dataloader()):  # type: ignore[attr-defined]
                module.validation_step(trainer.strategy.batch_to_device(batch), position)
        return module.take_outputs("val").metrics
    finally:
        for part, mode in modes.items():
            part.training = mode
        if before is not None:
            module.outputs["val"] = before


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
