"""What a model costs and knows before it is trained, measured in a process of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch

from tunesmith.config.composing.compose import compose
from tunesmith.config.schema import RunConfig
from tunesmith.config.trust import trusting
from tunesmith.data.audit.tokens import tokenized_texts
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.rows import Rows
from tunesmith.errors import ConfigError, TunesmithError
from tunesmith.evaluation.linear_probe import PROBE
from tunesmith.machine import free_memory, peak_memory_mb, watch_memory
from tunesmith.models.groundwork import Groundwork
from tunesmith.models.methods import count_parameters
from tunesmith.models.module import FineTuner
from tunesmith.sweeping.choosing.candidates import Candidate
from tunesmith.tasks.registry import task_of
from tunesmith.training.auto_values import decide
from tunesmith.training.build import build_data, build_module, build_network, objective_on
from tunesmith.training.logs import log_to
from tunesmith.training.preflight import check_model
from tunesmith.training.short import train_briefly
from tunesmith.training.untuned import probe_answers

BYTES = 4
"""Of a number in fp32."""
PER_WEIGHT = 3
"""Numbers that training keeps beside a weight: its gradient and AdamW's two means."""
ADAPTER = "method=lora"
"""What is tried where a model is too large to be trained whole."""
LEAST_MB = 1e6


@dataclass(frozen=True)
class Gauging:
    """What is measured of one model, and on what."""

    candidate: Candidate
    overrides: Sequence[str]
    """As typed; none of them chooses a model."""
    train: Rows
    """The sample of the training rows."""
    val: Rows
    """The sample of the validation rows."""
    steps: int
    """Optimizer steps that are measured, after a first that is not."""
    memory: float | None
    """Bytes that a run may take; None is what this machine has free."""
    may_adapt: bool
    """Whether a model that is too large may be measured with an adapter instead."""
    folder: Path
    """Where Lightning may write; it writes nothing."""
    config_dirs: Sequence[Path] = ()
    trust: Sequence[str] = ()


@dataclass(frozen=True)
class Gauged:
    """What was measured of one model."""

    candidate: Candidate
    words: Sequence[str]
    """The overrides that train it so: its model, and its method if that is not the one that was asked for."""
    method: str
    family: str
    num_parameters: int
    num_trainable: int
    tokens: dict[str, float]
    """Of the sample: `num_texts`, `tokens_per_word`, `unknown_fraction`, and the `cut_fraction` of its texts."""
    seconds: Sequence[float]
    """Of each step."""
    batch_size: int
    """Samples of a step."""
    samples_per_row: float
    """Training samples that a row makes."""
    peak_mb: float
    """Peak memory, as in a run's `results.json`."""
    answers: npt.NDArray[np.float64] | None = None
    """What a linear probe answers to the sample of validation rows; None for a task without one."""
    bits: float | None = None
    """Bits per character of what is to be learned, untuned; None for a task that generates nothing."""

    def epoch_s(self, num_rows: int) -> float:
        """Seconds that an epoch of so many training rows takes, without its validation."""
        steps = math.ceil(num_rows * self.samples_per_row / self.batch_size)
        return steps * float(np.mean(self.seconds))


def gauge(job: Gauging) -> Gauged | str:
    """Measure a model; a sentence if it cannot be trained so, whatever the reason."""
    try:
        with log_to(told_later=True), trusting(job.trust):
            return _gauge(job, adapted=False)
    except ConfigError as error:
        return "; ".join(str(problem).splitlines()[0] for problem in error.problems)
    except (TunesmithError, OSError) as error:
        return str(error).splitlines()[0]
    except Exception as error:  # a model from anywhere may fail in any way, and the others are still to be measured
        lines = str(error).splitlines()
        return f"{type(error).__name__}: {lines[0] if lines else 'no reason is given'}"


def _gauge(job: Gauging, *, adapted: bool) -> Gauged | str:
    adapter = [ADAPTER] * adapted
    words = [*job.overrides, *adapter, *job.candidate.words, "evaluation.test=false"]
    config = decide(compose(words, config_dirs=job.config_dirs, trust=job.trust)).config
    skeleton, ground = check_model(config)
    total, trainable = count_parameters(skeleton)
    limit = job.memory if job.memory is not None else free_memory(config.trainer.accelerator)
    needed = BYTES * (total + PER_WEIGHT * trainable)
    if limit is not None and needed > limit:
        if job.may_adapt and not adapted:
            return _gauge(job, adapted=True)
        return f"its weights alone take {needed / 1e9:.1f} GB in training, and {limit / 1e9:.1f} GB are there"
    gauged = _measured(job, config, ground, total, trainable)
    gauged = replace(gauged, words=[*job.candidate.words_of(ground.family), *adapter])
    if job.memory is not None and gauged.peak_mb * LEAST_MB > job.memory:
        if job.may_adapt and not adapted:
            return _gauge(job, adapted=True)
        return f"{gauged.peak_mb / 1e3:.1f} GB at the peak of {job.steps} steps, more than --memory"
    return gauged


def _measured(job: Gauging, config: RunConfig, ground: Groundwork, total: int, trainable: int) -> Gauged:
    watch_memory()
    task = task_of(config.task)
    data = build_data(config, {"train": job.train, "val": job.val}, ground)
    data.encode_all()
    network = build_network(config, data.labels, ground)
    if config.trainer.accelerator == "gpu":
        network = network.to("cuda")
    answers = None
    if task.traits.pools:
        module = build_module(config, network, data.labels, objective_on(data, task))
        answers = probe_answers(config, module, data, task)[PROBE]["val"]
    clock = Clock()
    train_briefly(
        config, data, network, job.folder, steps=job.steps + 1, rate=lambda _: 0.0, callbacks=[clock]
    )  # at the rate 0, so that all losses are those of the untuned model
    tokens = tokens_of(config, ground, job)
    return Gauged(
        job.candidate,
        (),
        method=config.method.name or str(config.method.target),
        family=ground.family,
        num_parameters=total,
        num_trainable=trainable,
        tokens=tokens,
        seconds=clock.seconds,
        batch_size=config.data.batch_size,
        samples_per_row=len(data.training_dataset) / len(job.train),
        peak_mb=peak_memory_mb(),
        answers=answers,
        bits=bits_per_character(clock.losses, data, ground) if task.traits.output == "text" else None,
    )


class Clock(pl.Callback):
    """Takes the time and the loss of each optimizer step but the first, which warms up."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.seconds: list[float] = []
        self._last: float | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the end of a step."""
        assert isinstance(pl_module, FineTuner)
        if pl_module.step_loss is None:
            return
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.losses.append(pl_module.step_loss)
        if self._last is not None:
            self.seconds.append(now - self._last)
        self._last = now


def tokens_of(config: RunConfig, ground: Groundwork, job: Gauging) -> dict[str, float]:
    """Count how the tokenizer cuts the texts of a sample."""
    texts = [*job.train.texts, *job.val.texts]
    pairs = [*(job.train.pairs or ()), *(job.val.pairs or ())]
    seen = tokenized_texts([], texts, pairs, ground.tokenizer)
    cut = float(np.mean(seen.lengths > config.data.max_length))
    return {**seen.figures(), "num_texts": len(texts), "cut_fraction": round(cut, 4)}


def bits_per_character(losses: Sequence[float], data: TextDataModule, ground: Groundwork) -> float:
    """Return the loss of a model that writes text in a unit that does not depend on its tokenizer.

    Args:
        losses: Mean losses per token, in nats.
        data: The data; what is to be written are its labels, or else its texts.
        ground: The model's tokenizer.
    """
    rows = data.splits["train"]
    texts = [label if isinstance(label, str) else text for label, text in zip(rows.labels, rows.texts, strict=True)]
    ids: list[Any] = ground.tokenizer(texts, truncation=False, verbose=False, add_special_tokens=False)["input_ids"]
    per_character = sum(map(len, ids)) / max(1, sum(map(len, texts)))
    return float(np.mean(losses)) / math.log(2) * per_character
