"""Labels that a run contradicts with confidence, on rows that it was not trained on.

By confident learning (`data/audit/label_errors.py`), with the run's own probabilities. Networks are surer than they are
right, so their logits are first divided by the temperature at which the labels of these rows are the most probable (Guo
et al. 2017, arXiv:1706.04599); else each of their mistakes would name a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tunesmith.reporting.blocks import Listing
from tunesmith.reporting.run.mistakes import Row, cut

LEAST_ROWS: Final = 50
"""Fewer say too little of how sure the run may be."""


def suspects_listing(rows: Sequence[Row], labels: Sequence[str], most: int) -> Listing | None:
    """List labels that are likely wrong, the surest first; None if there are none, or answers are no single labels.

    Args:
        rows: Rows of `predictions.jsonl` that the run was not trained on.
        labels: Label names in the order of the logits.
        most: Rows to list at most.
    """
    doubts = suspects(rows, labels)
    if not doubts:
        return None
    has_text = any("text" in rows[doubt["row"]] for doubt in doubts)
    table = [
        [
            str(rows[doubt["row"]].get("id")),
            str(rows[doubt["row"]].get("split")),
            *[cut(str(rows[doubt["row"]].get("text", "")))] * has_text,
            rows[doubt["row"]]["label"],
            doubt["label"],
            doubt["probability"],
        ]
        for doubt in doubts[:most]
    ]
    first = f"; the {most} surest" if len(doubts) > most else ""
    note = (
        f"{len(doubts):,} of {len(rows):,} labels may be wrong{first}: on rows that the run was not trained on, it "
        "gives another label at least 20 times the probability (after temperature scaling). Read them before you "
        "believe a metric of these rows."
    )
    return Listing(["id", "split", *["text"] * has_text, "label", "suspected", "probability"], table, note)


def suspects(rows: Sequence[Row], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return `row` (its position), `label` (the suspected one) and its `probability` for each label in doubt."""
    if len(rows) < LEAST_ROWS or len(labels) < 2 or not all(isinstance(row.get("label"), str) for row in rows):
        return []
    import numpy as np

    from tunesmith.data.audit.label_errors import doubted
    from tunesmith.evaluation.label_scores import label_scores
    from tunesmith.evaluation.temperature import fit_temperature

    scores = label_scores(rows, labels)
    temperature = None if scores is None else fit_temperature(scores)
    if scores is None or temperature is None:  # without one, all answers are right, or say nothing of the labels
        return []
    probabilities = scores.probabilities(temperature)
    suggested, times = doubted(probabilities, scores.targets)
    order = sorted(np.flatnonzero(suggested >= 0).tolist(), key=lambda row: (-times[row], row))
    return [
        {"row": row, "label": labels[suggested[row]], "probability": float(probabilities[row, suggested[row]])}
        for row in order
    ]
