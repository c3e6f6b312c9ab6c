"""Losses of tokens, from logits that never exist all at once.

The logits of a batch take more memory than the network: 12,000 tokens of a vocabulary of 49,152 are 2.3 GB, and
training keeps several copies. Here a network's body runs once, and what follows it (the head, and whatever its
architecture does to the logits) on a few of the asked tokens at a time, once more in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers.utils import ModelOutput

IGNORED = -100
"""Label of a token without a loss, as in transformers."""
LARGEST = 2**24
"""Logits that exist at a time: 64 MiB in fp32."""


def token_losses(network: Any, inputs: Mapping[str, Any], labels: Tensor) -> Tensor:
    """Compute the cross-entropy of each token that has a label, in nats and fp32; 0 for the others.

    Args:
        network: A decoder or encoder-decoder of transformers with its language-modeling head, maybe in an adapter.
        inputs: Its arguments for a batch.
        labels: For each of the last positions the token that it predicts, shape (samples, tokens).

    Returns:
        The losses, shape (samples, tokens).
    """
    model = network.get_base_model() if hasattr(network, "get_base_model") else network
    body = model.get_decoder()
    output = _body_output(network, body, inputs)
    states = output.last_hidden_state[:, -labels.shape[1] :]  # a trained prompt's own positions come first
    asked = labels != IGNORED
    states, wanted = states[asked], labels[asked]

    def of_part(states: Tensor, wanted: Tensor) -> Tensor:
        logits = _logits(model, body, type(output)(last_hidden_state=states[None]))[0]
        return cross_entropy(logits.float(), wanted, reduction="none")

    size = max(1, LARGEST // model.config.get_text_config(decoder=True).vocab_size)
    parts = zip(torch.split(states, size), torch.split(wanted, size), strict=True)
    learns = torch.is_grad_enabled()
    losses = [checkpoint(of_part, *part, use_reentrant=False) if learns else of_part(*part) for part in parts]
    return torch.zeros(labels.shape, device=labels.device).masked_scatter(asked, torch.cat(losses))


def _body_output(network: Any, body: torch.nn.Module, inputs: Mapping[str, Any]) -> Any:
    """Run the network, its head on one position alone; return what its body hands to the head."""
    kept: list[Any] = []

    def cut(_: Any, __: Any, output: ModelOutput) -> ModelOutput:
        kept.append(output)
        return type(output)(**{**output, "last_hidden_state": output.last_hidden_state[:, :1]})

    with body.register_forward_hook(cut):
        network(**inputs)
    return kept[0]


def _logits(model: Any, body: torch.nn.Module, output: Any) -> Tensor:
    """Run what the model does behind its body."""
    states = output.last_hidden_state
    tokens = torch.zeros(states.shape[:2], dtype=torch.long, device=states.device)
    with _stands_for(body, output):
        if model.config.is_encoder_decoder:
            logits: Tensor = model(encoder_outputs=(states,), decoder_input_ids=tokens, use_cache=False).logits
        else:
            logits = model(input_ids=tokens, use_cache=False).logits
    return logits


@contextmanager
def _stands_for(body: torch.nn.Module, output: Any) -> Iterator[None]:
    """Let an output stand for what the body would compute."""
    body.forward = lambda *_, **__: output
    try:
        yield
    finally:
        del body.forward
