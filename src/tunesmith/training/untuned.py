"""Measures the model before its training: its own answers, and what a linear probe reads from its features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from tunesmith.config.schema import RunConfig
from tunesmith.data.batching import MicroBatch
from tunesmith.data.datamodule import TextDataModule
from tunesmith.evaluation.linear_probe import PROBE
from tunesmith.models.features import mean_states
from tunesmith.models.module import FineTuner
from tunesmith.seeding import derive_seed
from tunesmith.tasks.task import Task
from tunesmith.training.build import build_trainer

UNTUNED = "untuned model"
DEVICES = {"gpu": "cuda", "mps": "mps"}
"""Lightning's name of a device to torch's."""
Positions = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
MOST_ROWS = 4000
"""Training rows whose features are computed at most."""


def measure_untuned(config: RunConfig, module: FineTuner, data: TextDataModule, folder: Path) -> dict[str, float]:
    """Measure the model on the validation rows before the first step; the training is the same without.

    Args:
        config: The run's config.
        module: The module to be trained.
        data: The run's data.
        folder: Where Lightning may write; it writes nothing.

    Returns:
        The metrics that are defined, `val/<name>` to value.

    Raises:
        NotFiniteError: A loss is not finite.
    """
    alone = build_trainer(config, data, folder, [], [])
    alone.validate(module, datamodule=data, verbose=False)
    return module.outputs["val"].defined_metrics


def probe_answers(
    config: RunConfig, module: FineTuner, data: TextDataModule, task: Task
) -> dict[str, dict[str, Numbers]]:
    """Return what a linear probe on the features of the model, as it is now, answers to the rows of each split.

    Args:
        config: The run's config.
        module: The module with the model.
        data: The run's data; of more than `MOST_ROWS` training rows, some are drawn with the run's seed.
        task: The task.

    Returns:
        Baseline to split to answers.
    """

    def features(split: str, rows: Positions) -> Numbers:
        dataset = data.dataset(split)
        return mean_states(
            module.network, lambda chosen: dataset[MicroBatch(chosen, 1.0)], rows, data.data.eval_batch_size
        )

    with on_device(config, module.network):
        return {PROBE: _answers(config, data, task, features)}


@contextmanager
def on_device(config: RunConfig, network: torch.nn.Module) -> Iterator[None]:
    """Have a network on the device that it is trained on; a quantised one is there already."""
    device = DEVICES.get(config.trainer.accelerator, "cpu")
    moves = device != "cpu" and config.model.quantization == "none"
    if moves:
        network.to(device)
    try:
        yield
    finally:
        if moves:
            network.to("cpu")


def _answers(
    config: RunConfig, data: TextDataModule, task: Task, features: Callable[[str, Positions], Numbers]
) -> dict[str, Numbers]:
    train = data.dataset("train")
    chosen = np.arange(len(train))
    if len(train) > MOST_ROWS:
        random = np.random.default_rng(derive_seed(config.seed, "probe"))
        chosen = np.sort(random.choice(len(train), MOST_ROWS, replace=False))
    known, targets = features("train", chosen), np.asarray(train.samples.labels)[chosen]
    looked_at = ["val", *(["test"] if config.evaluation.test and data.splits["test"].ids else [])]
    answers = {}
    for split in looked_at:
        others = features(split, np.arange(len(data.dataset(split))))
        answers[split] = task.probe(known, targets, others, len(data.labels))
    return answers
