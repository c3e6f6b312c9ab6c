"""Load the networks of runs: the one that a run starts from, and the one that a finished run saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PreTrainedTokenizerFast

from tunesmith.config.families import Family
from tunesmith.config.schema import Model, RunConfig
from tunesmith.config.tasks import TASKS
from tunesmith.config.trust import is_trusted, trusting
from tunesmith.errors import ConfigError, DataError, Problem
from tunesmith.models.families import auto_class, family_of
from tunesmith.models.groundwork import Groundwork
from tunesmith.models.head_start import without_start
from tunesmith.models.load_errors import explained
from tunesmith.models.merging import merge_adapter
from tunesmith.models.weights import load_config, load_network, load_tokenizer, relabelled
from tunesmith.runs.record import Record, load_run
from tunesmith.seeding import derive_seed
from tunesmith.tasks.registry import task_of
from tunesmith.tasks.task import Task
from tunesmith.training.ends import set_ends


@dataclass(frozen=True)
class Trained:
    """A trained network with everything needed to use it."""

    network: torch.nn.Module
    """In evaluation mode."""
    tokenizer: PreTrainedTokenizerFast
    labels: list[str]
    family: Family
    config: RunConfig
    task: Task


def load_model(record: Record | str | Path, *, trust: Sequence[str] = ()) -> Trained:
    """Load the best weights of a run.

    Args:
        record: The run, or its directory.
        trust: The user's own modules that its config may name, and models whose own code may run.

    Raises:
        FilesError: The run has no best weights, or they cannot be read.
        ConfigError: Its task is from a module that is not trusted here.
    """
    record = record if isinstance(record, Record) else load_run(record)
    folder = record.best_weights()
    config = record.typed
    # A saved model with code of its own has the code of its base, and is trusted with it.
    with trusting(trust), trusting([str(folder)] if is_trusted(config.model.path) else []):
        return _loaded(record, config, folder)


def _loaded(record: Record, config: RunConfig, folder: Path) -> Trained:
    tokenizer = load_tokenizer(Model(path=str(folder)))
    network = network_of(record, config, tokenizer)
    family = family_of(network.config)
    task = task_of(config.task)
    with suppress(DataError):  # runs saved by earlier versions may lack an end
        set_ends(network, tokenizer, task, config.data, family)
    return Trained(network.eval(), tokenizer, record.labels, family, config, task)


def network_of(record: Record, config: RunConfig, tokenizer: PreTrainedTokenizerFast) -> torch.nn.Module:
    """Load the network in a run's folder, with plain transformers or plain peft on the run's base if they support it.

    Args:
        record: The run.
        config: The run's config.
        tokenizer: The run's tokenizer.

    Raises:
        FilesError: It cannot be read.
    """
    if (record.directory.model / "adapter_config.json").is_file():
        return _with_adapter(record, config, tokenizer)
    return whole_network(record.directory.model, config, record.labels)


def whole_network(folder: Path, config: RunConfig, labels: Sequence[str]) -> torch.nn.Module:
    """Load the network in a folder without an adapter; one of our heads, or label words, need our own code.

    Raises:
        FilesError: It cannot be read.
    """
    task, head = config.task.name, config.model.head
    if head.words or (head.pooling is not None and labels):
        model = Model(path=str(folder), head=without_start(head))
        ours: torch.nn.Module = load_network(model, labels, config.seed, task=task, quietly=True)
        return ours
    trust = {"trust_remote_code": is_trusted(config.model.path)}
    with explained(str(folder)):
        saved = AutoConfig.from_pretrained(folder, **trust)
        network: torch.nn.Module = auto_class(task, saved).from_pretrained(folder, **trust)
    return network


def _with_adapter(record: Record, config: RunConfig, tokenizer: PreTrainedTokenizerFast) -> torch.nn.Module:
    import peft

    base = first_network(config, record.labels, Groundwork(load_config(config.model), tokenizer), quietly=True)
    torch.manual_seed(derive_seed(config.seed, "adapter"))  # some initialisations subtract random parts from the base
    with explained(str(record.directory.model)):
        network: torch.nn.Module = peft.PeftModel.from_pretrained(base, str(record.directory.model))
    return network


def first_network(
    config: RunConfig, labels: Sequence[str], ground: Groundwork, *, quietly: bool = False
) -> torch.nn.Module:
    """Load the network before the run's method is applied: as configured, or an earlier run's with its adapter merged.

    Args:
        config: The run's config.
        labels: Label names in the order of the logits.
        ground: The model's architecture and tokenizer.
        quietly: Do not log what the head starts from; it was logged when the run was trained.

    Raises:
        ConfigError: The earlier run has an adapter, and was trained for another kind of task.
        FilesError: The weights cannot be found or read.
    """
    task = config.task.name
    record = earlier_run(config.model.from_run) if config.model.from_run is not None else None
    if record is None or not has_adapter(record):
        known = {"pad_token_id": ground.tokenizer.pad_token_id, "architecture": ground.architecture}
        network: torch.nn.Module = load_network(config.model, labels, config.seed, task=task, quietly=quietly, **known)
        return network
    then = record.config["task"]["name"]
    if TASKS[then].head != TASKS[task].head:
        hint = f"Merge it first: tunesmith export {record.argument} --merge --output DIR, then model.path=DIR"
        rule = f"its adapter was trained with the head for task={then}"
        raise ConfigError([Problem("model.from_run", rule, f"task={task}", hint)], late=True)
    merged = merge_adapter(load_model(record).network, "model.from_run", "Start from another run")
    if labels:
        merged = relabelled(merged, config.model, labels, config.seed, task, quietly)
    for parameter in merged.parameters():
        parameter.requires_grad_(True)
    merged.train()
    return merged


def base_is_saved(model: Mapping[str, Any]) -> bool:
    """Whether the weights that a run's method started from can be read again at the path in its saved model config.

    They cannot if they were initialised at random, or if an earlier run's adapter was merged into them.
    """
    if model.get("init") == "random":
        return False
    return model.get("from_run") is None or model.get("path") == model.get("tokenizer")  # `start_of` sets them so


def earlier_run(path: str) -> Record:
    """Open the run that another starts from.

    Raises:
        FilesError: It is not a run, or has no model.
    """
    record = load_run(path)
    record.best_weights()  # raises if the run has none
    return record


def has_adapter(record: Record) -> bool:
    """Whether a run saved an adapter instead of a whole model."""
    return Path(record.directory.model / "adapter_config.json").is_file()
