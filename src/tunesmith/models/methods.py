"""How weights are changed: all of them, a part of them, or through adapters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from tunesmith.config.checking.rules.adapter import BY_PATTERN
from tunesmith.config.tasks import TASKS
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.anatomy import head_modules
from tunesmith.models.families import family_of
from tunesmith.models.freezing import freeze
from tunesmith.models.method import PartialMethod
from tunesmith.models.reach import check_tying
from tunesmith.seeding import derive_seed

PEFT_TASKS = {"SequenceClassification": "SEQ_CLS", "TokenClassification": "TOKEN_CLS"}
"""How peft calls the task of a head."""


def apply_method(network: Any, method: Any, seed: int, task: str = "classification") -> torch.nn.Module:
    """The network as it will be trained.

    Args:
        network: The network with all weights; a skeleton on the meta device, to know before weights are read.
        method: A `PartialMethod`, or a configuration of peft's.
        seed: The run's seed, from which adapters are initialised.
        task: Name of the task.

    Raises:
        ConfigError: The method does not fit the network, e.g. its adapter names modules that are not there.
    """
    if isinstance(method, PartialMethod):
        freeze(network, method)
        partly: torch.nn.Module = network
        return partly
    return _with_adapter(network, method, seed, task)


def _with_adapter(network: Any, peft_config: Any, seed: int, task: str) -> torch.nn.Module:
    import peft

    complete_peft_config(network, peft_config, task)
    check_targets(network, peft_config)
    torch.manual_seed(derive_seed(seed, "adapter"))
    try:
        adapted: torch.nn.Module = peft.get_peft_model(network, peft_config)
    except (ValueError, TypeError, RuntimeError) as error:
        rule = f"peft refuses it: {str(error).partition('. ')[0].splitlines()[0]}"
        hint = f"Its linear layers are named {', '.join(linear_names(network))}"
        raise ConfigError([Problem("method", rule, _kind(peft_config), hint)]) from error
    check_patterns(adapted, peft_config)
    check_tying(adapted, peft_config)
    return adapted


def check_targets(network: Any, peft_config: Any) -> None:
    """Hold the modules and layers that an adapter names against those that the network has; every name has to fit.

    Raises:
        ConfigError: A name, or the pattern, fits no module.
    """
    names = [name for name, _ in network.named_modules() if name]
    for key in ("target_modules", "exclude_modules", "modules_to_save"):
        asked = getattr(peft_config, key, None)
        missing = [] if asked is None or asked == "all-linear" else _fitting_none(asked, names)
        if missing:
            hint = f"Its linear layers are named {', '.join(linear_names(network))}"
            rule = f"{network.config.model_type} has no modules of these names"
            raise ConfigError([Problem(f"method.{key}", rule, str(missing), hint)])
    _check_layers(names, getattr(peft_config, "layers_to_transform", None), network.config.model_type)


def _fitting_none(asked: Any, names: Sequence[str]) -> list[str]:
    """The names that are the end of no module's, or the pattern that fits none, as peft holds them."""
    if isinstance(asked, str):
        return [] if any(re.fullmatch(asked, name) for name in names) else [asked]
    fits = {target for target in asked for name in names if name == target or name.endswith(f".{target}")}
    return sorted(set(asked) - fits)


def _check_layers(names: Sequence[str], asked: int | list[int] | None, architecture: str) -> None:
    """Every number in `layers_to_transform` has to be that of a layer."""
    numbers = [asked] if isinstance(asked, int) else list(asked or ())
    layers = {int(number) for name in names for number in re.findall(r"^[^\d]*\.(\d+)$", name)}
    missing = [number for number in numbers if number not in layers]
    if missing:
        rule = f"{architecture} has {len(layers)} layers, numbered from 0 to {max(layers, default=0)}"
        raise ConfigError([Problem("method.layers_to_transform", rule, str(missing))])


def check_patterns(adapted: Any, peft_config: Any) -> None:
    """Hold the names in `rank_pattern` and its like against the modules that have an adapter.

    Raises:
        ConfigError: One fits none of them, and so has no effect.
    """
    from peft.utils.other import get_pattern_key

    targeted = getattr(getattr(adapted, "base_model", None), "targeted_module_names", [])
    for key in BY_PATTERN:
        for pattern in getattr(peft_config, key, None) or {}:
            if not any(get_pattern_key([pattern], name) == pattern for name in targeted):
                hint = f"Those with one are {', '.join(sorted({name.rpartition('.')[2] for name in targeted}))}"
                raise ConfigError([Problem(f"method.{key}", "fits no module that has an adapter", pattern, hint)])


def complete_peft_config(network: Any, peft_config: Any, task: str) -> None:
    """Complete peft's configuration by what follows from task and network: task type, targets, the head to train.

    Raises:
        ConfigError: This kind of adapter does not go with the network.
    """
    import peft

    family, architecture = family_of(network.config), network.config.model_type
    head = TASKS[task].head
    writes = "SEQ_2_SEQ_LM" if family == "seq2seq" else "CAUSAL_LM"
    peft_config.task_type = peft.TaskType(writes if head is None else PEFT_TASKS[head])
    if isinstance(peft_config, peft.PromptLearningConfig):
        if head is not None and family != "encoder":
            # Given embeddings instead of ids, decoders take the last column for the last token, T5 refuses.
            rule = f"a prompt goes before the text's embeddings, and {architecture} then cannot find the text's end"
            raise ConfigError([Problem("method", rule, "prompt", "Use method=lora, or an encoder")])
        return
    if peft_config.target_modules is None and architecture not in _known_targets(peft_config):
        if isinstance(peft_config, peft.LNTuningConfig):
            rule = "is required: peft does not know which modules of this architecture normalise"
            raise ConfigError([Problem("method.target_modules", rule, None, f"E.g. {_normalising(network)}")])
        peft_config.target_modules = "all-linear"
    # peft itself adds only heads that are called `classifier` or `score`; a language model has none to add.
    heads = [name for name in head_modules(network) if name not in ("classifier", "score")] if head is not None else []
    asked = peft_config.modules_to_save or []
    peft_config.modules_to_save = [*asked, *(name for name in heads if name not in asked)] or None
    if architecture == "gpt2":
        peft_config.fan_in_fan_out = True  # its linear layers keep their weights transposed


def _kind(peft_config: Any) -> str:
    """Peft's word for a kind of adapter, which may be text where it is the user's own."""
    return str(getattr(peft_config.peft_type, "value", peft_config.peft_type))


def _known_targets(peft_config: Any) -> dict[str, Any]:
    import peft

    name = f"TRANSFORMERS_MODELS_TO_{_kind(peft_config).replace('_', '')}_TARGET_MODULES_MAPPING"
    known: dict[str, Any] = getattr(peft.utils.constants, name, {})
    return known


def _normalising(network: torch.nn.Module) -> str:
    """The override that names the modules whose class says that they normalise."""
    names = (name for name, module in network.named_modules() if "norm" in type(module).__name__.lower())
    return f"'method.target_modules=[{','.join(sorted({name.rpartition('.')[2] for name in names}))}]'"


def linear_names(network: torch.nn.Module) -> list[str]:
    """The last name of each linear layer, once each, in alphabetical order."""
    from transformers.pytorch_utils import Conv1D

    linear = (name for name, module in network.named_modules() if isinstance(module, torch.nn.Linear | Conv1D))
    return sorted({name.rpartition(".")[2] for name in linear})


def count_parameters(network: torch.nn.Module) -> tuple[int, int]:
    """All parameters and those that are trained."""
    parameters = list(network.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)
