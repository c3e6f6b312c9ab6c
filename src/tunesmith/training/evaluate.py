"""A finished run on data: its own again, or other."""

from __future__ import annotations

import dataclasses
from typing import Literal

from tunesmith.config.compose import Composed
from tunesmith.config.schema import RunConfig
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.sources import Rows, join, read_rows
from tunesmith.data.splits import distinct, fingerprint, read_splits
from tunesmith.errors import DataError
from tunesmith.models.module import Outputs
from tunesmith.runs.directory import RunDirectory, open_directory, write_json
from tunesmith.runs.ledger import record_look
from tunesmith.runs.record import Record, write_predictions
from tunesmith.training.build import build_module, build_trainer, objective_on
from tunesmith.training.decide import decide
from tunesmith.training.load import Trained, load_model
from tunesmith.training.logs import log_to
from tunesmith.training.predictions import prediction_rows

SplitName = Literal["train", "val", "test", "all"]


def evaluate(record: Record, composed: Composed, split: SplitName) -> tuple[dict[str, float], RunDirectory]:
    """Measure a run's model on a split of a data set.

    Args:
        record: The run.
        composed: The run's config, with the data to evaluate on.
        split: Which rows; `all` takes the whole file, whatever its split.

    Returns:
        The metrics, `<split>/<name>` to value, and the new directory under `evaluations/` that holds them with the
        predictions.

    Raises:
        DataError: The data cannot be used, or has labels that the model does not know.
        FilesError: The run has no model.
    """
    with log_to():
        return _evaluate(record, composed, split)


def _evaluate(record: Record, composed: Composed, split: SplitName) -> tuple[dict[str, float], RunDirectory]:
    config = decide(composed).config
    trained = load_model(record)
    whole = read_splits(config.data, config.task) if split != "all" or _same_data(record, composed) else None
    identity = None if whole is None else fingerprint(whole)
    splits = {"all": _all_rows(config, whole)} if split == "all" else whole or {}
    _check(splits[split], split, trained)
    unweighted = config.task.model_copy(update={"class_weights": None})  # they are of the training loss alone
    data = TextDataModule(
        config.data,
        trained.tokenizer,
        splits=splits,
        labels=trained.labels,
        task=unweighted,
        family=trained.family,
    )
    if split in ("test", "all"):
        identity = identity or fingerprint(splits)
        record_look(record.root, data_fingerprint=identity, run=record.path, reason=f"evaluate {split}")
    module = build_module(config, trained.network, data.labels, objective_on(data))
    trainer = build_trainer(config, data, record.path, [], [])
    trainer.test(module, dataloaders=data.evaluation_dataloader(split), verbose=False)
    outputs = _renamed(module.outputs["test"], split)
    directory = open_directory(record.path / "evaluations", split, splits[split].sha256())
    write_predictions(directory.predictions, prediction_rows(outputs, splits[split], trained.labels, config.task))
    metrics = outputs.defined_metrics
    write_json(directory.results, {"run": str(record.path), "data": composed.saved["data"], "metrics": metrics})
    return metrics, directory


def _same_data(record: Record, composed: Composed) -> bool:
    return bool(record.config["data"] == composed.saved["data"])


def _all_rows(config: RunConfig, splits: dict[str, Rows] | None) -> Rows:
    """The whole file, or all splits of the run's own data, so that the look counts as one at its test split."""
    if splits is None:
        return read_rows(config.data, config.task)
    return join(list(splits.values()))


def _check(rows: Rows, split: str, trained: Trained) -> None:
    if not len(rows):
        raise DataError(f"the {split} split has no rows")
    if trained.config.task.name not in ("classification", "token_classification"):
        return
    unknown = sorted(distinct(rows) - set(trained.labels))
    if unknown:
        known = ", ".join(map(repr, trained.labels))
        raise DataError(f"the data has the label {unknown[0]!r}; the model knows {known}")


def _renamed(outputs: Outputs, split: str) -> Outputs:
    metrics = {f"{split}/{name.partition('/')[2]}": value for name, value in outputs.metrics.items()}
    return dataclasses.replace(outputs, split=split, metrics=metrics)
