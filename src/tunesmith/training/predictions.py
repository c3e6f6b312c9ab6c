"""Rows of `predictions.jsonl`: one format per task, for every model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tunesmith.data.content import known_content_ids
from tunesmith.data.rows import Rows
from tunesmith.data.shown import shown_text
from tunesmith.models.module import Outputs
from tunesmith.redaction import redact_values
from tunesmith.tasks.task import Task

MOST_CHARACTERS = 2_000
"""Of a text that is kept."""


def prediction_rows(
    outputs: Outputs, rows: Rows, labels: Sequence[str], task: Task, *, texts: bool = False
) -> list[dict[str, Any]]:
    """Make one dict per row of the split, in order: ids, split, label, prediction, and what the prediction is based on.

    `content_id` is the same wherever the row stands (`data/content.py`); `group`, `source` and `slices` are there if
    rows have them. What a prediction is based on is `logits` for labels and tags (null for a word not shown to the
    model), and for texts `loss`, the mean per token in nats, with `num_tokens`.

    Args:
        outputs: The outputs of an evaluation pass.
        rows: The rows of that split.
        labels: Label names in the order of the logits.
        task: The task.
        texts: Whether each row has its `text` too, without secrets and not longer than `MOST_CHARACTERS`.
    """
    truths, predictions = task.predictions(outputs, rows, labels)
    grounds, contents = task.grounds(outputs, len(rows)), known_content_ids(rows)
    groups = [{"group": group} for group in rows.groups] if rows.groups else [{}] * len(rows)
    sources = [{"source": source} for source in rows.sources] if rows.sources else [{}] * len(rows)
    shown = [{"text": text} for text in kept_texts(rows)] if texts else [{}] * len(rows)
    slices = [{"slices": values} for values in rows.slices] if rows.slices else [{}] * len(rows)
    columns = zip(groups, sources, slices, shown, strict=True)
    beside = [{**group, **source, **values, **text} for group, source, values, text in columns]
    ids = zip(rows.ids, contents, beside, strict=True)
    answers = zip(map(_plain, truths), predictions, grounds, strict=True)
    return [
        {"id": row_id, "content_id": content, "split": outputs.split, **more, "label": label, "prediction": answer}
        | ground
        for (row_id, content, more), (label, answer, ground) in zip(ids, answers, strict=True)
    ]


def kept_texts(rows: Rows) -> list[str]:
    """Return the texts of rows for a file: secrets masked, and cut with an ellipsis if they are long."""
    texts = redact_values([shown_text(rows, row) for row in range(len(rows))])
    return [text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…" for text in texts]


def _plain(label: Any) -> Any:
    """Several labels as a list, so that a row is the same here and read from the file: a tuple is equal to no list."""
    return list(label) if isinstance(label, tuple) else label
