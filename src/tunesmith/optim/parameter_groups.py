"""Which parameters the optimizer changes, and which of them decay."""

from __future__ import annotations

from typing import Any

import torch


def parameter_groups(network: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: matrices, which decay, and vectors (biases, normalisation), which do not.

    Decaying gains and biases pulls normalised activations off their scale and buys no regularisation; BERT's own
    training leaves them out too (arXiv:1810.04805, released code).

    Args:
        network: The network; tied parameters count once, frozen ones not at all.
        weight_decay: Decay of the first group.
    """
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
