"""Validate by optimizer steps: Lightning counts micro-batches, and their number per step varies."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl


class ValidateAtSteps(pl.Callback):
    """Tells Lightning before each micro-batch whether to validate after it.

    The decision depends only on the micro-batch's position, so a resumed run validates where an uninterrupted one
    would.

    Args:
        interval: Optimizer steps between validations, or a fraction of those in an epoch.
    """

    def __init__(self, interval: int | float) -> None:
        self.interval = interval

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Decide again in the middle of an epoch, after a resume: Lightning asks about the last micro-batch again."""
        self._decide(trainer, trainer.fit_loop.epoch_loop.batch_progress.current.completed - 1)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, idx: int) -> None:
        """Decide about this micro-batch."""
        self._decide(trainer, idx)

    def _decide(self, trainer: pl.Trainer, idx: int) -> None:
        over_epochs = trainer.check_val_every_n_epoch is None
        # Lightning divides by `val_check_batch`; after a resume, its count over epochs differs from the data's.
        count = (trainer.fit_loop.epoch_loop.total_batch_idx if over_epochs else idx) + 1
        trainer.val_check_batch = count if self._is_due(trainer, idx, over_epochs) else count + 1

    def _is_due(self, trainer: pl.Trainer, idx: int, over_epochs: bool) -> bool:
        size, last = trainer.accumulate_grad_batches, int(trainer.num_training_batches)
        if idx < 0 or ((idx + 1) % size and idx + 1 != last):
            return False  # no optimizer step ends here
        per_epoch = -(-last // size)
        every = self.interval if isinstance(self.interval, int) else max(1, int(per_epoch * self.interval))
        return ((trainer.current_epoch * per_epoch if over_epochs else 0) + idx // size + 1) % every == 0
