"""Which of a network's own parameters are trained, for the methods that train a part of it."""

from __future__ import annotations

import re
from typing import Any

import pytorch_lightning as pl
import torch

from tunesmith.config.schema import Method
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.anatomy import Anatomy, anatomy


def freeze(network: Any, method: Method) -> None:
    """Switch off the gradients of what the method does not train; the head is always trained.

    Args:
        network: A network of transformers; a skeleton on the meta device will do for a check.
        method: The method config.

    Raises:
        ConfigError: The method does not fit the network: it would train nothing but the head, or freeze nothing.
    """
    parts = anatomy(network)
    trained = {name for name, _ in network.named_parameters() if parts.depth(name) == parts.top}
    if method.name == "head_only":
        _nothing_refused(trained, "method.name", "this model has no head of its own", None, "Use method=last_layers")
    elif method.name == "last_layers":
        trained |= _last_layers(network, parts, method.layers or 0)
    elif method.name == "freeze":
        trained |= _not_matching(network, method.frozen)
        embeddings = next(name for name, part in network.named_modules() if part is network.get_input_embeddings())
        hint = f"Freeze less, e.g. 'method.frozen=[{embeddings}]'"
        _nothing_refused(trained, "method.frozen", "leaves no parameter to train", str(method.frozen), hint)
    elif method.name == "bitfit":
        biases = {name for name, _ in network.named_parameters() if name.endswith("bias")}
        rule = f"{network.config.model_type} has no biases to train"
        layers = {name for name in biases if parts.depth(name) < parts.top}
        _nothing_refused(layers, "method.name", rule, "bitfit", "Use method=lora or method=ia3")
        trained |= biases
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in trained)


def _nothing_refused(names: set[str], where: str, rule: str, received: str | None, hint: str) -> None:
    if not names:
        raise ConfigError([Problem(where, rule, received, hint)])


def _last_layers(network: Any, parts: Anatomy, count: int) -> set[str]:
    if count > len(parts.layers):
        rule = f"the model has {len(parts.layers)} layers"
        raise ConfigError([Problem("method.layers", rule, str(count), f"At most method.layers={len(parts.layers)}")])
    first = parts.top - count
    return {name for name, _ in network.named_parameters() if parts.depth(name) >= first}


def _not_matching(network: Any, patterns: list[str]) -> set[str]:
    """Parameters that no pattern matches; a pattern that matches none is a mistake."""
    names = [name for name, _ in network.named_parameters()]
    for pattern in patterns:
        if not any(re.search(pattern, name) for name in names):
            parts = anatomy(network)
            examples = ", ".join((*parts.embeddings[:1], *parts.layers[:1], *parts.heads[:1]))
            rule = "matches the name of no parameter"
            raise ConfigError([Problem("method.frozen", rule, pattern, f"Parameters are within {examples}, ...")])
    return {name for name in names if not any(re.search(pattern, name) for pattern in patterns)}


class GradualUnfreezing(pl.Callback):
    """Trains the head first, then layer after layer from the top (arXiv:1801.06146), embeddings last.

    A network without a head of its own (a language model whose output shares the embeddings) starts at its last layer.

    What is trained is a function of the step alone, so that a resumed run goes on as it would have. Parameters are
    frozen for forward and backward only: checkpoints and best weights hold them all.

    Args:
        unfrozen_by: Fraction of all optimizer steps after which everything is trained.
    """

    def __init__(self, unfrozen_by: float) -> None:
        self.unfrozen_by = unfrozen_by
        self._frozen: list[torch.nn.Parameter] = []

    def lowest(self, step: int, num_steps: int, top: int) -> int:
        """The depth down to which parameters are trained at a step: `top`, the highest, first, 0 in the end."""
        progress = step / (self.unfrozen_by * num_steps)
        return max(0, top - int(progress * top))

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Freeze what it is too early for."""
        parts = anatomy(pl_module.network)
        placed = [(parts.depth(name), parameter) for name, parameter in pl_module.network.named_parameters()]
        top = max(depth for depth, _ in placed)
        lowest = self.lowest(trainer.global_step, int(trainer.estimated_stepping_batches), top)
        self._frozen = [parameter for depth, parameter in placed if depth < lowest]
        for parameter in self._frozen:
            parameter.requires_grad_(False)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Undo it: without a gradient the optimizer leaves a parameter as it is."""
        for parameter in self._frozen:
            parameter.requires_grad_(True)
