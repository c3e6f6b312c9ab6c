"""Notes what changed the course of a training, and why: each is logged when it happens, and recorded at the end."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from tunesmith.training.callbacks.divergence import StopOnDivergence

log = logging.getLogger("tunesmith")

TWO = 2
"""Validations without which the last one is the best by itself."""


def callbacks_of(trainer: pl.Trainer) -> list[pl.Callback]:
    """The callbacks of a Trainer, an attribute that its class does not declare."""
    return list(trainer.callbacks)  # type: ignore[attr-defined]


class CourseNotes(pl.Callback):
    """Collects what callbacks and a plateau schedule did; each note has `kind`, `step` and `sentence`.

    Args:
        monitor: The metric that decides.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.notes: list[dict[str, Any]] = []
        self._num_validations = 0
        self._rate: float | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count."""
        self._num_validations += not trainer.sanity_checking

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note a rate that a plateau schedule lowered at the end of the last epoch."""
        schedules: list[Any] = [entry.scheduler for entry in trainer.lr_scheduler_configs if entry.reduce_on_plateau]
        if not schedules:
            return
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        if self._rate is not None and rate < self._rate:
            (schedule,) = schedules
            self._add(
                "plateau",
                trainer.global_step,
                f"the learning rate is lowered from {self._rate:.3g} to {rate:.3g} at step {trainer.global_step}: "
                f"{self.monitor} was no better than {float(schedule.best):.4f} in {schedule.patience + 1} epochs",
            )
        self._rate = rate

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note what ended the training before its time."""
        for callback in callbacks_of(trainer):
            if isinstance(callback, EarlyStopping) and trainer.should_stop and callback.stopping_reason_message:
                why = callback.stopping_reason_message.partition(" Signaling")[0].rstrip(".")
                self._add("early_stopping", trainer.global_step, f"stopped early at step {trainer.global_step}: {why}")

    def take(self, callbacks: list[Any], best_step: int | None, seen_step: int | None, longer: str | None) -> None:
        """Note, after the training, what ended it as divergence, or that the last validation was the best.

        Args:
            callbacks: The trainer's.
            best_step: The step of the best weights.
            seen_step: That of the last validation.
            longer: The override of a longer run, if its config has a length.
        """
        self.notes += [item.note for item in callbacks if isinstance(item, StopOnDivergence) and item.note is not None]
        ended = {note["kind"] for note in self.notes} & {"early_stopping", "divergence"}
        if best_step is None or best_step != seen_step or ended or self._num_validations < TWO or longer is None:
            return
        sentence = (
            f"the last validation, at step {best_step}, was the best: more steps may give better weights, {longer}"
        )
        self._add("best_was_last", best_step, sentence)

    def _add(self, kind: str, step: int, sentence: str) -> None:
        self.notes.append({"kind": kind, "step": step, "sentence": sentence})
        log.info("%s", sentence)

    def state_dict(self) -> dict[str, Any]:
        """What was noted so far, for a checkpoint."""
        return {"notes": list(self.notes), "num_validations": self._num_validations, "rate": self._rate}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.notes, self._rate = list(state_dict["notes"]), state_dict["rate"]
        self._num_validations = state_dict["num_validations"]
