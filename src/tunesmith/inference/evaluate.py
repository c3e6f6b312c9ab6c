"""Evaluates a finished run, on its own or other data."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.config.changes import differing
from tunesmith.config.composing.compose import Composed
from tunesmith.config.data_files import named_data
from tunesmith.config.schema import RunConfig, Split
from tunesmith.config.tasks import traits_of
from tunesmith.data.cleaning.clean import clean_texts
from tunesmith.data.content import known_content_ids
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.fitting import Fitted, fit
from tunesmith.data.prepared import read_prepared
from tunesmith.data.reading import read_rows
from tunesmith.data.row_slices import with_slices
from tunesmith.data.rows import Rows, join
from tunesmith.data.splits import data_fingerprint
from tunesmith.data.splitting.split import draw
from tunesmith.errors import ConfigError, DataError
from tunesmith.evaluation.reliability import measure_calibration
from tunesmith.evaluation.statistics.headline import headline_intervals
from tunesmith.inference.changes import drifts, metric_changes
from tunesmith.inference.deciding import saved_temperature
from tunesmith.inference.thresholds import SplitName
from tunesmith.inference.trained_on import warn_of_trained_rows
from tunesmith.models.groundwork import Groundwork
from tunesmith.models.module import Outputs
from tunesmith.runs.directory import RunDirectory, open_directory
from tunesmith.runs.evaluations import EVALUATIONS
from tunesmith.runs.ledger import record_look
from tunesmith.runs.record import Record
from tunesmith.storage import write_json, write_lines
from tunesmith.tasks.registry import task_of
from tunesmith.training.auto_values import decide
from tunesmith.training.build import build_module, build_trainer, longest_text
from tunesmith.training.evaluation_sets import renamed
from tunesmith.training.known_labels import check_labels
from tunesmith.training.logs import Warnings, log_to
from tunesmith.training.networks import Trained, load_model
from tunesmith.training.own_rows import own_rows
from tunesmith.training.predictions import prediction_rows
from tunesmith.training.preflight import check_length
from tunesmith.training.remarks import remarks
from tunesmith.training.slices import measure_slices

log = logging.getLogger("tunesmith")


def evaluate(record: Record, composed: Composed, split: SplitName) -> tuple[dict[str, float], RunDirectory]:
    """Measure a run's model on a split of a data set.

    Args:
        record: The run.
        composed: The run's config, with the data to evaluate on.
        split: The rows to evaluate; `all` takes the whole file, whatever its splits.

    Returns:
        The metrics, `<split>/<name>` to value, and the new directory under `evaluations/` with metrics, predictions and
        warnings.

    Raises:
        ConfigError: `data.max_length` is more than the model can read.
        DataError: The data cannot be used, or has labels that the model does not know.
        FilesError: The run has no model.
    """
    warnings = Warnings()
    with log_to(warnings=warnings):
        return _evaluate(record, composed, split, warnings)


def _evaluate(
    record: Record, composed: Composed, split: SplitName, warnings: Warnings
) -> tuple[dict[str, float], RunDirectory]:
    config = decide(composed).config
    trained = load_model(record)
    check_length(config, Groundwork(trained.network.config, trained.tokenizer))
    fitted, identity = rows_to_measure(record, composed, config, split, trained)
    rows = fitted.splits[split]
    task = task_of(config.task)
    rows = sliced(rows, split, config)
    check_labels(rows, split, named_data(config.data), trained.config.task, trained.labels)
    own, why = own_rows(record)
    warn_of_trained_rows(record, own, why, rows, split, config.data.near)
    data = TextDataModule(
        config.data,
        trained.tokenizer,
        task,
        splits={split: rows},
        labels=trained.labels,
        family=trained.family,
    )
    if identity is not None:
        record_look(record.root, data_fingerprint=identity, run=record.path, reason=f"evaluate {split}")
    longest = config.data.max_target_length  # no class weights: they apply only to the training loss
    objective = task.objective(trained.tokenizer, longest, trained.family)
    module = build_module(config, trained.network, trained.labels, objective)
    trainer = build_trainer(config, data, record.path, [], [])
    trainer.test(module, dataloaders=data.evaluation_dataloader(split), verbose=False)
    outputs = renamed(module.outputs["test"], split)
    for sentence in remarks([outputs], {split: rows}, trained.labels, task, len(trained.tokenizer)):
        log.warning("%s", sentence)
    answers = prediction_rows(outputs, rows, trained.labels, task, texts=config.evaluation.texts)
    slices, left_out = measure_slices(config, task, trained.labels, outputs, answers) if rows.slices else ([], [])
    for sentence in left_out:
        log.warning("%s", sentence)
    compared = _compared(record, config, own, rows, answers, outputs) if other_data(record, composed) else {}
    temperature = saved_temperature(record)
    calibration = measure_calibration(answers, trained.labels, temperature) if temperature is not None else None
    directory = open_directory(record.path / EVALUATIONS, split, rows.sha256())
    write_lines(directory.predictions, answers)
    results = {
        "run": str(record.path),
        "data": composed.saved["data"],
        "num_rows": {split: len(rows)},
        **fitted.facts,
        "metrics": outputs.defined_metrics,
        "intervals": headline_intervals(config.evaluation, answers, trained.labels, outputs.defined_metrics),
        "tables": outputs.tables,
        **({"calibration": calibration} if calibration is not None else {}),
        **({"slices": slices} if slices else {}),
        **compared,
        "warnings": warnings.sentences,
    }
    write_json(directory.results, results)
    return outputs.defined_metrics, directory


def sliced(rows: Rows, split: str, config: RunConfig) -> Rows:
    """The rows with the values of `evaluation.slices`; as they are, which is said, if the data has no such column."""
    try:
        return with_slices({split: rows}, config.data, config.evaluation.slices)[split]
    except ConfigError as error:
        log.warning("not measured by slice: %s", error.problems[0])
        return rows


def other_data(record: Record, composed: Composed) -> bool:
    """Whether a config names other data than the run's own."""
    return any(key.startswith("data.") for key, _, _ in differing(record.config, composed.saved))


def _compared(
    record: Record,
    config: RunConfig,
    own: Mapping[str, Rows] | None,
    rows: Rows,
    answers: Sequence[Mapping[str, Any]],
    outputs: Outputs,
) -> dict[str, Any]:
    """Compare other data with the run's own: its metrics, and its rows if the run's own can still be read."""
    changes = metric_changes(record, config.evaluation, answers, record.labels, outputs.defined_metrics)
    if own is None:
        log.warning("the run's own rows cannot be read as they were, so drift is not measured")
        return {"changes": changes}
    then = own[changes["against"]]
    seen = set(known_content_ids(then))
    if both := sum(content in seen for content in known_content_ids(rows)):
        log.warning("%d of the rows are in %s of the run too; the tests take them for others", both, changes["against"])
    found = drifts(traits_of(config.task), own["train"], then, rows)
    return {"changes": changes, "drift": [drift.plain() for drift in found]}


def rows_to_measure(
    record: Record, composed: Composed, config: RunConfig, split: SplitName, trained: Trained
) -> tuple[Fitted, str | None]:
    """Read the rows to evaluate, and the fingerprint of their data if a test set is among them.

    Raises:
        DataError: The data cannot be used, or the split has no rows.
    """
    if split == "all" and other_data(record, composed):
        read, unseen = {"all": every_row(config)}, []
    else:
        read = read_prepared(config.data, task_of(config.task)).splits
        unseen = [] if split == "all" else [name for name in read if name != split]
    at_most = longest_text(config, Groundwork(trained.network.config, trained.tokenizer))
    fitted = fit(
        read, trained.tokenizer, config.data, task_of(config.task), trained.family, unseen=unseen, at_most=at_most
    )
    rows = join(list(fitted.splits.values())) if split == "all" else fitted.splits[split]
    if not len(rows):
        raise DataError(f"the {split} split has no rows. Use another: --split train, --split val or --split all")
    identity = data_fingerprint(fitted.splits) if split in ("test", "all") else None
    return dataclasses.replace(fitted, splits={split: rows}), identity


def every_row(config: RunConfig) -> Rows:
    """Read every row of a file, or `data.num_rows` of them, however the file is split."""
    data = config.data.model_copy(update={"split": Split(method="random", seed=config.data.split.seed)})
    rows = clean_texts(read_rows(data, task_of(config.task)), data)
    return rows if data.num_rows is None else rows.take(draw([""] * len(rows), data.num_rows, data.split))
