"""Labels that a run contradicts with confidence, on rows that it was not trained on.

By confident learning (`data/audit/label_errors.py`), with the run's own probabilities. Networks are surer than they are
right, so their logits are first divided by the temperature at which the labels of these rows are the most probable (Guo
et al. 2017, arXiv:1706.04599); else each of their mistakes would name a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tunesmith.reporting.blocks import Listing
from tunesmith.reporting.run.mistakes import Row, cut

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEAST_ROWS: Final = 50
"""Fewer say too little of how sure the run may be."""
TEMPERATURES: Final = (0.05, 20.0, 121)
"""The lowest and the highest that are tried, and how many, at equal ratios."""


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
    place = {label: number for number, label in enumerate(labels)}
    usable = len(rows) >= LEAST_ROWS and len(labels) > 1
    if not usable or not all(_is_usable(row, place) for row in rows):
        return []
    import numpy as np

    from tunesmith.data.audit.label_errors import doubted

    given = np.array([place[row["label"]] for row in rows])
    logits = np.array([row["logits"] for row in rows], dtype=np.float64)
    probabilities = scaled_probabilities(logits, given)
    suggested, times = doubted(probabilities, given)
    order = sorted(np.flatnonzero(suggested >= 0).tolist(), key=lambda row: (-times[row], row))
    return [
        {"row": row, "label": labels[suggested[row]], "probability": float(probabilities[row, suggested[row]])}
        for row in order
    ]


def _is_usable(row: Row, place: Mapping[str, int]) -> bool:
    logits, label = row.get("logits"), row.get("label")
    return isinstance(logits, list) and len(logits) == len(place) and isinstance(label, str) and label in place


def scaled_probabilities(logits: npt.NDArray[np.float64], given: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return probabilities at the temperature that makes the given labels the most probable, shape (rows, labels).

    Args:
        logits: Shape (rows, labels).
        given: The index of each row's label, shape (rows,).
    """
    import numpy as np

    def logs(temperature: float) -> npt.NDArray[np.float64]:
        divided = logits / temperature
        divided -= divided.max(axis=1, keepdims=True)
        found: npt.NDArray[np.float64] = divided - np.log(np.exp(divided).sum(axis=1, keepdims=True))
        return found

    every = np.arange(len(given))
    best = min(np.geomspace(*TEMPERATURES), key=lambda temperature: -float(logs(temperature)[every, given].sum()))
    probabilities: npt.NDArray[np.float64] = np.exp(logs(float(best)))
    return probabilities
