"""Which parameters the optimizer changes, which of them decay, and how fast each learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def parameter_groups(
    network: torch.nn.Module, weight_decay: float, rate: Callable[[str], float] | None = None
) -> list[dict[str, Any]]:
    """Trainable parameters in groups of one rate: matrices, which decay, and vectors (biases, norms), which do not.

    Decaying gains and biases pulls normalised activations off their scale and buys no regularisation; BERT's own
    training leaves them out too (arXiv:1810.04805, released code).

    Args:
        network: The network; tied parameters count once, frozen ones not at all.
        weight_decay: Decay of the matrices.
        rate: Learning rate by a parameter's name; None leaves it to the optimizer.
    """
    groups: dict[tuple[float, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            decays, lr = parameter.ndim >= 2, 0.0 if rate is None else rate(name)
            start: dict[str, Any] = {"params": [], "weight_decay": weight_decay if decays else 0.0}
            group = groups.setdefault((lr, decays), start if rate is None else start | {"lr": lr})
            group["params"].append(parameter)
    return [groups[key] for key in sorted(groups, reverse=True)]


def rates(
    depth: Callable[[str], int], top: int, *, lr: float, layer_decay: float, head_lr: float | None
) -> Callable[[str], float]:
    """Learning rates by depth: `lr` in the last layer, `layer_decay` of the next layer's in every one below.

    (arXiv:1801.06146, discriminative fine-tuning.)

    Args:
        depth: From a parameter's name to its depth: 0 for embeddings, `top` for the head.
        top: The head's depth.
        lr: Rate of the last layer.
        layer_decay: Factor from layer to layer, downwards.
        head_lr: Rate of the head; None is `lr`.
    """

    def rate(name: str) -> float:
        if depth(name) == top:
            return lr if head_lr is None else head_lr
        return lr * layer_decay ** (top - 1 - depth(name))

    return rate
