"""A configurable head on a bare backbone: pooled hidden states through linear layers."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoModel, AutoModelForTextEncoding, PretrainedConfig
from transformers.modeling_outputs import SequenceClassifierOutput

from tunesmith.config.families import EXAMPLES
from tunesmith.config.schema import Head
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.families import family_of
from tunesmith.models.head_start import HeadStart, Start, TrainedHead, head_start, no_head, other_head
from tunesmith.models.transformers_inside import has_class_for

FILE = "head.safetensors"


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Pool hidden states to one vector per text, shape (rows, width); padding on either side has no effect.

    Args:
        hidden: Hidden states, shape (rows, tokens, width).
        mask: 1 for tokens and 0 for padding, shape (rows, tokens).
        pooling: `mean` of all tokens, the `last` token, or `cls`, the first.
    """
    if pooling == "mean":
        weights = mask.unsqueeze(-1).to(hidden.dtype)  # (rows, tokens, 1)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
    positions = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    if pooling == "last":
        chosen = positions.masked_fill(mask == 0, -1).argmax(dim=1)
    else:
        chosen = positions.masked_fill(mask == 0, mask.shape[1]).argmin(dim=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), chosen]


class PooledNetwork(torch.nn.Module):
    """A transformers backbone with a pooled head; called and saved like a transformers network.

    Args:
        backbone: The network that computes hidden states.
        head: The head's config.
        dropout: Dropout probability before each of the head's layers.
    """

    base_model_prefix = "backbone"

    def __init__(self, backbone: Any, head: Head, dropout: float = 0.1) -> None:
        super().__init__()
        assert head.pooling is not None
        self.backbone = backbone
        self.config = backbone.config
        self.pooling = head.pooling
        widths = [backbone.config.hidden_size, *head.hidden, backbone.config.num_labels]
        layers: OrderedDict[str, torch.nn.Module] = OrderedDict()
        for number, (width, following) in enumerate(itertools.pairwise(widths)):
            layers[f"dropout_{number}"] = torch.nn.Dropout(dropout)
            layers[f"linear_{number}"] = torch.nn.Linear(width, following)
            if number < len(head.hidden):
                layers[f"activation_{number}"] = torch.nn.GELU()
        self.head = torch.nn.Sequential(layers)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **inputs: Any) -> SequenceClassifierOutput:
        """Logits of a batch, shape (rows, labels)."""
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **inputs).last_hidden_state
        return SequenceClassifierOutput(logits=self.head(pool(hidden, attention_mask, self.pooling)))

    def get_input_embeddings(self) -> Any:
        """Return the backbone's token embeddings."""
        return self.backbone.get_input_embeddings()

    def gradient_checkpointing_enable(self, **arguments: Any) -> None:
        """Let the backbone recompute activations in the backward pass."""
        self.backbone.gradient_checkpointing_enable(**arguments)

    def save_pretrained(self, folder: str | Path, **_: Any) -> None:
        """Save the backbone, which plain transformers can load, and the head beside it; no code is saved."""
        self.backbone.save_pretrained(folder)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.head.state_dict().items()}
        labels = [self.config.id2label[i] for i in range(self.config.num_labels)]
        save_file(tensors, Path(folder) / FILE, {"pooling": self.pooling, "labels": json.dumps(labels)})


def backbone_class(config: PretrainedConfig) -> Any:
    """Return the class that loads an architecture without a head; for an encoder-decoder, its encoder alone.

    Raises:
        ConfigError: transformers cannot load this architecture's encoder on its own.
    """
    if has_class_for(AutoModelForTextEncoding, config):  # first: a saved T5 encoder is not a seq2seq model
        return AutoModelForTextEncoding
    if family_of(config) == "seq2seq":
        rule = f"transformers cannot load the encoder of {config.model_type} on its own"
        raise ConfigError([Problem("model.head.pooling", rule, None, f"Use {EXAMPLES['seq2seq']}, or set it to null")])
    return AutoModel


def restore_head(network: PooledNetwork, folder: Path, own: TrainedHead, task: str, requested: Start) -> HeadStart:
    """Load the head saved beside the backbone, if it has the same pooling and hidden layers.

    Args:
        network: The network, with a head initialised from the seed.
        folder: The backbone's folder.
        own: The head as the folder's config describes it.
        task: The run's task.
        requested: `model.head.start`.

    Returns:
        The initial values of its outputs.

    Raises:
        ConfigError: `model.head.start` is `keep`, but no output can be kept.
    """
    labels = [network.config.id2label[i] for i in range(network.config.num_labels)]
    tensors, drawn = dict(network.head.state_dict()), list(network.head.state_dict())
    if not (folder / FILE).is_file():
        return no_head(labels, [f"head.{name}" for name in drawn], requested)
    with safe_open(folder / FILE, framework="pt") as saved:
        about = saved.metadata() or {}
        kept = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118 (not a mapping)
    outputs = drawn[-2:]  # weight and bias of the last layer
    same_layers = kept.keys() == tensors.keys() and all(
        kept[name].shape[-1] == tensors[name].shape[-1] for name in drawn if name not in outputs[1:]
    )
    own = dataclasses.replace(own, labels=tuple(json.loads(about.get("labels", "[]"))))
    if not same_layers or about.get("pooling") != network.pooling:
        return other_head(own.labels, labels, requested)
    start = head_start(own, labels, task, requested)
    for name in outputs:
        rows = [tensors[name][place] if row is None else kept[name][row] for place, row in enumerate(start.rows)]
        kept[name] = torch.stack(rows)
    network.head.load_state_dict(kept)
    return start
