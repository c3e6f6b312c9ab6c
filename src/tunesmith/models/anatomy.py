"""Finds a network's embeddings, layers and head, whatever the architecture names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

ADAPTED = ("base_model.model.", "base_model.")
"""Prefixes that peft adds to parameter names: for adapters, and for prompt methods."""


@dataclass(frozen=True)
class Anatomy:
    """Dotted module names of a network's embeddings, layers and head."""

    embeddings: tuple[str, ...]
    """Modules outside the layers that embed tokens or positions."""
    layers: tuple[str, ...]
    """In the order of computation; an encoder-decoder's are those of its encoder, then those of its decoder."""
    heads: tuple[str, ...]
    """Modules on top of the backbone, made for this task or for an earlier one."""

    @property
    def top(self) -> int:
        """The depth of the head."""
        return len(self.layers) + 1

    def depth(self, name: str) -> int:
        """Distance of a parameter from the input: 0 for embeddings, its layer's number from 1, `top` for the head.

        A parameter between layers or after the last one (a final norm) counts with the layer before it.
        """
        name = next((name[len(start) :] for start in ADAPTED if name.startswith(start)), name)
        if _within(name, self.heads):
            return self.top
        for number, layer in enumerate(self.layers, 1):
            if _within(name, (layer,)):
                return number
        if _within(name, self.embeddings) or name.startswith("prompt_encoder."):
            return 0
        parent = name
        while parent:
            parent = parent.rpartition(".")[0]
            inside = [number for number, layer in enumerate(self.layers, 1) if _within(layer, (parent,)) or not parent]
            if inside:
                return inside[-1]
        return 0


def anatomy(network: Any) -> Anatomy:
    """Find a network's embeddings, layers and head.

    Layers are the members of the outermost `ModuleList`s in the backbone. The head is everything outside the backbone,
    plus the backbone's pooler, which only a head reads.

    Args:
        network: A transformers network, wrapped by peft or not.
    """
    if hasattr(network, "peft_config"):
        network = network.get_base_model()
    prefix: str = network.base_model_prefix
    backbone = getattr(network, prefix, network)
    inner = f"{prefix}." if backbone is not network else ""
    lists: list[str] = []
    embeddings, heads = [], []
    for name, module in backbone.named_modules():
        full = f"{inner}{name}"
        if isinstance(module, torch.nn.ModuleList) and not _within(full, lists):
            lists.append(full)
        elif isinstance(module, torch.nn.Embedding) or "embed" in name.rpartition(".")[2].lower():
            embeddings.append(full)
        elif name.rpartition(".")[2] == "pooler" and prefix != "backbone":  # `PooledNetwork` does not read it
            heads.append(full)
    layers = [f"{name}.{i}" for name in lists for i in range(len(network.get_submodule(name)))]
    heads += head_modules(network)
    return Anatomy(tuple(name for name in embeddings if not _within(name, lists)), tuple(layers), tuple(heads))


def head_modules(network: Any) -> list[str]:
    """Modules outside the backbone with parameters of their own (an output layer may share the embeddings')."""
    shared = {id(parameter) for parameter in getattr(network, network.base_model_prefix, network).parameters()}
    return [
        name
        for name, module in network.named_children()
        if name != network.base_model_prefix and any(id(parameter) not in shared for parameter in module.parameters())
    ]


def _within(name: str, parents: Sequence[str]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)
