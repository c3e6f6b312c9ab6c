"""Verdicts that the losses of a training give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from tunesmith.evaluation.diagnosis.history import Diagnosis, History, Validation
from tunesmith.evaluation.diagnosis.levels import Level, exceeds, level, levels

PEAK = 2.0
"""How many times the loss of the untrained model a loss has to reach to have diverged."""
LOST = 1.5
"""How many times its lowest level the training loss has to return to, if it did not reach that peak."""
STILL = 0.03
"""Change of a loss, as a fraction of it, below which a training moved nothing."""
USUAL_LR = 1e-5
"""Rate from which Adam tunes a network in a usual number of steps: if nothing moved, there were too few."""
MOVES = 2e-3
"""Sum of the rates from which Adam can have moved weights (about 0.02 in size) by a tenth of their size."""
FALLING = 0.05
"""Fall of the loss in the last quarter of a run, as a fraction of it, from which it was cut short."""
SOLVED = 0.2
"""Loss as a fraction of that of guessing below which more training is not missed."""
RISE = 1.2
"""How many times its lowest value the validation loss has to reach for overfitting."""
GAP = 0.5
"""Training loss at the end as a fraction of the validation loss, below which rows are memorised."""
FEW_ROWS = 100
"""Training rows per label, below which a memorised set is too small."""
HIGHEST_ADAPTIVE_LR = 1e-3
"""The highest rate that is advised for Adam."""


def divergence(history: History) -> Diagnosis | None:
    """Judge whether the loss rose and stayed high: the rate is too high."""
    lr, losses = history.settings.lr, history.losses
    lower = lr / 10 if not history.settings.adaptive else min(lr / 10, HIGHEST_ADAPTIVE_LR)
    override = f"optimizer.lr={rate_text(lower)}"
    if history.not_finite:
        sentence = f"the training diverged: its loss was no longer a number, at a learning rate of {rate_text(lr)}"
        return Diagnosis("divergence", sentence, override, {"lr": lr})
    parts = levels(losses, 8)
    if len(parts) < 2:
        return None
    first, last = history.first_loss, parts[-1]
    peak, lowest = max(part.mean for part in parts), min(parts, key=lambda part: part.mean)
    rose = peak >= PEAK * first and last.mean >= 0.9 * first and _beyond(parts, peak, first)
    lost = last.mean >= LOST * lowest.mean and last.mean >= 0.7 * first and exceeds(last, lowest, 5.0)
    if not (rose or lost):
        return None
    before, high = (first, peak) if rose else (lowest.mean, last.mean)
    sentence = (
        f"the training diverged: train/loss rose from {loss_text(before)} to {loss_text(high)} and ended at "
        f"{loss_text(last.mean)}, at a learning rate of {rate_text(lr)}"
    )
    return Diagnosis("divergence", sentence, override, {"lr": lr, "before": before, "peak": high, "end": last.mean})


def _beyond(parts: Sequence[Level], peak: float, first: float) -> bool:
    """Whether the peak is outside of the scatter of single losses at the end of training."""
    return peak - first > 5 * parts[-1].error


def rate_too_low(history: History) -> Diagnosis | None:
    """Judge whether nothing was learned because the weights hardly moved."""
    parts = levels(history.losses, 4)
    if len(parts) < 2 or not history.validations:
        return None
    settings, total = history.settings, history.rate_sum
    first, last = parts[0], parts[-1]
    measured = [item.loss for item in (history.start, *history.validations) if item is not None]
    moved = max(measured) / min(measured) - 1 if min(measured) > 0 else math.inf
    fell = (first.mean - last.mean) / abs(first.mean) if first.mean else math.inf
    still = abs(fell) < STILL or not (exceeds(first, last, 2.0) or exceeds(last, first, 2.0))
    if moved >= STILL / 3 or not still:
        return None
    bounded = settings.adaptive and total is not None and total < MOVES
    # Without a bound on the movement: the loss is still that of guessing, and the curve is smooth.
    guesses = history.chance is not None and last.mean > 0.9 * history.chance
    smooth = len(measured) >= 3 and (_falls(measured) or moved < STILL / 30)
    if not bounded and not (guesses and smooth and not settings.adaptive):
        return None
    if bounded and total is not None and settings.lr >= USUAL_LR:
        return _too_few_steps(history, first.mean, last.mean, total)
    factor = min(1000.0, max(10.0, 0.02 / total)) if bounded and total else 10.0
    override = f"optimizer.lr={rate_text(settings.lr * factor)}"
    how = f"; the rates of all steps sum to {rate_text(total)}" if bounded and total is not None else ""
    sentence = (
        f"nothing was learned, as the learning rate of {rate_text(settings.lr)} is too low: train/loss went from "
        f"{loss_text(first.mean)} to {loss_text(last.mean)}, val/loss is {loss_text(measured[-1])}{how}"
    )
    evidence = {"lr": settings.lr, "first": first.mean, "last": last.mean, "val_loss": measured[-1]}
    return Diagnosis("rate_too_low", sentence, override, evidence | ({"rate_sum": total} if total is not None else {}))


def _too_few_steps(history: History, first: float, last: float, total: float) -> Diagnosis | None:
    override = longer(history)
    if override is None or history.ended_early:
        return None
    sentence = (
        f"the training is too short to learn anything: in {history.steps[-1]} steps train/loss went from "
        f"{loss_text(first)} to {loss_text(last)}; their rates sum to {rate_text(total)}"
    )
    evidence = {"steps": history.steps[-1], "first": first, "last": last, "rate_sum": total}
    return Diagnosis("undertrained", sentence, override, evidence)


def _falls(values: Sequence[float]) -> bool:
    return all(after < before for before, after in pairwise(values))


def undertrained(history: History) -> Diagnosis | None:
    """Judge whether the loss was still falling when the run ended."""
    quarters = levels(history.losses, 4, least=5)
    solved = history.given is not None and all(history.given.right)
    if len(quarters) < 4 or not history.validations or history.ended_early or solved:
        return None
    third, fourth = quarters[2], quarters[3]
    fell = (third.mean - fourth.mean) / third.mean if third.mean > 0 else 0.0
    last = history.validations[-1]
    reference = history.chance if history.chance is not None else history.first_loss
    lowest = min(history.validations, key=lambda item: item.loss)
    unfinished = fell >= FALLING and exceeds(third, fourth, 3.0) and last.loss > SOLVED * reference
    if not unfinished or lowest is not last or fourth.mean < 0.8 * last.loss or not _improves(history.validations):
        return None
    override = longer(history)
    if override is None:
        return None
    sentence = (
        f"the training ended too early: in its last quarter train/loss still fell from {loss_text(third.mean)} to "
        f"{loss_text(fourth.mean)}, and val/loss, {loss_text(last.loss)}, was never lower"
    )
    return Diagnosis(
        "undertrained", sentence, override, {"third": third.mean, "fourth": fourth.mean, "val_loss": last.loss}
    )


def _improves(validations: Sequence[Validation]) -> bool:
    """Whether the validation loss still fell noticeably in the last quarter of the steps, as far as it was measured."""
    last = validations[-1]
    before = [item for item in validations if item.step <= 0.75 * last.step]
    return not before or before[-1].loss - last.loss >= FALLING / 2 * last.loss


def longer(history: History) -> str | None:
    """The override that trains three times as long; None if the config has no length to multiply."""
    settings = history.settings
    if settings.max_steps > 0:
        return f"trainer.max_steps={3 * settings.max_steps}" + (
            f" trainer.max_epochs={3 * settings.max_epochs}" if settings.max_epochs is not None else ""
        )
    return None if settings.max_epochs is None else f"trainer.max_epochs={3 * settings.max_epochs}"


def overfitting(history: History) -> Diagnosis | None:
    """Judge whether validation became worse while the training rows were learned by heart."""
    validations, tail = history.validations, _tail(history)
    if len(validations) < 2 or tail is None:
        return None
    lowest, last = min(validations, key=lambda item: item.loss), validations[-1]
    end = max(last.loss, validations[-2].loss) if validations[-2] is not lowest else last.loss
    several = sum(item.step > lowest.step for item in validations) >= 2
    rose = end >= (RISE if several else RISE**2) * lowest.loss and last.loss >= RISE * lowest.loss
    matters = history.chance is None or end - lowest.loss >= 0.05 * history.chance
    at_lowest = [loss for step, loss in zip(history.steps, history.losses, strict=True) if step <= lowest.step]
    fell = not at_lowest or tail.mean < 0.75 * level(at_lowest[-max(2, len(at_lowest) // 4) :]).mean or tail.mean < 0.05
    if not (rose and matters and fell and tail.mean <= GAP * last.loss) or _paid(history, lowest):
        return None
    sentence = (
        f"overfitting: after step {lowest.step} val/loss rose from {loss_text(lowest.loss)} to "
        f"{loss_text(last.loss)} while train/loss fell to {loss_text(tail.mean)}"
    )
    evidence = {"step": lowest.step, "lowest": lowest.loss, "val_loss": last.loss, "train_loss": tail.mean}
    return Diagnosis("overfitting", sentence, _shorter(history, lowest), evidence)


def _tail(history: History) -> Level | None:
    """The training loss of the last epoch, or of the last tenth of the run if that is longer."""
    count = max(3, len(history.losses) // 10, min(history.steps_per_epoch or 0, len(history.losses) // 2))
    return level(history.losses[-count:]) if len(history.losses) >= 4 else None


def _paid(history: History, lowest: Validation) -> bool:
    """Whether the metric that decides improved after the lowest loss: answers became more sure, not worse."""
    if history.monitor == "val/loss" or lowest.value is None:
        return False
    later = [item.value for item in history.validations if item.step > lowest.step and item.value is not None]
    sign = 1.0 if history.mode == "max" else -1.0
    margin = (history.interval[1] - history.interval[0]) / 2 if history.interval else 0.0
    return bool(later) and sign * (max(sign * v for v in later) * sign - lowest.value) > margin / 2


def _shorter(history: History, lowest: Validation) -> str | None:
    per_epoch, settings = history.steps_per_epoch, history.settings
    if per_epoch is None or settings.max_epochs is None:
        return f"trainer.max_steps={lowest.step}"
    epochs = max(1, math.ceil(lowest.step / per_epoch))
    return (
        f"trainer.max_epochs={epochs}" if epochs < settings.max_epochs else f"optimizer.lr={rate_text(settings.lr / 3)}"
    )


def too_little_data(history: History) -> Diagnosis | None:
    """Judge whether a few rows were learned by heart and others are not answered by that."""
    tail, rows = _tail(history), history.rows_per_label
    if tail is None or rows is None or rows >= FEW_ROWS or not history.validations or history.chance is None:
        return None
    lowest = min(item.loss for item in history.validations)
    if tail.mean > 0.25 * lowest or lowest < history.chance / 2:
        return None
    override = "data.num_rows=null" if history.settings.num_rows is not None else None
    sentence = (
        f"too little data: the {rows:.0f} training rows per label are learned (train/loss {loss_text(tail.mean)}), and "
        f"val/loss never fell below {loss_text(lowest)}, where guessing has {loss_text(history.chance)}"
    )
    evidence = {"rows_per_label": rows, "train_loss": tail.mean, "lowest": lowest, "chance": history.chance}
    return Diagnosis("too_little_data", sentence, override, evidence)


def loss_text(value: float) -> str:
    """Format a loss."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def rate_text(value: float) -> str:
    """Format a rate as a person would type it, with up to two significant digits."""
    return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e+")
