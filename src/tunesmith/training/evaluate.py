"""A finished run on data: its own again, or other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from tunesmith.config.compose import Composed
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.sources import Rows, read_rows
from tunesmith.data.splits import fingerprint, read_splits
from tunesmith.errors import DataError
from tunesmith.models.module import Outputs
from tunesmith.runs.directory import RunDirectory, open_directory, write_json
from tunesmith.runs.ledger import record_look
from tunesmith.runs.record import Record, write_predictions
from tunesmith.training.build import build_module, build_trainer
from tunesmith.training.decide import decide
from tunesmith.training.load import load_model
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
    config = decide(composed).config
    trained = load_model(record)
    splits = _rows(composed, split, trained.labels)
    data = TextDataModule(config.data, trained.tokenizer, splits=splits, labels=trained.labels)
    if split in ("test", "all"):
        reason = f"evaluate ({split})"
        root = Path(config.run.root)
        record_look(root, data_fingerprint=fingerprint(splits), run=record.path, reason=reason)
    module = build_module(config, trained.network, trained.labels)
    trainer = build_trainer(config, data, record.path, [], [])
    trainer.test(module, dataloaders=data.evaluation_dataloader(split), verbose=False)
    outputs = _renamed(module.outputs["test"], split)
    stamp = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{split}_{splits[split].sha256()[:6]}"
    directory = open_directory(record.path, "", "", record.path / "evaluations" / stamp)
    write_predictions(directory.predictions, prediction_rows(outputs, splits[split], trained.labels))
    write_json(directory.results, {"run": str(record.path), "data": composed.saved["data"], "metrics": outputs.metrics})
    return outputs.metrics, directory


def _rows(composed: Composed, split: SplitName, labels: Sequence[str]) -> dict[str, Rows]:
    data = composed.config.data
    if split == "all":
        rows = read_rows(data)
        splits = {"all": rows, "val": rows.take([])}
    else:
        splits = read_splits(data)
    if not len(splits[split]):
        raise DataError(f"the {split} split has no rows")
    unknown = sorted(set(splits[split].labels) - set(labels))
    if unknown:
        raise DataError(f"the data has the label {unknown[0]!r}; the model knows {', '.join(map(repr, labels))}")
    return splits


def _renamed(outputs: Outputs, split: str) -> Outputs:
    metrics = {f"{split}/{name.partition('/')[2]}": value for name, value in outputs.metrics.items()}
    return dataclasses.replace(outputs, split=split, metrics=metrics)
