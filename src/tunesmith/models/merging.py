"""An adapter put into the weights that it stands on."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch

from tunesmith.errors import ConfigError, Problem, TrainingError
from tunesmith.models.load_errors import first_line
from tunesmith.models.probe import difference, probe

TOLERANCE = 1e-3
"""Largest difference of an answer, relative to the largest one, that is the rounding of a sum of fp32 weights."""


def put_into_base(adapted: Any, where: str, hint: str) -> torch.nn.Module:
    """The network with an adapter of peft's put into its weights; `adapted` is used up.

    A trained head is put into its place first: with other adapters than LoRA, peft 0.21 fails on one of several layers.

    Args:
        adapted: The network with the adapter.
        where: The key or flag that asks for it.
        hint: What to do where it cannot be.

    Raises:
        ConfigError: The adapter is of a kind that cannot be put into weights.
        TrainingError: What comes out answers otherwise.
    """
    from peft.utils import ModulesToSaveWrapper

    if not hasattr(adapted, "merge_and_unload") or any(c.is_prompt_learning for c in adapted.peft_config.values()):
        rule = "a prompt stands before the text and cannot be put into the weights"
        raise ConfigError([Problem(where, rule, None, hint)], late=True)
    expected = probe(adapted)
    network = adapted.get_base_model()
    for name, module in list(network.named_modules()):
        if isinstance(module, ModulesToSaveWrapper):
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, module.modules_to_save[module.active_adapter])
    untied = untie(network)
    try:
        merged: torch.nn.Module = adapted.merge_and_unload()
    except (NotImplementedError, RuntimeError, ValueError, TypeError) as error:
        rule = f"peft cannot put this adapter into its base: {first_line(error)}"
        raise ConfigError([Problem(where, rule, None, hint)], late=True) from error
    if untied:
        _say_untied(merged.config)
    gap = difference(probe(merged), expected)
    if gap > TOLERANCE and not getattr(merged, "is_quantized", False):
        raise TrainingError(
            f"an adapter put into its base does not answer as on it: answers differ by {gap:.2g} of the largest "
            f"(at most {TOLERANCE:.2g} is rounding). {hint}"
        )
    return merged


def untie(network: Any) -> bool:
    """Give each layer under an adapter a tensor of its own, where another layer shares it; whether there was one.

    In training the adapter changed what its own layer computes. Put into a shared tensor, it would change the other's
    too: output and input embeddings, which are one tensor in most small models.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    users: dict[int, dict[torch.nn.Module, str]] = defaultdict(dict)
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            users[id(parameter)][module] = name
    untied = False
    for layer in [module for module in network.modules() if isinstance(module, BaseTunerLayer)]:
        base = layer.get_base_layer()
        for parameter in list(base.parameters(recurse=False)):
            others = {module: name for module, name in users[id(parameter)].items() if module is not base}
            if not others:
                continue
            # A folder's other tied tensors are read from the input embeddings: without them, each has to be written.
            changed = others if layer is network.get_input_embeddings() else {base: users[id(parameter)][base]}
            for module, name in changed.items():
                setattr(module, name, torch.nn.Parameter(parameter.detach().clone(), requires_grad=False))
            untied = True
    return untied


def _say_untied(config: Any) -> None:
    """Write into the config that the embeddings are two tensors; not where reading it back would mean something else.

    T5 has them tied whatever its config says (transformers keeps two tensors apart all the same, if the folder has
    two), and takes the word for whether to scale its output.
    """
    config.tie_word_embeddings = False
    config.tie_word_embeddings = bool(type(config).from_dict(config.to_dict()).tie_word_embeddings)
