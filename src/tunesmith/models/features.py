"""What a network's backbone makes of texts: the mean of its last hidden states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tunesmith.models.heads import PooledNetwork, pool


def backbone_of(network: Any) -> Any:
    """The part of a network of transformers, peft or Tunesmith that computes hidden states: no head, one encoder."""
    inner = network.get_base_model() if hasattr(network, "get_base_model") else network
    backbone = inner.backbone if isinstance(inner, PooledNetwork) else inner.base_model
    return backbone.get_encoder() if backbone.config.is_encoder_decoder else backbone


def mean_states(
    network: Any, batch_of: Callable[[npt.NDArray[np.int64]], Any], rows: npt.NDArray[np.int64], size: int
) -> npt.NDArray[np.float64]:
    """Return the mean hidden state of each row, shape (rows, width); the network's mode is restored.

    Args:
        network: The network.
        batch_of: Returns a padded batch of samples at some positions.
        rows: Positions of the samples.
        size: Samples per forward.
    """
    backbone, training = backbone_of(network), network.training
    device = next(backbone.parameters()).device
    network.eval()
    parts = []
    try:
        with torch.inference_mode():
            for start in range(0, len(rows), size):
                batch = batch_of(rows[start : start + size])
                mask = batch["attention_mask"].to(device)
                hidden = backbone(input_ids=batch["input_ids"].to(device), attention_mask=mask).last_hidden_state
                parts.append(pool(hidden.float(), mask, "mean").cpu().double().numpy())
    finally:
        network.train(training)
    return np.concatenate(parts)
