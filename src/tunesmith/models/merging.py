"""Merges an adapter into the weights of its base."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch

from tunesmith.errors import ConfigError, Problem, TrainingError
from tunesmith.models.load_errors import first_line
from tunesmith.models.probe import difference, probe

TOLERANCE = 1e-3
"""Largest difference between logits, relative to the largest logit, that is explained by fp32 rounding."""


def merge_adapter(adapted: Any, where: str, hint: str) -> torch.nn.Module:
    """Merge a peft adapter into the network's weights; `adapted` cannot be used afterwards.

    A trained head is put in place first: for adapters other than LoRA, peft 0.21 fails on a head of several layers.

    Args:
        adapted: The network with the adapter.
        where: The key or flag that asked for the merge.
        hint: What to do if it cannot be merged.

    Raises:
        ConfigError: This kind of adapter cannot be merged.
        TrainingError: The merged network computes different logits.
    """
    from peft.utils import ModulesToSaveWrapper

    if not hasattr(adapted, "merge_and_unload") or any(c.is_prompt_learning for c in adapted.peft_config.values()):
        rule = "a prompt comes before the text and cannot be merged into the weights"
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
        rule = f"peft cannot merge this adapter into its base: {first_line(error)}"
        raise ConfigError([Problem(where, rule, None, hint)], late=True) from error
    if untied:
        _record_untied(merged.config)
    gap = difference(probe(merged), expected)
    if gap > TOLERANCE and not getattr(merged, "is_quantized", False):
        raise TrainingError(
            f"the merged network does not answer like base and adapter: logits differ by {gap:.2g} of the largest "
            f"(up to {TOLERANCE:.2g} is rounding). {hint}"
        )
    return merged


def untie(network: Any) -> bool:
    """Give each layer under an adapter its own tensor if another layer shares it; return whether one was shared.

    In training the adapter changed only its own layer. Merged into a shared tensor, it would change the other layer
    too: most small models share one tensor between input and output embeddings (docs/decisions.md, 2026-11-26).
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
            # Other tied tensors are loaded from the input embeddings; once those are untied, each must be saved.
            changed = others if layer is network.get_input_embeddings() else {base: users[id(parameter)][base]}
            for module, name in changed.items():
                setattr(module, name, torch.nn.Parameter(parameter.detach().clone(), requires_grad=False))
            untied = True
    return untied


def _record_untied(config: Any) -> None:
    """Record in the config that the embeddings are two tensors, unless that would be read back as something else.

    T5 ties them whatever its config says (transformers still loads two tensors if the folder has two), and takes
    the field for whether to scale its output.
    """
    config.tie_word_embeddings = False
    config.tie_word_embeddings = bool(type(config).from_dict(config.to_dict()).tie_word_embeddings)
