"""What went wrong in a run, from its directory; no torch.

For a report: `load_run(path).diagnosis` has the verdicts as the run recorded them (a list of mappings with `kind`,
`sentence`, `override` and `evidence`), and `diagnose_run` judges again, also runs that recorded none.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.config.changes import relevant
from tunesmith.config.checking.directions import mode_of
from tunesmith.config.schema import RunConfig
from tunesmith.config.tasks import traits_of
from tunesmith.evaluation.diagnosis.diagnose import unstable_over_seeds, verdicts_on
from tunesmith.evaluation.diagnosis.history import Diagnosis, Given, History, Settings, curves_of
from tunesmith.runs.record import Record

ADAPTIVE = ("adam", "rmsprop", "adafactor", "adagrad")
"""Parts of the names of optimizers that divide a gradient by its size."""
INTERVAL_ERRORS = 3.92
"""Width of a 95% interval in standard errors."""


def diagnose_run(record: Record) -> list[Diagnosis]:
    """Judge a run by its curves and its predictions on validation rows; empty if nothing is sure to be wrong.

    Each verdict has `kind`, `sentence` (plain text that may contain a user's label: escape it in HTML), `evidence`
    (name to number) and `override`, to be typed behind `tunesmith train --from RUN`, or None.

    Raises:
        FilesError: A file of the run is damaged.
    """
    return verdicts_on(history_of(record))


def diagnose_seeds(records: Sequence[Record]) -> list[tuple[list[Record], Diagnosis]]:
    """Judge groups of runs that differ in nothing but their seeds; three or more make a group.

    Raises:
        FilesError: A file of a run is damaged.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        same = {key: value for key, value in relevant(record.config).items() if key != "seed"}
        groups.setdefault(json.dumps(same, sort_keys=True, default=str), []).append(record)
    judged = []
    for group in groups.values():
        verdict = _over_seeds(list({record.results.get("seed"): record for record in group}.values()))
        if verdict is not None:
            judged.append((group, verdict))
    return judged


def _over_seeds(group: Sequence[Record]) -> Diagnosis | None:
    config = group[0].typed
    monitor = config.evaluation.monitor
    values = [record.metrics[monitor] for record in group if monitor in record.metrics]
    bounds = [record.intervals[monitor] for record in group if monitor in record.intervals]
    error = statistics.fmean(high - low for low, high in bounds) / INTERVAL_ERRORS if bounds else None
    return unstable_over_seeds(values, error, settings_of(config))


def history_of(record: Record) -> History:
    """Read what a diagnosis needs to know of a run.

    Raises:
        FilesError: A file of the run is damaged.
    """
    config, results, points = record.typed, record.results, record.curves()
    rows = record.predictions("val") if record.directory.predictions.is_file() else []
    labels = results.get("labels") or []
    first_epoch = [int(point["step"]) for point in points if point.get("epoch") == 0 and "train/loss" in point]
    whole = any(point.get("epoch") not in (0, None) for point in points) or config.trainer.max_steps < 0
    num_train = results.get("num_rows", {}).get("train")
    return History(
        **curves_of(points, config.evaluation.monitor),
        mode=mode_of(config.evaluation.monitor, config.evaluation),
        settings=settings_of(config),
        chance=chance_of(rows),
        steps_per_epoch=max(first_epoch) if first_epoch and whole else None,
        rows_per_label=num_train / len(labels) if num_train and labels else None,
        given=given_of(rows),
        ended_early="best_step" not in results,
        not_finite=bool(results.get("not_finite")),
        interval=record.intervals.get(config.evaluation.monitor),
    )


def settings_of(config: RunConfig) -> Settings:
    """The values that an advice starts from."""
    labels = traits_of(config.task).weighs_labels
    name = config.optimizer.target.rpartition(".")[2].lower()
    return Settings(
        lr=config.optimizer.lr,
        adaptive=any(part in name for part in ADAPTIVE),
        max_epochs=config.trainer.max_epochs,
        max_steps=config.trainer.max_steps,
        num_rows=config.data.num_rows,
        weighs_labels=labels and config.task.class_weights is None,
        smooths_labels=labels and config.task.label_smoothing == 0,
    )


def chance_of(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """The loss of answering by the labels' frequencies in nats, or by the numbers' mean; None for other answers."""
    truths = [row.get("label") for row in rows]
    if len(truths) < 2:
        return None
    if all(isinstance(truth, str) for truth in truths) and "logits" in rows[0]:
        shares = [count / len(truths) for count in Counter(truths).values()]
        return -sum(share * math.log(share) for share in shares)
    numbers = [truth for truth in truths if isinstance(truth, int | float) and not isinstance(truth, bool)]
    return statistics.pvariance(numbers) or None if len(numbers) == len(truths) else None


def given_of(rows: Sequence[Mapping[str, Any]]) -> Given | None:
    """The answers to rows with one label; None for other tasks."""
    if not rows or not all(isinstance(row.get(key), str) for row in rows for key in ("label", "prediction")):
        return None
    logits = [sorted(row["logits"]) for row in rows if isinstance(row.get("logits"), list)]
    if len(logits) != len(rows) or min(map(len, logits)) < 2:
        return None
    margins = [numbers[-1] - numbers[-2] for numbers in logits]
    return Given([row["label"] for row in rows], [row["prediction"] for row in rows], margins)


def diagnosis_text(verdicts: Sequence[Mapping[str, Any]], argument: str) -> str:
    """Format verdicts as a block of lines.

    Args:
        verdicts: As in `results.json`.
        argument: The run on a command line.
    """
    lines = ["diagnosis"]
    for verdict in verdicts:
        lines.append(f"  - {verdict['sentence']}")
        if verdict.get("override"):
            lines.append(f"    try next: tunesmith train --from {argument} {verdict['override']}")
    return "\n".join(lines)
