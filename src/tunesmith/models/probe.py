"""Compares two networks by their logits on a few random texts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ROWS, TOKENS = 4, 12


def probe(network: Any) -> Tensor:
    """Return a network's logits on a few fixed random rows of tokens, fp32, on the CPU.

    Args:
        network: A network of transformers, peft or Tunesmith, with any head; its training mode is restored.
    """
    config, device = network.config, next(network.parameters()).device
    eos = getattr(config, "eos_token_id", None)
    ends = eos if isinstance(eos, list) else [eos]
    special = {getattr(config, "pad_token_id", None), getattr(config, "bos_token_id", None), *ends}
    words = torch.tensor([i for i in range(config.vocab_size) if i not in special])
    drawn = torch.randint(len(words), (ROWS, TOKENS), generator=torch.Generator().manual_seed(0))
    ids = words[drawn]
    if ends[0] is not None and ends[0] < config.vocab_size:  # T5's classifier reads the end-of-text token
        ids[:, -1] = ends[0]
    inputs = {"input_ids": ids.to(device), "attention_mask": torch.ones_like(ids).to(device)}
    if config.is_encoder_decoder and hasattr(network, "prepare_decoder_input_ids_from_labels"):
        inputs["decoder_input_ids"] = inputs["input_ids"]
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            answers: Tensor = network(**inputs).logits
    finally:
        network.train(training)
    return answers.float().cpu()


def difference(measured: Tensor, expected: Tensor) -> float:
    """Return the largest difference between logits, relative to the largest expected one, or to 1 if that is less."""
    if measured.shape != expected.shape:
        return float("inf")
    gap = (measured - expected).abs().max() / expected.abs().max().clamp(min=1)
    return float(gap.nan_to_num(nan=torch.inf))
