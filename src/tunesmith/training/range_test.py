"""A learning-rate range test: a short training with a rising rate (Smith 2017, arXiv:1506.01186).

Nothing of a run is written and no test row is looked at. The suggestion is the rate at which the smoothed loss falls
the fastest, at most a tenth of the one at which it is lowest.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from tunesmith.config.schema import RunConfig
from tunesmith.errors import NotFiniteError
from tunesmith.models.groundwork import Groundwork
from tunesmith.models.module import FineTuner
from tunesmith.training.build import build_data, build_network
from tunesmith.training.short import train_briefly

SMOOTHING = 0.9
"""Weight of the past in the smoothed loss."""
DIVERGED = 4.0
"""How many times its lowest value the smoothed loss may reach before the test ends."""
FELL = 0.02
"""Fall of the smoothed loss below its start, as a fraction of it, from which a rate is suggested."""
WARM = 10
"""First steps, in which a smoothed loss says little."""


@dataclass(frozen=True)
class RangeTest:
    """The losses of a range test."""

    rates: Sequence[float]
    """The rate of each step, rising; `optimizer.lr` at that step."""
    losses: Sequence[float]
    """The training loss of each step, before its update."""
    smoothed: Sequence[float]
    """Their exponential mean, corrected for its start."""

    @property
    def suggestion(self) -> float | None:
        """The rate to try; None if the loss did not fall noticeably anywhere."""
        if len(self.smoothed) < WARM + 3:
            return None
        start = max(self.smoothed[:WARM])
        lowest = min(range(WARM, len(self.smoothed)), key=self.smoothed.__getitem__)
        if self.smoothed[lowest] > (1 - FELL) * start:
            return None
        falls = [(self.smoothed[step + 1] - self.smoothed[step - 1], self.rates[step]) for step in range(1, lowest)]
        steepest = min(falls)[1]
        return min(steepest, self.rates[lowest] / 10)


def smooth(losses: Sequence[float]) -> list[float]:
    """The exponential mean of losses, divided by the weight that it has so far."""
    mean, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return smoothed


class _Recorder(pl.Callback):
    """Keeps the loss of each step, and ends the test when the loss has diverged."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, FineTuner)
        if pl_module.step_loss is None:
            return
        self.losses.append(pl_module.step_loss)
        smoothed = smooth(self.losses)
        if len(smoothed) > WARM and smoothed[-1] > DIVERGED * min(smoothed[WARM // 2 :]):
            trainer.should_stop = True


def range_test(
    config: RunConfig, ground: Groundwork, folder: Path, *, low: float, high: float, steps: int
) -> RangeTest:
    """Train with a rate that rises by a constant factor per step.

    Args:
        config: The run's config, with its decisions made; its schedule and length are not used.
        ground: The model's architecture and tokenizer.
        folder: Where Lightning may write; it writes nothing.
        low: The rate of the first step.
        high: That of the last one.
        steps: Optimizer steps.

    Raises:
        DataError: The data cannot be used as configured.
        FilesError: The weights cannot be read.
    """
    data = build_data(config, ground=ground)
    data.encode_all()
    network = build_network(config, data.labels, ground)
    rates = [low * (high / low) ** (step / (steps - 1)) for step in range(steps)]
    recorder = _Recorder()
    with contextlib.suppress(NotFiniteError):  # as good an end as a loss that is high
        train_briefly(
            config,
            data,
            network,
            folder,
            steps=steps,
            rate=lambda step: rates[min(step, steps - 1)] / config.optimizer.lr,
            callbacks=[recorder],
        )
    losses = [loss for loss in recorder.losses if math.isfinite(loss)]
    return RangeTest(rates[: len(losses)], losses, smooth(losses))
