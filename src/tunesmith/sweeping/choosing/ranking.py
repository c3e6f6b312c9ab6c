"""Orders measured models: by what a linear probe reads from them, and if that cannot be told apart, by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tunesmith.config.checking.directions import mode_of
from tunesmith.config.schema import RunConfig
from tunesmith.data.rows import Rows, as_one_text, inputs_of
from tunesmith.evaluation import baselines
from tunesmith.evaluation.statistics.additive import AdditiveMetric
from tunesmith.evaluation.statistics.headline import group_numbers
from tunesmith.evaluation.statistics.intervals import LEVEL, interval
from tunesmith.evaluation.statistics.paired import compare
from tunesmith.sweeping.choosing.measuring import Gauged
from tunesmith.tasks.task import Task
from tunesmith.training.baselines import additive_form
from tunesmith.training.build import metric_function
from tunesmith.training.course import course
from tunesmith.training.word_curve import targets_of

Answers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """A value of the metric that decides, on the sample of validation rows."""

    value: float
    bounds: tuple[float, float] | None
    """Its 95% interval over rows; None if it has none."""
    form: AdditiveMetric | None


@dataclass(frozen=True)
class Ranked:
    """A measured model in its place."""

    gauged: Gauged
    score: Score | None
    """Of its probe."""
    is_tied: bool
    """Whether its probe cannot be told from the best."""
    epoch_s: float
    run_s: float
    """Seconds of a whole run of the config."""
    is_fast_enough: bool


def score_of(answers: Answers, config: RunConfig, task: Task, labels: Sequence[str], rows: Rows) -> Score | None:
    """Measure answers by the metric that decides; None if it has no value for them.

    Args:
        answers: In the form of the network's answers: logits, or numbers.
        config: The run's config.
        task: Its task.
        labels: Label names in the order of the logits.
        rows: The rows that are answered.
    """
    name = config.evaluation.monitor.partition("/")[2]
    logits = torch.from_numpy(answers).float()
    groups: Sequence[str | None] = rows.groups or [None] * len(rows)
    given = zip(rows.labels, task.meanings(logits, labels), logits.tolist(), groups, strict=True)
    answered = [
        {"split": "val", "label": _plain(label), "prediction": meaning, "logits": numbers, "group": group}
        for label, meaning, numbers, group in given
    ]
    form = additive_form(config.evaluation, name, answered, labels)
    if form is not None:
        by_group = form.by_group(group_numbers(answered))
        bounds = interval(by_group)
        return Score(float(form.of_all()), None if bounds is None else (bounds.low, bounds.high), by_group)
    truths = torch.from_numpy(targets_of(rows, labels, several=task.traits.several))
    value: Any = metric_function(config, labels)(logits, truths).get(name)
    return Score(value, None, None) if isinstance(value, float) and value == value else None


def _plain(label: Any) -> Any:
    return list(label) if isinstance(label, tuple) else label


def trivial_scores(
    config: RunConfig, task: Task, labels: Sequence[str], sample: Rows, train: Rows, val: Rows
) -> dict[str, Score]:
    """Measure trivial models on the sample of validation rows, by what they rest on.

    Args:
        config: The run's config.
        task: Its task.
        labels: Label names.
        sample: The training rows that probes were fitted on.
        train: All training rows.
        val: The validation rows that probes were measured on.
    """
    others = list(map(as_one_text, inputs_of(val)))
    named = {"the same": sample, "all": train} if len(train) > len(sample) else {"all": train}
    found: dict[str, Score] = {}
    for which, rows in named.items():
        texts = list(map(as_one_text, inputs_of(rows)))
        targets = targets_of(rows, labels, several=task.traits.several)
        answers = task.baselines(texts, targets, others, len(labels), config.data.split.seed)
        used = min(len(rows), baselines.MOST_ROWS)
        for name, numbers in answers.items():
            score = score_of(numbers, config, task, labels, val)
            if score is not None and name != baselines.RANDOM and (name.startswith("TF-IDF") or which == "all"):
                found[f"{name}, {which} {used:,} training rows"] = score
    return found


def rank(
    measured: Sequence[Gauged],
    config: RunConfig,
    scores: Mapping[str, Score],
    num_rows: int,
    time: float | None,
    *,
    may_shorten: bool = False,
) -> list[Ranked]:
    """Order models: those that are fast enough first; of these the ones tied with the best probe, the fastest first.

    Without a probe, the order is that of bits per character, or else of time.

    Args:
        measured: The models.
        config: The run's config.
        scores: The score of each one's probe, by its candidate's name.
        num_rows: Training rows.
        time: Seconds that a run may take.
        may_shorten: Whether a run may have a single epoch.
    """
    sign = 1 if mode_of(config.evaluation.monitor, config.evaluation) == "max" else -1
    best = max(scores.values(), key=lambda score: sign * score.value, default=None)
    ranked = []
    for gauged in measured:
        score, epoch_s = scores.get(gauged.candidate.name), gauged.epoch_s(num_rows)
        run_s = seconds_of_run(gauged, config, num_rows)
        is_fast_enough = time is None or (min(run_s, epoch_s) if may_shorten else run_s) <= time
        ranked.append(Ranked(gauged, score, _is_tied(score, best), epoch_s, run_s, is_fast_enough))

    def place(item: Ranked) -> tuple[Any, ...]:
        if item.score is None:
            return (not item.is_fast_enough, 1, 0.0 if item.gauged.bits is None else item.gauged.bits, item.epoch_s)
        if item.is_tied:
            return (not item.is_fast_enough, 0, item.epoch_s)
        return (not item.is_fast_enough, 1, -sign * item.score.value, item.epoch_s)

    return sorted(ranked, key=place)


def seconds_of_run(gauged: Gauged, config: RunConfig, num_rows: int, epochs: int | None = None) -> float:
    """Return the seconds that a run takes, without validations.

    Args:
        gauged: The model.
        config: The run's config.
        num_rows: Training rows.
        epochs: Epochs; None is what the config asks for.
    """
    if epochs is not None:
        return epochs * gauged.epoch_s(num_rows)
    per_step = float(np.mean(gauged.seconds))
    return course(config, max(1, round(gauged.epoch_s(num_rows) / per_step))) * per_step


def _is_tied(score: Score | None, best: Score | None) -> bool:
    if score is None or best is None or score is best:
        return score is best and score is not None
    if score.form is None or best.form is None:
        return score.value == best.value
    test = compare(best.form, score.form)
    return test is None or test.p > 1 - LEVEL
