"""Check what can be checked before a run's directory is opened and weights are read."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

import torch

from tunesmith.config.checking.rules import contradictions
from tunesmith.config.schema import RunConfig
from tunesmith.config.tasks import traits_of
from tunesmith.errors import ConfigError, Problem
from tunesmith.machine import bf16_cost, usable_cores
from tunesmith.models.anatomy import anatomy
from tunesmith.models.config_fields import check_fields, check_forward, check_vocabulary
from tunesmith.models.groundwork import Groundwork, read_groundwork
from tunesmith.models.label_words import cue_tokens
from tunesmith.models.method import PartialMethod
from tunesmith.models.methods import apply_method
from tunesmith.models.reach import check_reach
from tunesmith.models.weights import load_skeleton, positions
from tunesmith.training import instantiate
from tunesmith.training.monitors import check_monitors

log = logging.getLogger("tunesmith")


def check_model(config: RunConfig) -> tuple[torch.nn.Module, Groundwork]:
    """Check task, model, method, length and device for compatibility, from the architecture alone.

    Args:
        config: The run's config, with its decisions made.

    Returns:
        The network as it will be trained, on the meta device; what was read of the model for it.

    Raises:
        ConfigError: Some of them are incompatible; it names what would fit.
        DataError: A label is monitored, and the data cannot be read.
        FilesError: The model cannot be found.
    """
    check_device(config)
    problems = list(contradictions(config.model_dump(by_alias=True), set()))  # `auto` is resolved by now
    if problems:
        raise ConfigError(problems)
    check_quantization(config)
    ground = read_groundwork(config.model)
    check_length(config, ground)
    labels = ["a", "b"]  # their number does not affect module names
    skeleton = load_skeleton(config.model, labels, task=config.task.name, architecture=ground.architecture)
    check_architecture(config, skeleton, ground)
    method = instantiate.build_method(config.method)
    with torch.device("meta"):
        trained = apply_method(skeleton, method, config.seed, config.task.name)
    if not isinstance(method, PartialMethod) and not method.is_prompt_learning:
        check_reach(trained, method)
    check_head_rate(config, trained)
    check_layer_rates(config, trained)
    check_monitors(config)
    return trained, ground


def check_device(config: RunConfig) -> None:
    """Refuse a missing device or an unsupported precision; warn about a slow one.

    Raises:
        ConfigError: The device or the precision is not available.
    """
    trainer = config.trainer
    if trainer.accelerator == "gpu" and not torch.cuda.is_available():
        hint = "Use trainer=cpu, or trainer=auto to use what is available; tunesmith doctor shows what torch sees"
        raise ConfigError([Problem("trainer.accelerator", "torch finds no GPU here", "gpu", hint)])
    if trainer.accelerator == "mps" and not torch.backends.mps.is_available():
        raise ConfigError([Problem("trainer.accelerator", "this is not a Mac with Metal", "mps", "Use trainer=auto")])
    if trainer.accelerator != "cpu":
        return
    cores, threads = usable_cores(), int(trainer.threads)
    if threads > cores:
        rule = "trainer.threads=%d exceeds the CPU cores available to this process (%d): threads wait for a core. "
        log.warning(rule + "Set trainer.threads=%d, or auto", threads, cores, cores)
    if trainer.precision == "32-true":
        return
    cost = f"a matrix product takes this CPU {bf16_cost():.1f} times as long in bf16 as in fp32"
    if trainer.precision == "16-mixed":
        hint = f"Use trainer.precision=32-true; with trainer.precision=bf16-mixed {cost}"
        raise ConfigError([Problem("trainer.precision", "16-mixed needs a GPU", "16-mixed", hint)])
    if bf16_cost() > 1:
        log.warning("trainer.precision=bf16-mixed: %s. Set trainer.precision=32-true, which is more accurate too", cost)


def check_architecture(config: RunConfig, skeleton: Any, ground: Groundwork) -> None:
    """Check the requests of `model.config` and `model.tokenizer` against the resulting network.

    Raises:
        ConfigError: A field has no effect, or conflicts with the others, the weights or the tokenizer.
    """
    model = config.model
    if model.config:
        without = model.model_copy(update={"config": {}}) if model.init == "pretrained" else None
        plain = load_skeleton(without, ["a", "b"], task=config.task.name) if without is not None else None
        check_fields(model, skeleton, plain)
        check_forward(model, skeleton)
    if model.tokenizer is not None or "vocab_size" in model.config:
        check_vocabulary(model, skeleton, ground.tokenizer)


def check_head_rate(config: RunConfig, skeleton: torch.nn.Module) -> None:
    """Refuse `optimizer.head_lr` without a trainable head.

    Args:
        config: The run's config.
        skeleton: The network on the meta device, as it will be trained.

    Raises:
        ConfigError: No parameter would be trained at this rate.
    """
    if config.optimizer.head_lr is None:
        return
    parts = anatomy(skeleton)
    if not any(item.requires_grad and parts.depth(name) == parts.top for name, item in skeleton.named_parameters()):
        rule = "has no effect: this model has no trainable head"
        received = str(config.optimizer.head_lr)
        raise ConfigError([Problem("optimizer.head_lr", rule, received, "Set only optimizer.lr")])


def check_layer_rates(config: RunConfig, skeleton: torch.nn.Module) -> None:
    """Refuse `optimizer.layer_decay` if no layer is trained.

    Args:
        config: The run's config.
        skeleton: The network on the meta device, as it will be trained.

    Raises:
        ConfigError: Nothing below the head is trained.
    """
    if config.optimizer.layer_decay == 1:
        return
    parts = anatomy(skeleton)
    if not any(item.requires_grad and parts.depth(name) < parts.top for name, item in skeleton.named_parameters()):
        received = str(config.optimizer.layer_decay)
        rule = "has no effect with this method: no layer is trained"
        raise ConfigError([Problem("optimizer.layer_decay", rule, received, "Use method=full or method=last_layers")])


def check_length(config: RunConfig, ground: Groundwork) -> None:
    """Check the number of tokens of a text, and of an answer, against the architecture's positions.

    Args:
        config: The run's config.
        ground: The model's architecture and tokenizer.

    Raises:
        ConfigError: They exceed it.
    """
    data, most = config.data, positions(ground.architecture)
    prompt = instantiate.prompt_length(config.method)
    taken = {"prompt": prompt, "cue": len(cue_tokens(config.model.head.cue, ground.tokenizer))}
    for name, count in taken.items():
        if most is not None and most < data.max_length + count:
            rule = f"the model has {most} positions" + (f", and the {name} takes {count} of them" if count else "")
            hint = f"At most data.max_length={most - count}"
            raise ConfigError([Problem("data.max_length", rule, str(data.max_length), hint)])
    answers = "target_column" in traits_of(config.task).required and ground.family == "causal"
    if answers and data.max_target_length >= data.max_length:
        rule = f"a decoder's text and its answer share data.max_length={data.max_length} tokens, which leaves none"
        hint = "Set less, or raise data.max_length"
        raise ConfigError([Problem("data.max_target_length", rule, str(data.max_target_length), hint)])


def check_quantization(config: RunConfig) -> None:
    """Refuse a quantised base if the device or the package is missing.

    Raises:
        ConfigError: Quantization is not available on this machine.
    """
    quantization = config.model.quantization
    if quantization == "none":
        return
    if config.trainer.accelerator not in ("gpu", "auto") or not torch.cuda.is_available():
        hint = "Set model.quantization=none; a smaller model, or model.gradient_checkpointing=true, saves memory here"
        raise ConfigError([Problem("model.quantization", "requires a CUDA GPU", quantization, hint)])
    if importlib.util.find_spec("bitsandbytes") is None:
        rule = "requires the package bitsandbytes"
        raise ConfigError([Problem("model.quantization", rule, quantization, "Install it: pip install bitsandbytes")])
