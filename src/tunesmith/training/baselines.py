"""Holds the metric that decides against those of trivial models on the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tunesmith.config.checking.directions import mode_of
from tunesmith.config.folders import expand
from tunesmith.config.schema import Evaluation
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.lazy import row_by_row
from tunesmith.data.rows import as_one_text, inputs_of
from tunesmith.evaluation.kept_answers import kept_answers
from tunesmith.evaluation.metrics import better
from tunesmith.evaluation.statistics.additive import AdditiveMetric
from tunesmith.evaluation.statistics.headline import group_numbers
from tunesmith.evaluation.statistics.intervals import LEVEL
from tunesmith.evaluation.statistics.of_rows import additive_metrics
from tunesmith.evaluation.statistics.paired import compare
from tunesmith.models.module import MetricFunction, Outputs
from tunesmith.tasks.task import Task

Rows = Sequence[Mapping[str, Any]]


def measure_baselines(
    evaluation: Evaluation,
    data: TextDataModule,
    task: Task,
    metrics: MetricFunction | None,
    outputs: Sequence[Outputs],
    answers: Rows,
    more: Mapping[str, Mapping[str, npt.NDArray[np.float64]]] | None = None,
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Measure the baselines of a task by the metric that decides, on the rows that the run was measured on.

    Args:
        evaluation: The evaluation config.
        data: The run's data.
        task: The task.
        metrics: Computes metrics from predictions and references.
        outputs: The run's evaluation passes.
        answers: The run's rows of `predictions.jsonl`.
        more: Further baselines: name to split to what they answer.

    Returns:
        `<split>/<name>` to the value of each baseline, and a sentence for each split where the run does not beat
        the strongest.
    """
    values: dict[str, dict[str, float]] = {}
    sentences: list[str] = []
    mode, name = mode_of(evaluation.monitor, evaluation), evaluation.monitor.partition("/")[2]
    given = dict(_answers(data, task, outputs))
    for baseline, by_split in (more or {}).items():
        given[baseline] = np.concatenate([by_split[output.split] for output in outputs])
    start = 0
    for output in outputs:
        part = slice(start, start + len(data.splits[output.split]))
        start, full = part.stop, f"{output.split}/{name}"
        if full not in output.defined_metrics:
            continue
        own = [row for row in answers if row["split"] == output.split]
        mine = additive_form(evaluation, name, own, data.labels, output.metrics[full])
        measured = {}
        for baseline, everywhere in given.items():
            logits = torch.from_numpy(everywhere[part]).float()
            meanings = zip(own, task.meanings(logits, data.labels), logits.tolist(), strict=True)
            theirs = [{**row, "prediction": meaning, "logits": numbers} for row, meaning, numbers in meanings]
            # A form that does not give the run's own value (a user's class of the same name) is another metric's.
            form = additive_form(evaluation, name, theirs, data.labels) if mine is not None else None
            value = form.of_all() if form is not None else _value(name, metrics, logits, output.labels)
            if value is not None:
                measured[baseline] = (value, form)
        if measured:
            values[full] = {baseline: value for baseline, (value, _) in measured.items()}
            strongest = (max if mode == "max" else min)(measured, key=lambda baseline: measured[baseline][0])
            sentences += _verdict(mode, full, output.metrics[full], mine, strongest, *measured[strongest], own)
    return values, sentences


def _answers(data: TextDataModule, task: Task, outputs: Sequence[Outputs]) -> Mapping[str, npt.NDArray[np.float64]]:
    """Return what each baseline answers to the texts of all evaluation passes, one after the other.

    They depend on the data alone, so other runs on the same data find them in the cache.
    """
    if type(task).baselines is Task.baselines:  # it has none
        return {}
    train, *others = (
        row_by_row(as_one_text, inputs_of(data.splits[split])) for split in ("train", *(out.split for out in outputs))
    )
    targets = np.asarray(data.dataset("train").samples.labels)
    asked = [text for texts in others for text in texts]

    def made() -> dict[str, npt.NDArray[np.float64]]:
        return dict(task.baselines(train, targets, asked, len(data.labels), data.data.split.seed))

    if not type(task).__module__.startswith("tunesmith.tasks."):  # the code of a user's own may change
        return made()
    settings = [type(task).__qualname__, len(data.labels), data.data.split.seed, len(train), targets.tolist()]
    return kept_answers(settings, [*train, *asked], expand(data.data.cache_dir), made)


def _value(name: str, metrics: MetricFunction | None, logits: torch.Tensor, truths: Any) -> float | None:
    """Return a baseline's value of a metric as the run computes it; None if it is undefined."""
    value = metrics(logits, truths).get(name) if metrics is not None else None
    return float(value) if isinstance(value, float) and value == value else None


def additive_form(
    evaluation: Evaluation, name: str, rows: Rows, labels: Sequence[str], recorded: float | None = None
) -> AdditiveMetric | None:
    """Return a metric, named without its split, of answers in additive form; None if it has none.

    Args:
        evaluation: The evaluation config.
        name: The metric.
        rows: Rows as in `predictions.jsonl`.
        labels: Label names in the order of the logits.
        recorded: Its known value, which the form has to give.
    """
    node_name, _, label = name.partition("/")
    node = evaluation.metrics.get(node_name)
    if node is None and node_name != "loss":
        return None
    dumped = node.model_dump(by_alias=True) if node is not None else None
    return additive_metrics(dumped, rows, labels, None if recorded is None else {label: recorded}).get(label)


def _verdict(
    mode: str,
    full: str,
    value: float,
    mine: AdditiveMetric | None,
    baseline: str,
    other: float,
    theirs: AdditiveMetric | None,
    rows: Rows,
) -> Iterator[str]:
    """Yield a sentence if a run is no better than a baseline, or cannot be told from it."""
    if value == other == 1.0 and mode == "max":  # nothing can be better
        return
    if not better(mode, value, other):
        as_good = "as good" if value == other else "better"
        yield f"{full} {value:.4f} does not beat a trivial model: {baseline} is {as_good}, {other:.4f}"
    elif mine is not None and theirs is not None:
        groups = group_numbers(rows)
        test = compare(mine.by_group(groups), theirs.by_group(groups))
        if test is not None and test.p > 1 - LEVEL:
            yield (
                f"{full} {value:.4f} cannot be told from that of a trivial model, {baseline} with {other:.4f} "
                f"(p = {test.p:.2f}, {test.test})"
            )
