"""Measures whether packed texts attend to one another (docs/decisions.md, 2026-11-23: packing)."""

from __future__ import annotations

from typing import Any

import torch

from tunesmith.errors import ConfigError, Problem
from tunesmith.models.transformers_inside import attention_of

TOLERANCE = 1e-3
"""Largest difference between logits, relative to the largest logit, that counts as rounding."""


def check_packing(network: Any) -> None:
    """Compare a text's logits on its own and after another text in the same sample.

    Architectures whose attention stops where positions restart at 0 pass (in transformers, those that build their mask
    from `position_ids`); in others, texts would be trained as continuations of other texts.

    Raises:
        ConfigError: The logits differ, or the network takes no positions.
    """
    first, second = torch.arange(1, 8), torch.arange(3, 9)  # ids that every vocabulary has
    together = torch.cat([first, second])[None].to(network.device)
    positions = torch.cat([torch.arange(len(first)), torch.arange(len(second))])[None].to(network.device)
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            packed = network(input_ids=together, position_ids=positions, use_cache=False).logits[:, len(first) :]
            alone = network(input_ids=together[:, len(first) :], use_cache=False).logits
    except TypeError:
        raise _refused(network, "it takes no position_ids") from None
    finally:
        network.train(training)
    gap = (packed - alone).abs().max() / alone.abs().max().clamp(min=1e-6)
    if not gap < TOLERANCE:
        raise _refused(network, f"the logits of a text differ by {gap.item():.0%} with another text before it")


def _refused(network: Any, reason: str) -> ConfigError:
    kind = f"{network.config.model_type} ({attention_of(network.config)} attention)"
    rule = f"{kind} does not keep packed texts apart: {reason}"
    return ConfigError([Problem("data.packing", rule, "true", "Set data.packing=false")], late=True)
