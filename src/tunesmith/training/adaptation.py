"""What starting from an earlier run gained on the new data, and what it lost on the data of that run.

Both sets of rows are answered twice: by the model as the earlier run left it, and by this run's. The answers to a row
are paired, so that the tests are those of `tunesmith compare`. It happens when all else of the run is done, and changes
nothing of it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from tunesmith.config.schema import Evaluation, RunConfig
from tunesmith.config.tasks import traits_of
from tunesmith.data.content import input_hash, known_content_ids
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.rows import Rows
from tunesmith.data.splits import data_fingerprint
from tunesmith.errors import TunesmithError
from tunesmith.evaluation.statistics.headline import additive_forms
from tunesmith.evaluation.statistics.intervals import LEVEL
from tunesmith.evaluation.statistics.paired import compare, holm
from tunesmith.models.groundwork import read_groundwork
from tunesmith.models.module import FineTuner, Outputs
from tunesmith.runs.ledger import record_look
from tunesmith.runs.record import Record
from tunesmith.tasks.task import Task
from tunesmith.training.build import build_module, build_trainer, objective_on
from tunesmith.training.ends import set_ends
from tunesmith.training.networks import earlier_run, first_network
from tunesmith.training.own_rows import own_rows
from tunesmith.training.predictions import prediction_rows

log = logging.getLogger("tunesmith")

KEPT = ("kept", "moved")
"""How a head starts whose outputs keep their labels (`models/head_start.py`)."""
SAME_DATA = "both runs have the same data"


def measure_adaptation(
    config: RunConfig, module: FineTuner, data: TextDataModule, task: Task, outputs: Sequence[Outputs]
) -> dict[str, Any]:
    """Measure the run that this one starts from, and this one, on the rows of both.

    Args:
        config: The run's config; `model.from_run` is set.
        module: The run's module with its best weights.
        data: The run's data.
        task: Its task.
        outputs: Its evaluation passes; those on further sets are left out.

    Returns:
        `from_run`, and under `sets` a mapping for each set of rows: `data` (new or old), `split`, `num_rows`, and
        `metrics`: name to `before`, `after`, and where rows can be tested `difference`, `interval`, `p` and `test`; or
        `unmeasured`, why there is nothing. The p-value of the monitored metric stands as it is, those of the others are
        corrected for their number (Holm).
    """
    record = earlier_run(str(config.model.from_run))
    found: dict[str, Any] = {"from_run": str(record.path)}
    try:
        why = _incomparable(config, record, module)
        if why is not None:
            log.info("what the run gained and forgot since %s is not measured: %s", record.path, why)
            return found | {"unmeasured": why}
        pair = _Pair(config, module, data, task)
        own = [(output, data.splits[output.split]) for output in outputs if output.split in data.splits]
        sets = [pair.measured("new", output.split, rows, output) for output, rows in own]
        old, lacking = old_rows(config, record, data)
        if old is None:
            level = logging.INFO if lacking == SAME_DATA else logging.WARNING
            log.log(level, "what the run forgot is not measured: %s", lacking)
            found["unmeasured"] = lacking
        else:
            sets.append(pair.measured("old", *old))
    except (TunesmithError, torch.OutOfMemoryError, MemoryError) as error:  # all else of the run is done
        log.warning("what the run gained and forgot is not measured: %s", str(error).splitlines()[0])
        return found | {"unmeasured": str(error).splitlines()[0]}
    _warn(sets, config.evaluation, record)
    return found | {"sets": sets}


def _incomparable(config: RunConfig, record: Record, module: FineTuner) -> str | None:
    """Why the two models have no answers in common; None if they have."""
    then, now = traits_of(record.typed.task), traits_of(config.task)
    if then.option != now.option:
        return f"it was trained for task={then.option}"
    head = getattr(module.network, "head_start", None)
    if now.output == "labels" and head is not None and head.start not in KEPT:
        return "its labels differ, so that the outputs of this run are new"
    return None


def old_rows(config: RunConfig, record: Record, data: TextDataModule) -> tuple[tuple[str, Rows] | None, str]:
    """The split and the rows that the earlier run was measured on, or None and why they cannot be asked again.

    Test rows are taken if both runs look at theirs, and the look is entered into the ledger. Rows whose text this run
    was trained on are left out.
    """
    own, why = own_rows(record)
    if own is None:
        return None, why
    if data_fingerprint(own) == data_fingerprint(data.splits):
        return None, SAME_DATA
    looked = config.evaluation.test and any(name.startswith("test/") for name in record.metrics)
    split = "test" if looked else "val"
    trained = set(map(input_hash, known_content_ids(data.splits["train"])))
    rows = own[split]
    kept = [row for row, content in enumerate(known_content_ids(rows)) if input_hash(content) not in trained]
    if not kept:
        return None, f"this run was trained on all {split} rows of the earlier one"
    if len(kept) < len(rows):
        left_out = len(rows) - len(kept)
        log.warning("%d of the %d old %s rows are among the training rows, and left out", left_out, len(rows), split)
    if looked:
        identity = record.results.get("data_fingerprint") or data_fingerprint(own)
        record_look(record.root, data_fingerprint=identity, run=record.path, reason="train from it")
    return (split, rows.take(kept)), ""


class _Pair:
    """Answers rows with the model before and after the run."""

    def __init__(self, config: RunConfig, module: FineTuner, data: TextDataModule, task: Task) -> None:
        self._config, self._data, self._task, self._after = config, data, task, module
        ground = read_groundwork(config.model)
        network: Any = first_network(config, data.labels, ground, quietly=True)
        set_ends(network, ground.tokenizer, task, config.data, data.family)
        network.config.problem_type = task.problem_type
        self._before = build_module(config, network, data.labels, objective_on(data, task))

    def measured(self, which: str, split: str, rows: Rows, after: Outputs | None = None) -> dict[str, Any]:
        """Measure rows with both models; `after` is what the run's own answered, if it is known."""
        passes = [self._asked(self._before, rows), after or self._asked(self._after, rows)]
        answers = [
            (
                {name.partition("/")[2]: float(value) for name, value in outputs.defined_metrics.items()},
                prediction_rows(outputs, rows, self._data.labels, self._task),
            )
            for outputs in passes
        ]
        found = paired_changes(self._config.evaluation, self._data.labels, *answers)
        return {"data": which, "split": split, "num_rows": len(rows), "metrics": found}

    def _asked(self, module: FineTuner, rows: Rows) -> Outputs:
        data = self._data
        view = TextDataModule(
            data.data, data.tokenizer, self._task, splits={"test": rows}, labels=data.labels, family=data.family
        )
        trainer = build_trainer(self._config, view, Path(self._config.run.root), [], [])
        trainer.test(module, dataloaders=view.evaluation_dataloader("test"), verbose=False)
        return module.outputs["test"]


Answered = tuple[Mapping[str, float], Sequence[Mapping[str, Any]]]
"""Metrics by name without split, and rows as in `predictions.jsonl`."""


def paired_changes(
    evaluation: Evaluation, labels: Sequence[str], before: Answered, after: Answered
) -> dict[str, dict[str, Any]]:
    """Compare two models on the same rows by every metric.

    Args:
        evaluation: The evaluation config.
        labels: Label names in the order of the logits.
        before: The first model's metrics and answers.
        after: The second's, to the same rows in the same order.

    Returns:
        Metric to `before`, `after`, and where rows can be tested `difference` (after minus before), `interval`, `p`,
        `test`.
    """
    forms = [additive_forms(evaluation, rows, labels, metrics) for metrics, rows in (before, after)]
    names = [name for name in before[0] if name in after[0]]
    tests = {
        name: test
        for name in names
        if name in forms[0] and name in forms[1] and (test := compare(forms[1][name], forms[0][name])) is not None
    }
    others = [name for name in tests if name != evaluation.monitor.partition("/")[2]]
    corrected = dict(zip(others, holm([tests[name].p for name in others]), strict=True)) if others else {}
    tested: dict[str, dict[str, Any]] = {
        name: {
            "difference": float(test.difference),
            "interval": [test.interval.low, test.interval.high] if test.interval is not None else None,
            "p": corrected.get(name, test.p),
            "test": test.test,
        }
        for name, test in tests.items()
    }
    return {name: {"before": before[0][name], "after": after[0][name], **tested.get(name, {})} for name in names}


def _warn(sets: Sequence[Mapping[str, Any]], evaluation: Evaluation, record: Record) -> None:
    """Warn if the metric that decides is surely worse on the old rows."""
    name = evaluation.monitor.partition("/")[2]
    sign = -1 if evaluation.mode == "min" else 1
    for each in sets:
        change = each["metrics"].get(name, {})
        if each["data"] == "old" and change.get("p", 1.0) <= 1 - LEVEL and sign * change["difference"] < 0:
            log.warning(
                "forgetting: on the %s rows of %s, %s went from %.4f to %.4f (p = %.2g, paired)",
                *(each["split"], record.path, name, change["before"], change["after"], change["p"]),
            )
