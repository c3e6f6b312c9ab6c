"""Rows of `predictions.jsonl`: one format per task, for every model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tunesmith.data.content import known_content_ids
from tunesmith.data.rows import Rows
from tunesmith.models.module import Outputs
from tunesmith.tasks.task import Task


def prediction_rows(outputs: Outputs, rows: Rows, labels: Sequence[str], task: Task) -> list[dict[str, Any]]:
    """Make one dict per row of the split, in order: ids, split, label, prediction, and what the prediction is based on.

    `content_id` is the same wherever the row stands (`data/content.py`); `group` and `source` are there if rows have
    one. What a prediction is based on is `logits` for labels and tags (null for a word not shown to the model), and for
    texts `loss`, the mean per token in nats, with `num_tokens`.

    Args:
        outputs: The outputs of an evaluation pass.
        rows: The rows of that split.
        labels: Label names in the order of the logits.
        task: The task.
    """
    truths, predictions = task.predictions(outputs, rows, labels)
    grounds, contents = task.grounds(outputs, len(rows)), known_content_ids(rows)
    groups = [{"group": group} for group in rows.groups] if rows.groups else [{}] * len(rows)
    sources = [{"source": source} for source in rows.sources] if rows.sources else [{}] * len(rows)
    beside = [group | source for group, source in zip(groups, sources, strict=True)]
    ids = zip(rows.ids, contents, beside, strict=True)
    answers = zip(truths, predictions, grounds, strict=True)
    return [
        {"id": row_id, "content_id": content, "split": outputs.split, **more, "label": label, "prediction": answer}
        | ground
        for (row_id, content, more), (label, answer, ground) in zip(ids, answers, strict=True)
    ]
