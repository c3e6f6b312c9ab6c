"""What thresholds of labels would bring, for runs whose texts may have several labels."""

from __future__ import annotations

from typing import Any

from tunesmith.config.tasks import traits_of
from tunesmith.reporting.blocks import Listing
from tunesmith.runs.record import Record

SPLITS = ("val", "test")
"""The thresholds are fitted to the first."""


def thresholds_listing(record: Record) -> Listing | None:
    """List the threshold with the best F1 of each label on the validation rows, and that F1 beside the one at 0.5.

    Returns:
        None if texts have one label, or there are no such predictions.

    Raises:
        FilesError: The predictions are damaged.
    """
    if not traits_of(record.config["task"]).several or not record.results.get("labels"):
        return None
    from tunesmith.evaluation.decision_thresholds import DEFAULT, Goal, fit_threshold, label_margins, quality_at
    from tunesmith.evaluation.label_scores import label_scores

    labels = record.labels
    scores = {split: label_scores(record.predictions(split), labels) for split in SPLITS}
    known = {split: each for split, each in scores.items() if each is not None and each.several}
    if SPLITS[0] not in known:
        return None
    rows: list[list[Any]] = []
    for index, label in enumerate(labels):
        columns = {split: label_margins(each, index) for split, each in known.items()}
        fitted = fit_threshold(*columns[SPLITS[0]], Goal("f1"))
        threshold = DEFAULT if fitted is None else fitted
        f1 = (quality_at(*pair, at).f1 for pair in columns.values() for at in (DEFAULT, threshold))
        rows.append([label, int(columns[SPLITS[0]][1].sum()), _probability(threshold), *f1])
    names = [f"{split} F1 at {at}" for split in known for at in ("0.5", "the threshold")]
    means = "; ".join(
        f"{name} {sum(row[3 + place] for row in rows) / len(rows):.4f}" for place, name in enumerate(names)
    )
    note = f"Thresholds by F1 on val: tunesmith predict {record.argument} INPUT --threshold f1. Means: {means}."
    return Listing(["label", "val rows with it", "threshold", *names], rows, note)


def _probability(logit: float) -> float:
    from scipy.special import expit

    return float(expit(logit))
