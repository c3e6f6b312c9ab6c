"""How far the probabilities of a run can be believed, before and after a temperature: for `results.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tunesmith.evaluation.calibration import (
    ReliabilityBin,
    calibration_gap,
    chance_error,
    confidences,
    reliability_bins,
)
from tunesmith.evaluation.confidence import confidence_of, when_withheld
from tunesmith.evaluation.label_scores import LabelScores, Row, label_scores
from tunesmith.evaluation.temperature import fit_temperature, why_none

FITTED_ON = "val"
FEWEST_ROWS = 10
"""Rows of a split below which nothing is fitted or measured."""
BELOW = (0.6, 0.7, 0.8, 0.9, 0.95)
"""Confidences below which answers might be withheld."""


def measure_calibration(
    rows: Sequence[Row], labels: Sequence[str], temperature: float | None = None
) -> dict[str, Any] | None:
    """Measure the probabilities of labels in each split, and fit a temperature to the validation rows.

    Args:
        rows: Rows of `predictions.jsonl`, of any splits.
        labels: Label names in the order of the logits.
        temperature: One that is known; None fits it.

    Returns:
        `temperature`, or None with a `reason`; and `splits`. Each split has `num_answers`; the expected calibration
        error `ece`; `ece_by_chance`, its mean if the probabilities were true; the mean negative log-likelihood `nll` in
        nats; the `bins` of the reliability diagram; each of these also as `calibrated_...` if there is a temperature;
        and `withheld`: for confidences `below` which answers are withheld, the share of rows `answered` and the share
        of these that is `right`. None if the rows have no probabilities of labels.
    """
    splits = {split: [row for row in rows if row.get("split") == split] for split in _splits(rows)}
    scores = {split: label_scores(own, labels) for split, own in splits.items()}
    known = {split: each for split, each in scores.items() if each is not None}
    if not known or len(known) < len(scores):
        return None
    enough = {split: each for split, each in known.items() if len(splits[split]) >= FEWEST_ROWS}
    reason = None
    if temperature is None:
        temperature, reason = _fitted(enough.get(FITTED_ON), len(splits.get(FITTED_ON, ())))
    measured = {
        split: _measured(each, temperature) | {"withheld": _withheld(splits[split], labels, temperature or 1.0)}
        for split, each in enough.items()
    }
    return {"temperature": temperature, **({"reason": reason} if reason else {}), "splits": measured}


def _splits(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(str(row.get("split")) for row in rows))


def _fitted(scores: LabelScores | None, num_rows: int) -> tuple[float | None, str | None]:
    if scores is None:
        return None, f"a temperature needs at least {FEWEST_ROWS} validation rows, and there are {num_rows}"
    temperature = fit_temperature(scores)
    return temperature, None if temperature is not None else f"no temperature fits the {num_rows} validation rows: " + (
        why_none(scores)
    )


def _measured(scores: LabelScores, temperature: float | None) -> dict[str, Any]:
    measured: dict[str, Any] = {"num_answers": scores.targets.size} | _reliability(scores, 1.0)
    if temperature is not None:
        measured |= {f"calibrated_{name}": value for name, value in _reliability(scores, temperature).items()}
    return measured


def _withheld(rows: Sequence[Row], labels: Sequence[str], temperature: float) -> list[dict[str, Any]]:
    try:
        sure = [confidence_of(row, labels, temperature) for row in rows]
    except ValueError:  # a task of the user's own may answer with other words than its labels
        return []
    right = [answered_right(row) for row in rows]
    shares = ((below, *when_withheld(sure, right, below)) for below in BELOW)
    return [{"below": below, "answered": answered, "right": good} for below, answered, good in shares]


def answered_right(row: Row) -> bool:
    """Whether the whole answer to a row of `predictions.jsonl` is right, in whatever order several labels stand."""
    label, prediction = row["label"], row["prediction"]
    if isinstance(label, list) and isinstance(row["logits"][0], int | float):
        return set(label) == set(prediction)
    return bool(label == prediction)


def _reliability(scores: LabelScores, temperature: float) -> dict[str, Any]:
    sure, right = confidences(scores.probabilities(temperature), scores.targets)
    bins = reliability_bins(sure, right)
    return {
        "ece": calibration_gap(bins),
        "ece_by_chance": chance_error(sure),
        "nll": scores.loss(temperature),
        "bins": [dict(zip(ReliabilityBin.__annotations__, each, strict=True)) for each in bins],
    }
