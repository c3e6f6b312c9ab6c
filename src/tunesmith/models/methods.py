"""Applies a method to a network: trains all weights, part of them, or adapters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
"""Peft's name of a head's task."""


def apply_method(network: Any, method: Any, seed: int, task: str = "classification") -> torch.nn.Module:
    """Return the network as it will be trained.

    Args:
        network: The network with all weights, or a skeleton on the meta device to check before weights are read.
        method: A `PartialMethod`, or a peft configuration.
        seed: The run's seed, from which adapters are initialised.
        task: Name of the task.

    Raises:
        ConfigError: The method does not fit the network, e.g. its adapter names missing modules.
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
    """Check that every module, parameter and layer that an adapter names exists in the network.

    Raises:
        ConfigError: A name, or the pattern, matches none.
    """
    names = [name for name, _ in network.named_modules() if name]
    parameters = [name for name, _ in network.named_parameters()]
    modules = dict.fromkeys(("target_modules", "exclude_modules", "modules_to_save"), names)
    for key, there in {**modules, "target_parameters": parameters}.items():
        asked = getattr(peft_config, key, None)
        missing = [] if asked is None or asked == "all-linear" else _fitting_none(asked, there)
        if missing:
            hint = f"Its linear layers are named {', '.join(linear_names(network))}"
            rule = (
                f"{network.config.model_type} has no {'modules' if key in modules else 'parameters'} with these names"
            )
            raise ConfigError([Problem(f"method.{key}", rule, str(missing), hint)])
    _check_tokens(network, getattr(peft_config, "trainable_token_indices", None), names)
    _check_layers(names, getattr(peft_config, "layers_to_transform", None), network.config.model_type)


def _fitting_none(asked: Any, names: Sequence[str]) -> list[str]:
    """Return the names that end no module's name, or the pattern if it matches none, by peft's rules."""
    if isinstance(asked, str):
        return [] if any(re.fullmatch(asked, name) for name in names) else [asked]
    fits = {target for target in asked for name in names if name == target or name.endswith(f".{target}")}
    return sorted(set(asked) - fits)


def _check_tokens(network: Any, asked: list[int] | Mapping[str, list[int]] | None, names: Sequence[str]) -> None:
    """Check that tokens with rows of their own are tokens of the network, and where these are to be trained."""
    where, architecture = "method.trainable_token_indices", network.config.model_type
    by_name: Mapping[str, list[int]] = asked if isinstance(asked, Mapping) else {"": list(asked or ())}
    if missing := _fitting_none([name for name in by_name if name], names):
        rule = f"{architecture} has no modules with these names"
        raise ConfigError([Problem(where, rule, str(missing), "Leave the name out to train rows of the embeddings")])
    tokens = [token for each in by_name.values() for token in each]
    most = network.get_input_embeddings().num_embeddings if tokens else 0
    if strange := [token for token in tokens if not 0 <= token < most]:
        raise ConfigError([Problem(where, f"{architecture} has {most:,} tokens, numbered from 0", str(strange))])


def _check_layers(names: Sequence[str], asked: int | list[int] | None, architecture: str) -> None:
    """Check that every number in `layers_to_transform` is a layer's."""
    numbers = [asked] if isinstance(asked, int) else list(asked or ())
    layers = {int(number) for name in names for number in re.findall(r"^[^\d]*\.(\d+)$", name)}
    missing = [number for number in numbers if number not in layers]
    if missing:
        rule = f"{architecture} has {len(layers)} layers, numbered from 0 to {max(layers, default=0)}"
        raise ConfigError([Problem("method.layers_to_transform", rule, str(missing))])


def check_patterns(adapted: Any, peft_config: Any) -> None:
    """Check that every name in `rank_pattern` and similar keys matches a module with an adapter.

    Raises:
        ConfigError: A name matches none of them, and so has no effect.
    """
    from peft.utils.other import get_pattern_key

    targeted = getattr(getattr(adapted, "base_model", None), "targeted_module_names", [])
    for key in BY_PATTERN:
        for pattern in getattr(peft_config, key, None) or {}:
            if not any(get_pattern_key([pattern], name) == pattern for name in targeted):
                hint = f"Modules with one: {', '.join(sorted({name.rpartition('.')[2] for name in targeted}))}"
                raise ConfigError([Problem(f"method.{key}", "matches no module that has an adapter", pattern, hint)])


def complete_peft_config(network: Any, peft_config: Any, task: str) -> None:
    """Set the parts of peft's configuration that follow from task and network: task type, targets, trained head.

    Raises:
        ConfigError: This kind of adapter does not fit the network.
    """
    import peft

    family, architecture = family_of(network.config), network.config.model_type
    head = TASKS[task].head
    writes = "SEQ_2_SEQ_LM" if family == "seq2seq" else "CAUSAL_LM"
    peft_config.task_type = peft.TaskType(writes if head is None else PEFT_TASKS[head])
    if isinstance(peft_config, peft.PromptLearningConfig):
        if head is not None and family != "encoder":
            # With embeddings instead of ids, decoders take the last column for the last token, and T5 refuses.
            rule = f"a prompt comes before the text's embeddings, so {architecture} cannot find the end of the text"
            raise ConfigError([Problem("method", rule, "prompt", "Use method=lora, or an encoder")])
        return
    if peft_config.target_modules is None and architecture not in _known_targets(peft_config):
        if isinstance(peft_config, peft.LNTuningConfig):
            rule = "is required: peft does not know this architecture's normalisation layers"
            raise ConfigError([Problem("method.target_modules", rule, None, f"E.g. {_normalising(network)}")])
        peft_config.target_modules = "all-linear"
    # peft itself adds only heads named `classifier` or `score`; see docs/decisions.md, 2026-11-23: the whole head
    heads = [name for name in head_modules(network) if name not in ("classifier", "score")] if head is not None else []
    asked = peft_config.modules_to_save or []
    peft_config.modules_to_save = [*asked, *(name for name in heads if name not in asked)] or None
    if architecture == "gpt2":
        peft_config.fan_in_fan_out = True  # its Conv1D layers hold transposed weights


def _kind(peft_config: Any) -> str:
    """Return peft's name for a kind of adapter, which is plain text for a user's own."""
    return str(getattr(peft_config.peft_type, "value", peft_config.peft_type))


def _known_targets(peft_config: Any) -> dict[str, Any]:
    import peft

    name = f"TRANSFORMERS_MODELS_TO_{_kind(peft_config).replace('_', '')}_TARGET_MODULES_MAPPING"
    known: dict[str, Any] = getattr(peft.utils.constants, name, {})
    return known


def _normalising(network: torch.nn.Module) -> str:
    """Return the override that names the modules whose class is a normalisation layer's."""
    names = (name for name, module in network.named_modules() if "norm" in type(module).__name__.lower())
    return f"'method.target_modules=[{','.join(sorted({name.rpartition('.')[2] for name in names}))}]'"


def linear_names(network: torch.nn.Module) -> list[str]:
    """Return the distinct last parts of the linear layers' names, sorted."""
    from transformers.pytorch_utils import Conv1D

    linear = (name for name, module in network.named_modules() if isinstance(module, torch.nn.Linear | Conv1D))
    return sorted({name.rpartition(".")[2] for name in linear})


def count_parameters(network: torch.nn.Module) -> tuple[int, int]:
    """Return the number of all parameters and of trained ones."""
    parameters = list(network.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)
