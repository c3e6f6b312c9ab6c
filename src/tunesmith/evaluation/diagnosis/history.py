"""The course of a training, as far as a diagnosis needs it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Validation:
    """One pass over the validation rows."""

    step: int
    """Optimizer steps taken before it."""
    loss: float
    value: float | None
    """The metric that decides."""


@dataclass(frozen=True)
class Given:
    """What the best weights answered to the validation rows, where a row has one label."""

    truths: Sequence[str]
    answers: Sequence[str]
    margins: Sequence[float] = ()
    """By how much the logit of each answer exceeds the next; empty if unknown."""

    @property
    def right(self) -> list[bool]:
        """Whether each answer is the row's label."""
        return [given == true for given, true in zip(self.answers, self.truths, strict=True)]

    @property
    def most_frequent(self) -> float:
        """The share of rows with the most frequent label."""
        return Counter(self.truths).most_common(1)[0][1] / len(self.truths)


@dataclass(frozen=True)
class Settings:
    """The values of a config that an advice starts from."""

    lr: float
    adaptive: bool
    """Whether a step moves a weight by about the rate, whatever the gradient, as Adam's does."""
    max_epochs: int | None = None
    max_steps: int = -1
    num_rows: int | None = None
    """`data.num_rows`."""
    weighs_labels: bool = False
    """Whether `task.class_weights` applies to the task and is not set."""
    smooths_labels: bool = False
    """Whether `task.label_smoothing` applies to the task and is not set."""


@dataclass(frozen=True)
class History:
    """The course of one training."""

    steps: Sequence[int]
    """Optimizer steps with a training loss."""
    losses: Sequence[float]
    """The training loss of each of them, measured before the step's update."""
    validations: Sequence[Validation]
    """In order; those before the first step are in `start`."""
    mode: str
    """`max` or `min`: the better direction of the metric that decides."""
    settings: Settings
    rate_sum: float | None = None
    """Sum of the learning rates of all steps."""
    start: Validation | None = None
    """The untuned model."""
    chance: float | None = None
    """The loss of answering every validation row by the labels' frequencies, or by the numbers' mean."""
    steps_per_epoch: int | None = None
    rows_per_label: float | None = None
    """Training rows divided by labels."""
    given: Given | None = None
    ended_early: bool = False
    """Whether something other than its config or early stopping ended the run."""
    not_finite: bool = False
    """Whether it ended because a loss was not finite."""
    monitor: str = "val/loss"
    interval: tuple[float, float] | None = None
    """95% interval of the best weights' value over the validation rows."""

    @property
    def first_loss(self) -> float:
        """The loss before any update: that of the first step, or of guessing if that is higher."""
        return max(self.losses[0], self.chance or 0.0)


@dataclass(frozen=True)
class Diagnosis:
    """One thing that went wrong."""

    kind: str
    """`divergence`, `rate_too_low`, `undertrained`, `overfitting`, `too_little_data`, `label_noise`, `one_answer` or
    `unstable_over_seeds`."""
    sentence: str
    """What went wrong and what shows it."""
    override: str | None = None
    """What to type behind `tunesmith train --from RUN` next."""
    evidence: Mapping[str, float] = field(default_factory=dict)
    """The numbers in the sentence, by name."""

    def plain(self) -> dict[str, Any]:
        """The verdict as in `results.json`."""
        return {
            "kind": self.kind,
            "sentence": self.sentence,
            "override": self.override,
            "evidence": dict(self.evidence),
        }


def curves_of(points: Sequence[Mapping[str, Any]], monitor: str) -> dict[str, Any]:
    """Return the fields of a `History` that the points of `metrics.jsonl` give, without losses that are not finite.

    Args:
        points: The points.
        monitor: The metric that decides, `val/<name>`.
    """
    train = [
        (int(p["step"]), float(p["train/loss"])) for p in points if "train/loss" in p and p.get("step") is not None
    ]
    train = [(step, loss) for step, loss in train if math.isfinite(loss)]
    passes = [
        Validation(int(p["step"]), float(p["val/loss"]), None if monitor not in p else float(p[monitor]))
        for p in points
        if "val/loss" in p and p.get("step") is not None and math.isfinite(float(p["val/loss"]))
    ]
    rates = [float(p["train/lr"]) for p in points if "train/lr" in p]
    every = max(1, round(train[-1][0] / len(train))) if train else 1
    return {
        "steps": [step for step, _ in train],
        "losses": [loss for _, loss in train],
        "validations": [item for item in passes if item.step > 0],
        "start": next((item for item in passes if item.step == 0), None),
        "rate_sum": sum(rates) * every if rates else None,
        "monitor": monitor,
    }
