"""How weights are changed: all of them, a part of them, or through adapters."""

from __future__ import annotations

import re
from typing import Any

import torch

from tunesmith.config.schema import Method
from tunesmith.config.seeding import derive_seed
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.anatomy import head_modules
from tunesmith.models.families import family_of
from tunesmith.models.freezing import freeze


def apply_method(
    network: Any, method: Method, peft_config: Any | None, seed: int, task: str = "classification"
) -> torch.nn.Module:
    """The network as it will be trained.

    Args:
        network: The network with all weights; a skeleton on the meta device, to know before weights are read.
        method: The method config.
        peft_config: The instantiated `method._target_`; None where no adapter is asked for.
        seed: The run's seed, from which adapters are initialised.
        task: Name of the task.

    Raises:
        ConfigError: The method does not fit the network, e.g. its adapter names modules that are not there.
    """
    adapted: torch.nn.Module = network
    if peft_config is None:
        if method.name not in ("full", "gradual"):
            freeze(network, method)
        return adapted
    import peft

    check_targets(network, peft_config)
    prepare(network, peft_config, task)
    torch.manual_seed(derive_seed(seed, "adapter"))
    try:
        adapted = peft.get_peft_model(network, peft_config)
    except (ValueError, TypeError) as error:
        rule = f"peft refuses it: {str(error).partition('. ')[0]}"
        hint = f"Its linear layers are named {', '.join(linear_names(network))}"
        raise ConfigError([Problem("method", rule, method.name, hint)]) from error
    return adapted


def put_into_base(adapted: Any) -> torch.nn.Module:
    """The network with an adapter of peft's put into its weights; `adapted` is used up.

    A trained head is put into its place first: with other adapters than LoRA, peft 0.21 fails on one of several layers.
    """
    from peft.utils import ModulesToSaveWrapper

    network = adapted.get_base_model()
    for name, module in list(network.named_modules()):
        if isinstance(module, ModulesToSaveWrapper):
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, module.modules_to_save[module.active_adapter])
    merged: torch.nn.Module = adapted.merge_and_unload()
    return merged


def check_targets(network: Any, peft_config: Any) -> None:
    """Hold the modules that an adapter names against those that the network has; every name has to fit.

    Raises:
        ConfigError: A name, or the pattern, fits no module.
    """
    targets = getattr(peft_config, "target_modules", None)
    if targets is None or targets == "all-linear":
        return
    names = [name for name, _ in network.named_modules()]
    if isinstance(targets, str):
        missing = [] if any(re.fullmatch(targets, name) for name in names) else [targets]
    else:
        fits = {target for target in targets for name in names if name == target or name.endswith(f".{target}")}
        missing = sorted(set(targets) - fits)
    if missing:
        hint = f"Its linear layers are named {', '.join(linear_names(network))}"
        rule = f"{network.config.model_type} has no modules of these names"
        raise ConfigError([Problem("method.target_modules", rule, str(missing), hint)])


def prepare(network: Any, peft_config: Any, task: str) -> None:
    """Complete peft's configuration by what follows from task and network: task type, targets, the head to train.

    Raises:
        ConfigError: This kind of adapter does not go with the network.
    """
    import peft

    family, architecture = family_of(network.config), network.config.model_type
    kinds = {"classification": "SEQ_CLS", "regression": "SEQ_CLS", "token_classification": "TOKEN_CLS"}
    writes = "SEQ_2_SEQ_LM" if family == "seq2seq" else "CAUSAL_LM"
    peft_config.task_type = peft.TaskType(kinds.get(task, writes))
    if isinstance(peft_config, peft.PromptLearningConfig):
        if task in kinds and family != "encoder":
            # Given embeddings instead of ids, decoders take the last column for the last token, T5 refuses.
            rule = f"a prompt goes before the text's embeddings, and {architecture} then cannot find the text's end"
            raise ConfigError([Problem("method", rule, "prompt", "Use method=lora, or an encoder")])
        return
    if peft_config.target_modules is None and architecture not in _known_targets(peft_config):
        peft_config.target_modules = "all-linear"
    if task in kinds:  # peft itself adds only heads that are called `classifier` or `score`
        peft_config.modules_to_save = [name for name in head_modules(network) if name not in ("classifier", "score")]
    if architecture == "gpt2":
        peft_config.fan_in_fan_out = True  # its linear layers keep their weights transposed


def _known_targets(peft_config: Any) -> dict[str, Any]:
    import peft

    name = f"TRANSFORMERS_MODELS_TO_{peft_config.peft_type.value}_TARGET_MODULES_MAPPING"
    known: dict[str, Any] = getattr(peft.utils, name, {})
    return known


def linear_names(network: torch.nn.Module) -> list[str]:
    """The last name of each linear layer, once each, in alphabetical order."""
    from transformers.pytorch_utils import Conv1D

    linear = (name for name, module in network.named_modules() if isinstance(module, torch.nn.Linear | Conv1D))
    return sorted({name.rpartition(".")[2] for name in linear})


def count_parameters(network: torch.nn.Module) -> tuple[int, int]:
    """All parameters and those that are trained."""
    parameters = list(network.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)
