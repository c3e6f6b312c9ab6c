"""What can be known to be wrong before a run's directory is opened and weights are read."""

from __future__ import annotations

import importlib.util

import torch

from tunesmith.config.rules import contradictions
from tunesmith.config.schema import RunConfig
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.methods import check_method
from tunesmith.models.weights import load_config, load_skeleton, positions
from tunesmith.training import instantiate


def check_model(config: RunConfig) -> None:
    """Hold task, model, method, length and device against one another; from the architecture alone.

    Args:
        config: The run's config, with its decisions made.

    Raises:
        ConfigError: Something does not go together, with what would.
        FilesError: The model cannot be found.
    """
    problems = list(contradictions(config.model_dump(by_alias=True), set()))  # now that `auto` is decided
    if problems:
        raise ConfigError(problems)
    check_quantization(config)
    check_length(config)
    if config.method.name not in ("full", "gradual"):
        labels = ["a", "b"]  # how many there are changes no module's name
        skeleton = load_skeleton(config.model, labels, task=config.task.name)
        check_method(skeleton, config.method, instantiate.build_peft_config(config.method), config.task.name)
    else:
        load_skeleton(config.model, [], task=config.task.name)


def check_length(config: RunConfig) -> None:
    """Compare the tokens of a text with the positions that the architecture has.

    Raises:
        ConfigError: There are more.
    """
    most = positions(load_config(config.model))
    prompt = int(config.method.kwargs().get("num_virtual_tokens") or 0)
    if most is not None and most < config.data.max_length + prompt:
        rule = f"the model has {most} positions" + (f", of which the prompt takes {prompt}" if prompt else "")
        hint = f"At most data.max_length={most - prompt}"
        raise ConfigError([Problem("data.max_length", rule, str(config.data.max_length), hint)])


def check_quantization(config: RunConfig) -> None:
    """Refuse a quantised base where the device or the package is missing.

    Raises:
        ConfigError: It cannot be had here.
    """
    wanted = config.model.quantization
    if wanted == "none":
        return
    if config.trainer.accelerator != "gpu" or not torch.cuda.is_available():
        hint = "Set model.quantization=none; a smaller model, or model.gradient_checkpointing=true, saves memory here"
        raise ConfigError([Problem("model.quantization", "needs a GPU that CUDA supports", wanted, hint)])
    if importlib.util.find_spec("bitsandbytes") is None:
        rule = "needs the package bitsandbytes"
        raise ConfigError([Problem("model.quantization", rule, wanted, "Install it: pip install bitsandbytes")])
