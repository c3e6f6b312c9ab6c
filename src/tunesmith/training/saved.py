"""Load what was saved as a user would, and check its answers against those measured."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric.utilities.apply_func import move_data_to_device
from pytorch_lightning import Trainer
from torch import Tensor

from tunesmith.config.schema import RunConfig
from tunesmith.data.batching import MicroBatch
from tunesmith.data.datamodule import TextDataModule
from tunesmith.errors import TrainingError
from tunesmith.models.merging import TOLERANCE
from tunesmith.models.module import FineTuner, Outputs
from tunesmith.models.objectives import DecoderText, Objective
from tunesmith.models.probe import difference, probe
from tunesmith.runs.record import Record
from tunesmith.training.networks import network_of, whole_network

log = logging.getLogger("tunesmith")

ROWS = 4
"""Number of validation rows that are answered again."""
EXACT, ROUNDED, QUANTISED = 1e-4, 0.05, 0.1
"""Largest difference of an answer, or of a row's mean loss, relative to the largest answer: in fp32, if products are
rounded to 16 bits or fewer, and if the base is quantised."""
ASIDE = "model-not-as-measured"
"""Name of the folder that keeps a saved model which answers differently."""


def tolerance(config: RunConfig) -> float:
    """How far an answer may differ from the measured one and still count as the same."""
    if config.model.quantization != "none":
        return QUANTISED
    exact = config.trainer.precision == "32-true" and config.trainer.matmul_precision == "highest"
    return (
        EXACT if exact or (config.trainer.precision == "32-true" and config.trainer.accelerator == "cpu") else ROUNDED
    )


def verify_saved(
    record: Record, config: RunConfig, module: FineTuner, data: TextDataModule, trainer: Trainer, measured: Outputs
) -> float:
    """Load a run's folder and answer a few validation rows with it.

    Args:
        record: The run.
        config: Its config.
        module: The trained module, for its objective.
        data: The run's data.
        trainer: The run's trainer, for device and number format.
        measured: The run's measurements on the validation rows.

    Returns:
        The largest difference from what was measured; see `EXACT`.

    Raises:
        TrainingError: It is too large; the folder has been renamed.
    """
    loaded = network_of(record, config, data.tokenizer).eval().to(trainer.strategy.root_device)
    with torch.inference_mode(), trainer.precision_plugin.forward_context():
        rows, losses, answers = answer_again(loaded, module.objective, data, trainer.strategy.root_device)
    expected = (measured.losses / measured.counts)[rows]
    gaps = [
        difference(given[None], expected_logits[None]) for given, expected_logits in zip(losses, expected, strict=True)
    ]
    if answers is not None:
        expected_logits = [measured.logits[row] for row in rows]
        pairs = zip(gaps, answers, expected_logits, strict=True)
        gaps = [max(gap, _gap(given, reference)) for gap, given, reference in pairs]
    worst = int(np.argmax(gaps))
    if gaps[worst] > tolerance(config):
        aside = record.path / ASIDE
        shutil.rmtree(aside, ignore_errors=True)
        record.directory.model.rename(aside)
        raise TrainingError(
            f"the saved model does not answer as measured: for the validation row with id "
            f"{data.row_ids('val', [rows[worst]])[0]} it differs by {gaps[worst]:.2g} of the largest answer (at most "
            f"{tolerance(config):.2g} is rounding). Something changed the weights after validation (a callback?), "
            f"or the architecture is not saved completely. The folder is kept as {aside}; the measured weights "
            f"are in {record.directory.checkpoints}"
        )
    return gaps[worst]


def _gap(given: Tensor, reference: Tensor) -> float:
    known = ~reference.isnan()  # words beyond the last token have no answer
    return difference(given[known], reference[known]) if known.any() else 0.0


def answer_again(
    network: Any, objective: Objective, data: TextDataModule, device: torch.device
) -> tuple[list[int], Tensor, Any]:
    """Positions of a few validation rows, the mean loss of each, and its answers if they are numbers."""
    dataset = data.dataset("val")
    owners = dataset.samples.rows
    counts = np.bincount(owners)
    rows = [int(row) for row in np.argsort(counts, kind="stable") if counts[row]][:ROWS]  # those with few samples each
    chosen = np.flatnonzero(np.isin(owners, rows))
    batch = move_data_to_device(dataset[MicroBatch(chosen, len(chosen))], device)
    outputs = objective.forward(network, batch)
    losses, asked = (part.cpu().double() for part in objective.measure(outputs, batch))
    places = [[i for i, owner in enumerate(owners[chosen]) if owner == row] for row in rows]
    means = torch.stack([losses[place].sum() / asked[place].sum() for place in places])
    if not objective.SPEAKS or isinstance(objective, DecoderText):
        return rows, means, None
    answers = objective.answers(network, outputs, batch)
    return rows, means, [answers[place[0]] for place in places]


def verify_merged(folder: Path, config: RunConfig, labels: list[str], expected: Tensor) -> None:
    """Load a merged folder as a user would and check that it answers as the adapter on its base did.

    Args:
        folder: The folder.
        config: The run's config.
        labels: Its labels.
        expected: The adapter's answers to the probe.

    Raises:
        TrainingError: They differ; the folder is deleted.
    """
    gap = difference(probe(whole_network(folder, config, labels).eval()), expected)
    limit = QUANTISED if config.model.quantization != "none" else TOLERANCE
    if gap > limit:
        shutil.rmtree(folder)
        raise TrainingError(
            f"the merged model does not answer like the adapter on its base: they differ by {gap:.2g} of the largest "
            f"(at most {limit:.2g} is rounding), and the folder is deleted. Export the adapter without --merge"
        )
