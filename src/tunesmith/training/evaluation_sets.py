"""Reads the sets in `evaluation.sets` before training, and measures the best weights on them after it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from tunesmith.config.schema import RunConfig
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.evaluation_sets import apart_from, read_set
from tunesmith.data.fitting import fit
from tunesmith.data.rows import Rows
from tunesmith.models.module import FineTuner, Outputs
from tunesmith.tasks.registry import task_of
from tunesmith.training.build import build_trainer
from tunesmith.training.known_labels import check_labels


def read_evaluation_sets(config: RunConfig, data: TextDataModule, at_most: int | None) -> dict[str, TextDataModule]:
    """Read and encode the sets of a run, so that what is wrong with one is told before the training.

    Args:
        config: The run's config; with `evaluation.test=false`, as in trials of a sweep, there are none.
        data: The run's data.
        at_most: The largest `data.max_length` that the model accepts; None if there is no limit.

    Returns:
        Name to data with this one split.

    Raises:
        DataError: A set cannot be read, has labels that the model does not learn, or rows that may not be there.
    """
    if not config.evaluation.sets or not config.evaluation.test:
        return {}
    task = task_of(config.task)
    sets = {
        name: read_set(name, path, config.data, task, config.evaluation.slices)
        for name, path in config.evaluation.sets.items()
    }
    for name, rows in sets.items():
        check_labels(rows, name, config.evaluation.sets[name], config.task, data.labels)
    sets = apart_from(data.splits["train"], sets, config.data)
    fitted = fit(sets, data.tokenizer, config.data, task, data.family, at_most=at_most)
    modules = {name: _module(config, data, name, rows) for name, rows in fitted.splits.items()}
    for module in modules.values():
        module.encode_all()
    return modules


def _module(config: RunConfig, data: TextDataModule, name: str, rows: Rows) -> TextDataModule:
    task, splits = task_of(config.task), {name: rows}
    return TextDataModule(config.data, data.tokenizer, task, splits=splits, labels=data.labels, family=data.family)


def measure_set(
    config: RunConfig, module: FineTuner, sets: Mapping[str, TextDataModule], name: str, folder: Path
) -> Outputs:
    """Measure the network as it is on a set.

    Args:
        config: The run's config.
        module: Holds the network.
        sets: From `read_evaluation_sets`.
        name: The set.
        folder: The run's directory.

    Returns:
        The results, with the set's name as their split.
    """
    trainer = build_trainer(config, sets[name], folder, [], [])  # without loggers: these are not the test rows
    trainer.test(module, dataloaders=sets[name].evaluation_dataloader(name), verbose=False)
    return renamed(module.outputs["test"], name)


def renamed(outputs: Outputs, split: str) -> Outputs:
    """Return results under another split's name."""
    metrics, tables = (
        {f"{split}/{name.partition('/')[2]}": value for name, value in values.items()}
        for values in (outputs.metrics, outputs.tables)
    )
    return dataclasses.replace(outputs, split=split, metrics=metrics, tables=tables)
