"""`predict --threshold f1`: decision thresholds of labels, fitted to a run's stored validation rows."""

from __future__ import annotations

import logging
import math
import shlex
from collections.abc import Mapping, Sequence

from tunesmith.config.tasks import Traits
from tunesmith.errors import ConfigError, Problem
from tunesmith.evaluation.decision_thresholds import (
    DEFAULT,
    Goal,
    Quality,
    fit_threshold,
    label_margins,
    most_precise,
    quality_at,
)
from tunesmith.evaluation.label_scores import LabelScores, label_scores
from tunesmith.evaluation.reliability import FEWEST_ROWS, FITTED_ON
from tunesmith.runs.record import Record
from tunesmith.suggest import did_you_mean, nearest

log = logging.getLogger("tunesmith")

FLAG = "--threshold"
MOST_NAMED = 20
"""Labels whose thresholds are said one by one."""


def goals_of(texts: Sequence[str], traits: Traits, labels: Sequence[str]) -> dict[str, Goal]:
    """Parse what thresholds are for, before anything is read.

    Args:
        texts: As typed: `f1`, `precision=0.9` or `recall=0.9`, for all labels or, as `LABEL:f1`, for one.
        traits: The task.
        labels: The run's labels.

    Returns:
        Label to goal.

    Raises:
        ConfigError: Labels exclude one another and are not two, or a text cannot be read.
    """
    if traits.takes_words or not (traits.several or len(labels) == 2):
        rule = f"is for labels that a text has or has not, and the {len(labels)} of this run exclude one another"
        hint = "To answer only where the model is sure, use --abstain-below 0.8"
        raise ConfigError([Problem(FLAG, rule, " ".join(texts), hint)])
    of_all: dict[str, Goal] = {}
    of_one: dict[str, Goal] = {}
    problems = []
    for text in texts:
        label, colon, typed = text.rpartition(":")
        goal = _goal(typed)
        if goal is None:
            example = "f1" if traits.several else f"{shlex.quote(labels[-1])}:f1"
            rule = "takes f1, precision=0.9 or recall=0.9, and before it the label, as LABEL:f1"
            problems.append(Problem(FLAG, rule, text, f"Try {FLAG} {example}"))
        elif not colon and not traits.several:
            hint = f"Try {FLAG} {shlex.quote(f'{labels[-1]}:{typed}')}"
            problems.append(Problem(FLAG, "needs the one of the two labels that it decides", text, hint))
        elif colon and label not in labels:
            close = did_you_mean(nearest(label, labels)) or f"It has {', '.join(labels[:10])}"
            problems.append(Problem(FLAG, f"this run has no label {label!r}", text, close))
        elif label in of_one or (not colon and of_all):
            problems.append(
                Problem(FLAG, f"there are two for {repr(label) if colon else 'all labels'}", text, "Keep one")
            )
        elif colon:
            of_one[label] = goal
        else:
            of_all = dict.fromkeys(labels, goal)
    if not traits.several and len(of_one) > 1:
        rule = "one of two labels is predicted where the other is not, so there is only one threshold"
        problems.append(Problem(FLAG, rule, " ".join(texts), "Keep one"))
    if problems:
        raise ConfigError(problems)
    return of_all | of_one


def _goal(typed: str) -> Goal | None:
    score, equals, number = typed.partition("=")
    if score == "f1" and not equals:
        return Goal("f1")
    try:
        least = float(number)
    except ValueError:
        return None
    if not 0 < least <= 1:
        return None
    return Goal("precision", least) if score == "precision" else Goal("recall", least) if score == "recall" else None


def fit_thresholds(record: Record, goals: Mapping[str, Goal], temperature: float) -> dict[str, float]:
    """Fit a threshold for each label to a run's stored validation rows, and say what it brings on every split.

    Args:
        record: The run.
        goals: Label to goal.
        temperature: That of the probabilities as which thresholds are said.

    Returns:
        Label to threshold, in logits at temperature 1; labels without a row keep one half and are left out.

    Raises:
        ConfigError: The run has too few stored rows, or a goal cannot be reached.
        FilesError: The predictions are damaged.
    """
    splits = _scores(record)
    scores, labels = splits[FITTED_ON], record.labels
    fitted: dict[str, float] = {}
    sentences, problems = [], []
    for label, goal in goals.items():
        margins, there = label_margins(scores, labels.index(label))
        threshold = fit_threshold(margins, there, goal)
        if threshold is not None:
            fitted[label] = threshold
            sentences.append(_sentence(label, goal, threshold, temperature, splits, labels))
        elif not there.any():
            log.warning("no validation row has the label %r: it is predicted from 0.5 on, as before", label)
        else:
            most = math.floor(most_precise(margins, there) * 1e4) / 1e4
            rule = f"no threshold of {label!r} has this precision on the {len(there)} validation rows: {most:g} at most"
            hint = f"Ask for less: {FLAG} {shlex.quote(f'{label}:precision={most:g}')}"
            problems.append(Problem(FLAG, rule, str(goal), hint))
    if problems:
        raise ConfigError(problems)
    for sentence in sentences[:MOST_NAMED]:
        log.info("%s", sentence)
    if len(goals) > 1:
        log.info("%s", _means(fitted, splits, labels, len(sentences) - MOST_NAMED))
    return fitted


def _scores(record: Record) -> dict[str, LabelScores]:
    """Return what the stored predictions of each split hold; the validation rows are there.

    Raises:
        ConfigError: They are not.
    """
    rows = record.predictions() if record.directory.predictions.is_file() else []
    by_split = {split: [row for row in rows if row.get("split") == split] for split in (FITTED_ON, "test")}
    known = {split: label_scores(own, record.labels) for split, own in by_split.items()}
    found = {split: scores for split, scores in known.items() if scores is not None}
    count = len(found[FITTED_ON].logits) if FITTED_ON in found else 0
    if count < FEWEST_ROWS:
        rule = f"needs {FEWEST_ROWS} validation rows with logits in {record.directory.predictions}, which has {count}"
        raise ConfigError([Problem(FLAG, rule, None, "Leave it out")])
    return found


def _sentence(
    label: str,
    goal: Goal,
    threshold: float,
    temperature: float,
    splits: Mapping[str, LabelScores],
    labels: Sequence[str],
) -> str:
    parts = []
    for split, scores in splits.items():
        margins, there = label_margins(scores, labels.index(label))
        now, before = (quality_at(margins, there, each) for each in (threshold, DEFAULT))
        parts.append(f"{split} ({there.sum()} of {len(there)} rows) {_words(now)}, at 0.5 {_words(before)}")
    probability = 1 / (1 + math.exp(-max(-700.0, threshold / temperature)))
    return f"threshold of {label!r} by {goal}: {probability:.4g}; {'; '.join(parts)}"


def _words(quality: Quality) -> str:
    return f"precision {quality.precision:.4f} recall {quality.recall:.4f} F1 {quality.f1:.4f}"


def _means(fitted: Mapping[str, float], splits: Mapping[str, LabelScores], labels: Sequence[str], unnamed: int) -> str:
    parts = []
    for split, scores in splits.items():
        pairs = [(label_margins(scores, labels.index(label)), fitted.get(label, DEFAULT)) for label in labels]
        now = sum(quality_at(*pair, threshold).f1 for pair, threshold in pairs) / len(pairs)
        before = sum(quality_at(*pair, DEFAULT).f1 for pair, _ in pairs) / len(pairs)
        parts.append(f"{split} {now:.4f}, at 0.5 {before:.4f}")
    more = f"{unnamed} more labels have one; " if unnamed > 0 else ""
    return f"{more}mean F1 of {len(labels)} labels: {'; '.join(parts)}"
