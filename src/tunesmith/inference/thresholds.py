"""The worst values that an evaluation may have: `evaluate --fail-below accuracy=0.8`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tunesmith.errors import ConfigError, Problem, TrainingError
from tunesmith.suggest import did_you_mean, nearest

Side = Literal["below", "above"]
SplitName = Literal["train", "val", "test", "all"]


@dataclass(frozen=True)
class Threshold:
    """A bound of a metric."""

    name: str
    """`<split>/<name>`."""
    bound: float
    side: Side
    """On which side of the bound a value is refused."""

    def refuses(self, value: float | None) -> bool:
        """Whether a value is beyond the bound; also if there is none."""
        if value is None or not math.isfinite(value):
            return True
        return value < self.bound if self.side == "below" else value > self.bound


def thresholds_of(texts: Sequence[str], side: Side, split: str, names: Sequence[str]) -> list[Threshold]:
    """Parse the values of a flag, before anything is measured.

    Args:
        texts: As typed, `accuracy=0.8` or `<split>/accuracy=0.8`.
        side: Of the flag.
        split: The split that will be measured.
        names: The metrics that will be, without their split.

    Raises:
        ConfigError: A metric, split or number is not there.
    """
    flag, thresholds, problems = f"--fail-{side}", [], []
    for text in texts:
        name, _, typed = text.rpartition("=")
        bare = name.removeprefix(f"{split}/")
        if bare not in names:
            other, _, rest = name.partition("/")
            if rest in names:
                rule, hint = f"this evaluation measures {split}, not {other}", f"{flag} {rest}={typed}"
            else:
                close = nearest(bare, names)
                rule, hint = "is no metric of this run", did_you_mean(close) or f"It has {', '.join(names)}"
            problems.append(Problem(flag, rule, text, hint))
            continue
        try:
            bound = float(typed)
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            problems.append(Problem(flag, "takes METRIC=NUMBER", text, f"{flag} {bare}=0.8"))
            continue
        thresholds.append(Threshold(f"{split}/{bare}", bound, side))
    if problems:
        raise ConfigError(problems)
    return thresholds


def refuse_beyond(metrics: Mapping[str, float], thresholds: Sequence[Threshold]) -> None:
    """Raise if a metric is beyond its threshold, or has no value.

    Raises:
        TrainingError: One is.
    """
    beyond = [threshold for threshold in thresholds if threshold.refuses(metrics.get(threshold.name))]
    if beyond:
        values = (metrics.get(each.name) for each in beyond)
        parts = [
            f"{each.name} {'has no value' if value is None else f'{value:.4f}'}, {each.side} {each.bound:g}"
            for each, value in zip(beyond, values, strict=True)
        ]
        raise TrainingError(f"the model does not reach what --fail-below and --fail-above ask: {'; '.join(parts)}")
