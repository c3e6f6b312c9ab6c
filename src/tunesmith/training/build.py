"""Build the parts of a run from its config: the only place that joins data, model, optimizer and evaluation."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from torchmetrics import Metric

from tunesmith.config.schema import RunConfig
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.findings import findings
from tunesmith.data.fitting import drop_long, fit
from tunesmith.data.mixture import weighted
from tunesmith.data.prepared import Prepared, read_prepared
from tunesmith.data.row_slices import with_slices
from tunesmith.data.rows import Rows
from tunesmith.data.splits import learned_labels
from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.models.anatomy import anatomy
from tunesmith.models.families import family_of
from tunesmith.models.freezing import Unfreezing
from tunesmith.models.groundwork import Groundwork, read_groundwork
from tunesmith.models.label_words import cue_tokens
from tunesmith.models.method import PartialMethod
from tunesmith.models.methods import apply_method
from tunesmith.models.module import FineTuner, MetricFunction, SchedulerFactory
from tunesmith.models.objectives import Objective
from tunesmith.models.packing import check_packing
from tunesmith.models.weights import positions
from tunesmith.optim.parameter_groups import parameter_groups, rates
from tunesmith.optim.schedules import lightning_schedule
from tunesmith.tasks.registry import task_of
from tunesmith.tasks.task import Task
from tunesmith.training import instantiate
from tunesmith.training.callbacks.validating import ValidateAtSteps
from tunesmith.training.course import counts_micro_batches
from tunesmith.training.ends import give_template, set_ends, tell_shaping
from tunesmith.training.networks import first_network

OURS: Final = {
    "enable_checkpointing": False,  # our own callbacks write the checkpoints
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_autolog_hparams": False,
    "num_sanity_val_steps": 0,
    "use_distributed_sampler": False,
}
"""Trainer arguments that are the same in every run."""

log = logging.getLogger("tunesmith")


def build_data(
    config: RunConfig, rows: dict[str, Rows] | None = None, ground: Groundwork | None = None
) -> TextDataModule:
    """Read and split a run's data, apply its length limits, and warn about anything misleading in it.

    Args:
        config: The run's config.
        rows: Rows of each split that have already been read; by default they are read from the file.
        ground: The model's architecture and tokenizer, if already read.

    Raises:
        ConfigError: The tokenizer has no token to pad with.
        DataError: The data cannot be used as configured.
        FilesError: The model's tokenizer cannot be read.
    """
    task = task_of(config.task)
    prepared = read_prepared(config.data, task) if rows is None else Prepared(rows)
    unseen = () if config.evaluation.test else ("test",)
    measured = {name: part for name, part in prepared.splits.items() if name != "train" and name not in unseen}
    prepared = replace(prepared, splits=prepared.splits | with_slices(measured, config.data, config.evaluation.slices))
    ground = ground or read_groundwork(config.model)
    tokenizer, family, at_most = ground.tokenizer, ground.family, longest_text(config, ground)
    give_template(tokenizer, task, config.data, family)
    fitted = fit(prepared.splits, tokenizer, config.data, task, family, unseen=unseen, at_most=at_most)
    seen = {name: rows for name, rows in fitted.splits.items() if name not in unseen}
    labels = learned_labels(seen, config.data, task)
    for sentence in findings(seen, task):
        log.warning("%s", sentence)
    splits, sources = weighted(fitted.splits, config.data)
    data = TextDataModule(
        config.data,
        tokenizer,
        task,
        seed=config.seed,
        splits=splits,
        labels=labels,
        family=family,
        unseen=unseen,
    )
    data.lengths = prepared.facts | fitted.facts | ({"sources": sources} if sources else {})
    data.split_record = prepared.record or data.split_record
    return data


def read_fitted(config: RunConfig) -> dict[str, Rows]:
    """Read the rows that a run trains on and evaluates, without logging what is left out.

    Raises:
        DataError: The data cannot be used as configured.
        FilesError: Length decides which rows are left out, and the model's tokenizer cannot be read.
    """
    task = task_of(config.task)
    splits = read_prepared(config.data, task).splits
    if config.data.on_long == "drop":
        ground = read_groundwork(config.model)
        splits = drop_long(splits, ground.tokenizer, config.data, task, ground.family).splits
    return weighted(splits, config.data)[0]


def longest_text(config: RunConfig, ground: Groundwork) -> int | None:
    """The largest `data.max_length` that a model has positions for; None if it has no limit."""
    most = positions(ground.architecture)
    prompt = instantiate.prompt_length(config.method)
    return most if most is None else most - max(prompt, len(cue_tokens(config.model.head.cue, ground.tokenizer)))


def build_network(config: RunConfig, labels: Sequence[str], ground: Groundwork | None = None) -> torch.nn.Module:
    """Build the network in the form in which it is trained, including adapters.

    Args:
        config: The run's config.
        labels: Label names in the order of the logits.
        ground: The model's architecture and tokenizer, if already read.

    Raises:
        ConfigError: The architecture does not fit the task or the method.
        FilesError: The weights cannot be found or read.
    """
    ground = ground or read_groundwork(config.model)
    network: Any = first_network(config, labels, ground)
    task = task_of(config.task)
    set_ends(network, ground.tokenizer, task, config.data, family_of(network.config))
    tell_shaping(network, task)
    network.config.problem_type = task.problem_type
    if config.data.packing:
        check_packing(network)
    if config.model.gradient_checkpointing:
        network.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return apply_method(network, instantiate.build_method(config.method), config.seed, task=task.traits.name)


def build_module(
    config: RunConfig, network: torch.nn.Module, labels: Sequence[str], objective: Objective | None = None
) -> FineTuner:
    """Build the LightningModule around a network; the default objective is one label per text."""
    make_optimizer = instantiate.optimizer_factory(config.optimizer)
    return FineTuner(
        network,
        objective=objective,
        optimizer=lambda network: make_optimizer(groups_of(config, network)),
        scheduler=schedule_factory(config),
        metrics=metric_function(config, labels),
        seed=config.seed,
    )


def groups_of(config: RunConfig, network: torch.nn.Module) -> list[dict[str, Any]]:
    """Group the trainable parameters for the optimizer, with one learning rate and one decay per group."""
    return parameter_groups(network, config.optimizer.weight_decay, learning_rates(config, network))


def schedule_factory(config: RunConfig) -> SchedulerFactory:
    """Return a function from the optimizer and the number of steps to Lightning's scheduler entry."""
    return functools.partial(
        lightning_schedule,
        instantiate.scheduler_factory(config.scheduler),
        warmup_fraction=config.scheduler.warmup_fraction,
        monitor=config.evaluation.monitor,
        mode=config.evaluation.mode,
    )


def learning_rates(config: RunConfig, network: torch.nn.Module) -> Callable[[str], float] | None:
    """Return a function from a parameter's name to its learning rate; None if all have the same."""
    optimizer = config.optimizer
    if optimizer.head_lr is None and optimizer.layer_decay == 1:
        return None
    parts = anatomy(network)
    layer_decay, head_lr = optimizer.layer_decay, optimizer.head_lr
    return rates(parts.depth, parts.top, lr=optimizer.lr, layer_decay=layer_decay, head_lr=head_lr)


def objective_on(data: TextDataModule, task: Task) -> Objective:
    """The task's objective on this data."""
    return task.objective(data.tokenizer, data.data.max_target_length, data.family, data.class_weights)


def metrics_of(config: RunConfig, labels: Sequence[str]) -> dict[str, Metric]:
    """The configured metrics for a number of labels."""
    metrics = instantiate.build_metrics(config.evaluation, num_labels=len(labels))
    if task_of(config.task).measures_in_fp64:
        return {name: metric.set_dtype(torch.float64) for name, metric in metrics.items()}
    return metrics


def metric_function(config: RunConfig, labels: Sequence[str]) -> MetricFunction:
    """Return a function that computes the configured metrics; remarks about a metric are logged once."""
    metrics, task = metrics_of(config, labels), task_of(config.task)
    logged: set[str] = set()

    def compute(answers: Any, truths: Any) -> Mapping[str, Any]:
        measured = compute_metrics(metrics, task.metric_inputs(answers, truths, labels))
        sentences = [f"the metric {name} {remark}" for name, remark in measured.remarks.items()]
        sentences += [f"the metric {name} has no value: {why}" for name, why in measured.failures.items()]
        for sentence in sentences:
            if sentence not in logged:
                log.warning("%s", sentence)
        logged.update(sentences)
        return measured.values

    return compute


def build_trainer(
    config: RunConfig,
    data: TextDataModule,
    directory: Path,
    loggers: list[Any],
    callbacks: list[pl.Callback],
    first: Sequence[pl.Callback] = (),
) -> pl.Trainer:
    """Build the Trainer of a run; also sets torch's threads and matrix route, which affect the result.

    Args:
        config: The run's config.
        data: The run's data.
        directory: The run's directory.
        loggers: Lightning's loggers.
        callbacks: Our callbacks that run after the configured ones, so that a checkpoint holds what those changed.
        first: Our callbacks that run before them.
    """
    from tunesmith.training.callbacks.checkpoints import AtomicCheckpointIO

    set_numerics(config)
    return instantiate.instantiate_trainer(
        config,
        accumulate_grad_batches=data.accumulate_grad_batches,
        callbacks=[
            *first,
            *instantiate.build_callbacks(config),
            *callbacks,
            *build_validations(config),
            *build_unfreezing(config),
        ],
        logger=loggers,
        default_root_dir=str(directory),
        **OURS,
        plugins=[AtomicCheckpointIO(), LightningEnvironment()],  # a single device: a cluster's variables do not apply
    )


def build_validations(config: RunConfig) -> list[pl.Callback]:
    """The callback that validates by optimizer steps, if validations are not at the ends of epochs."""
    interval = config.trainer.val_check_interval
    return [] if interval is None or counts_micro_batches(config) else [ValidateAtSteps(interval)]


def build_unfreezing(config: RunConfig) -> list[pl.Callback]:
    """The callback of a method that trains different weights at different steps, such as `method=gradual`.

    It comes last, so that a checkpoint written before the step sees no weights frozen.
    """
    method = instantiate.build_method(config.method)
    return [Unfreezing(method)] if isinstance(method, PartialMethod) and method.is_scheduled else []


def set_numerics(config: RunConfig) -> None:
    """Set the process-wide switches that affect a result's last bits."""
    assert config.trainer.threads != "auto"
    assert config.trainer.matmul_precision != "auto"
    torch.set_num_threads(config.trainer.threads)
    torch.set_float32_matmul_precision(config.trainer.matmul_precision)
