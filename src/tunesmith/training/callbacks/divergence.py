"""Ends a training that has diverged, and keeps the best weights so far."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

import pytorch_lightning as pl

from tunesmith.errors import NotFiniteError
from tunesmith.models.module import FineTuner

log = logging.getLogger("tunesmith")


class StopOnDivergence(pl.Callback):
    """Ends a training whose loss has risen far above that of the untuned model, or is no longer a number.

    The run then goes on as if it had ended there: its best weights so far are measured and kept. Without a validation
    before a loss that is no number there are none, and the run fails.

    Args:
        factor: How many times the loss of the first step the mean loss has to be.
        steps: Optimizer steps that the mean is taken over; nothing is judged before as many.
    """

    def __init__(self, factor: float = 3.0, steps: int = 20) -> None:
        if factor <= 1 or steps < 1:
            raise ValueError(f"factor must be above 1 and steps at least 1, not {factor} and {steps}")
        self.factor = factor
        self.steps = steps
        self.note: dict[str, Any] | None = None
        self._first: float | None = None
        self._recent: deque[float] = deque(maxlen=steps)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Judge the loss of the step, if one was taken."""
        assert isinstance(pl_module, FineTuner)
        loss = pl_module.step_loss
        if loss is None:
            return
        self._first = loss if self._first is None else self._first
        self._recent.append(loss)
        mean = sum(self._recent) / len(self._recent)
        if len(self._recent) == self.steps and mean > self.factor * abs(self._first) and not trainer.should_stop:
            self._stop(
                trainer.global_step,
                f"its mean over {self.steps} steps is {mean:.4g}, and was {self._first:.4g} at first",
            )
            trainer.should_stop = True

    def forgives(self, error: NotFiniteError, step: int, best_step: int | None) -> bool:
        """Whether a loss that is no number only ends the training, because weights of before can be kept.

        Args:
            error: The error.
            step: Optimizer steps taken.
            best_step: The step of the best weights so far, if any.
        """
        if best_step is None:
            return False
        self._stop(step, str(error).partition(". ")[0])
        return True

    def _stop(self, step: int, why: str) -> None:
        sentence = f"stopped at step {step} as the loss diverged: {why}. The best weights so far are kept"
        self.note = {"kind": "divergence", "step": step, "sentence": sentence}
        log.info("%s", sentence)

    def state_dict(self) -> dict[str, Any]:
        """The losses so far, for a checkpoint."""
        return {"first": self._first, "recent": list(self._recent)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self._first = state_dict["first"]
        self._recent = deque(state_dict["recent"], maxlen=self.steps)
