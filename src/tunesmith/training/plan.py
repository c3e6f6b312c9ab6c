"""Determine what a run will do, without training."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunesmith.config.composing.compose import Composed
from tunesmith.config.schema import RunConfig
from tunesmith.config.tasks import traits_of
from tunesmith.data.class_weights import check_class_weights
from tunesmith.data.findings import counted_labels, findings
from tunesmith.data.prepared import read_prepared
from tunesmith.data.rows import Rows
from tunesmith.data.splits import learned_labels
from tunesmith.errors import FilesError
from tunesmith.tasks.registry import task_of
from tunesmith.training.course import course
from tunesmith.training.monitors import check_monitors
from tunesmith.training.public import refuse_secrets

if TYPE_CHECKING:
    from tunesmith.data.datamodule import TextDataModule

log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class Plan:
    """Derived quantities of a run."""

    rows: dict[str, int]
    """Rows of each split."""
    labels: list[str]
    """Label names."""
    label_counts: dict[str, dict[str, int]]
    """Rows of each split per label (words per tag); empty if there are no labels."""
    steps_per_epoch: int
    """Optimizer steps per epoch."""
    steps: int
    """Optimizer steps of the run, unless it stops early."""
    cleaned: dict[str, dict[str, dict[str, int]]]
    """What each step of cleaning did: `changed`, `removed` or `kept`, and the number in each split."""


def plan(composed: Composed) -> Plan:
    """Read and tokenise the data, and determine what the run will do.

    Raises:
        ConfigError: The monitored label is not in the data, or a quantised base is not available here.
        DataError: The data cannot be used as configured.
        FilesError: The number of samples depends on the tokenizer, which cannot be read; or there is no run to
            start from.
    """
    config = composed.config
    refuse_secrets(config)
    if config.model.quantization != "none":
        from tunesmith.training.preflight import check_quantization  # it asks torch for a GPU

        check_quantization(config)
    task = task_of(config.task)
    prepared = read_prepared(config.data, task)
    splits = prepared.splits
    labels = learned_labels(splits, config.data, task)
    check_monitors(config, labels)
    check_class_weights(config.task, labels)
    data = _tokenised(_started(composed), splits)
    if data is None:
        for sentence in findings(splits, task):
            log.warning("%s", sentence)
    else:
        data.encode_all()
        splits, labels = data.splits, data.labels
    num_samples = len(splits["train"]) if data is None else len(data.training_dataset)
    steps_per_epoch = math.ceil(num_samples / config.data.batch_size)
    return Plan(
        rows={name: len(part) for name, part in splits.items()},
        labels=labels,
        label_counts=dict(counted_labels(splits, labels)) if task.traits.output == "labels" else {},
        steps_per_epoch=steps_per_epoch,
        steps=course(config, steps_per_epoch),
        cleaned=prepared.cleaned,
    )


def _started(composed: Composed) -> RunConfig:
    """The config with the weights and tokenizer of the run that it starts from, if any."""
    if composed.config.model.from_run is None:
        return composed.config
    from tunesmith.training.auto_values import decide

    return decide(composed).config


def _tokenised(config: RunConfig, splits: dict[str, Rows]) -> TextDataModule | None:
    """The data with its texts tokenised, as a run finds it in the cache; None if the tokenizer is not available."""
    from tunesmith.training.build import build_data
    from tunesmith.training.evaluation_sets import read_evaluation_sets

    try:
        data = build_data(config, splits)
        data.sets = read_evaluation_sets(config, data, None)
        return data
    except FilesError as error:
        if traits_of(config.task).divides:  # only the tokenizer knows how many samples a text makes
            raise
        log.warning("texts are not checked against data.max_length=%d yet: %s", config.data.max_length, error)
        return None
