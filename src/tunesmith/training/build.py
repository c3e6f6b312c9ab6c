"""The parts of a run from its config: the only place that joins data, model, optimizer and evaluation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from tunesmith.config.schema import RunConfig
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.splits import read_splits
from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.models.anatomy import anatomy
from tunesmith.models.freezing import GradualUnfreezing
from tunesmith.models.methods import apply_method
from tunesmith.models.module import FineTuner
from tunesmith.models.weights import load_tokenizer
from tunesmith.optim.parameter_groups import parameter_groups, rates
from tunesmith.optim.schedules import lightning_schedule
from tunesmith.training import instantiate
from tunesmith.training.continuation import first_network


def build_data(config: RunConfig) -> TextDataModule:
    """The data of a run, read and split; texts are tokenised when they are first needed.

    Raises:
        ConfigError: The tokenizer has nothing to pad with.
        DataError: The data cannot be used as configured.
        FilesError: The model's tokenizer cannot be read.
    """
    splits = read_splits(config.data)
    data = TextDataModule(config.data, load_tokenizer(config.model), seed=config.seed, splits=splits)
    return data


def build_network(config: RunConfig, labels: Sequence[str]) -> torch.nn.Module:
    """The network as it is trained, adapters included."""
    pad_token_id = load_tokenizer(config.model).pad_token_id
    network: Any = first_network(config, labels, pad_token_id)
    if config.model.gradient_checkpointing:
        network.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    peft_config = instantiate.build_peft_config(config.method)
    return apply_method(network, config.method, peft_config, config.seed, task=config.task.name)


def build_module(config: RunConfig, network: torch.nn.Module, labels: Sequence[str]) -> FineTuner:
    """The LightningModule around a network."""
    metrics = instantiate.build_metrics(config.evaluation, num_labels=len(labels))
    make_optimizer = instantiate.optimizer_factory(config.optimizer)
    schedule = functools.partial(
        lightning_schedule,
        instantiate.scheduler_factory(config.scheduler),
        warmup_fraction=config.scheduler.warmup_fraction,
        monitor=config.evaluation.monitor,
        mode=config.evaluation.mode,
    )
    return FineTuner(
        network,
        optimizer=lambda network: make_optimizer(
            parameter_groups(network, config.optimizer.weight_decay, learning_rates(config, network))
        ),
        scheduler=schedule,
        metrics=functools.partial(compute_metrics, metrics, label_names=list(labels)),
        seed=config.seed,
    )


def learning_rates(config: RunConfig, network: torch.nn.Module) -> Callable[[str], float] | None:
    """The learning rate by a parameter's name; None where all learn at the same."""
    optimizer = config.optimizer
    if optimizer.head_lr is None and optimizer.layer_decay == 1:
        return None
    parts = anatomy(network)
    layer_decay, head_lr = optimizer.layer_decay, optimizer.head_lr
    return rates(parts.depth, parts.top, lr=optimizer.lr, layer_decay=layer_decay, head_lr=head_lr)


def build_trainer(
    config: RunConfig, data: TextDataModule, directory: Path, loggers: list[Any], callbacks: list[pl.Callback]
) -> pl.Trainer:
    """The Trainer of a run; sets torch's threads and matrix route, which are part of the result."""
    from tunesmith.training.checkpoints import AtomicCheckpointIO

    set_numerics(config)
    return instantiate.build_trainer(
        config,
        accumulate_grad_batches=data.accumulate_grad_batches,
        callbacks=[*callbacks, *instantiate.build_callbacks(config), *build_unfreezing(config)],
        logger=loggers,
        default_root_dir=str(directory),
        enable_checkpointing=False,  # checkpoints are written by callbacks of ours
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        plugins=[AtomicCheckpointIO()],
    )


def build_unfreezing(config: RunConfig) -> list[pl.Callback]:
    """The callback of `method=gradual`; it comes last, so that a checkpoint before the step sees nothing frozen."""
    return [GradualUnfreezing(config.method.unfrozen_by)] if config.method.unfrozen_by is not None else []


def set_numerics(config: RunConfig) -> None:
    """Set the process-wide switches that change a result's last bits."""
    assert config.trainer.threads != "auto"
    assert config.trainer.matmul_precision != "auto"
    torch.set_num_threads(config.trainer.threads)
    torch.set_float32_matmul_precision(config.trainer.matmul_precision)
