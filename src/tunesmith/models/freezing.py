"""Freezes the parameters that a method does not train: for the whole run, and step by step."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable
from typing import Any

import pytorch_lightning as pl
import torch

from tunesmith.errors import ConfigError, Problem, TunesmithError
from tunesmith.models.method import NetworkWeights, PartialMethod, weights_of
from tunesmith.suggest import nearest

MOST_SHOWN = 3
"""Maximum names listed in a message."""


def freeze(network: Any, method: PartialMethod) -> None:
    """Freeze the parameters that the method does not train; the head is always trained.

    Args:
        network: A transformers network; for a check, a skeleton on the meta device is enough.
        method: Decides which parameters are trained.

    Raises:
        ConfigError: The method does not fit the network, names unknown parameters, or names none.
    """
    names = trained_names(weights_of(network), method)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in names)


def trained_names(weights: NetworkWeights, method: PartialMethod) -> set[str]:
    """Return the parameters that a method trains, including the head.

    Raises:
        ConfigError: The method does not fit the network, names unknown parameters, or names none.
    """
    names = _answer(method, "trained", lambda: method.trained(weights), weights.parameters)
    if not names:
        hint = "Return the names to train; for the head alone, weights.head"
        raise ConfigError([Problem("method._target_", f"{_of(method, 'trained')} names no parameter", "[]", hint)])
    return names | set(weights.head)


def names_at(weights: NetworkWeights, method: PartialMethod, step: int, num_steps: int) -> set[str]:
    """Return the parameters that a method trains in one step, including the head.

    Args:
        weights: The network's parameters.
        method: Decides which parameters are trained.
        step: Optimizer steps made so far.
        num_steps: Optimizer steps of the whole run.

    Raises:
        ConfigError: The method names parameters outside those of `trained`, or none.
    """
    known = [name for name, parameter in weights.parameters.items() if parameter.requires_grad]
    names = _answer(method, "trained_at", lambda: method.trained_at(weights, step, num_steps), known)
    names |= set(weights.head)
    if not names:
        rule = f"{_of(method, 'trained_at')} names no parameter, and the network has no head to train"
        raise ConfigError([Problem("method._target_", rule, f"[] at step {step} of {num_steps}")])
    return names


def check_schedule(network: Any, method: PartialMethod, num_steps: int, most: int) -> None:
    """Check a method's answers for the first steps of a run and for the last one.

    Args:
        network: The network as `freeze` left it.
        method: Decides which parameters are trained.
        num_steps: Optimizer steps of the whole run.
        most: Number of first steps to check.

    Raises:
        ConfigError: See `names_at`.
    """
    if method.is_scheduled:
        weights = weights_of(network)
        for step in (*range(min(num_steps, most)), max(num_steps - 1, 0)):
            names_at(weights, method, step, num_steps)


def _answer(method: PartialMethod, called: str, ask: Callable[[], Collection[str]], known: Collection[str]) -> set[str]:
    """Call a method and check that it returns names of parameters."""
    try:
        names = ask()
    except TunesmithError:
        raise
    except Exception as error:  # a user's own code can raise anything
        raise ConfigError([_raised(method, called, error)]) from error
    if isinstance(names, str) or not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        rule = f"{_of(method, called)} must return names of parameters"
        raise ConfigError([Problem("method._target_", rule, repr(names)[:100], "E.g. weights.head")])
    strange = sorted(set(names) - set(known))
    if strange:
        rule = f"{_of(method, called)} returns names that are not trainable parameters"
        raise ConfigError([Problem("method._target_", rule, _listed(strange), _instead(strange[0], known))])
    return set(names)


def _raised(method: PartialMethod, called: str, error: Exception) -> Problem:
    place = traceback.extract_tb(error.__traceback__)[-1]
    message = next((line for line in str(error).splitlines() if line.strip()), "")
    rule = f"{_of(method, called)} raises {type(error).__name__}: {message}"
    return Problem("method._target_", rule, None, f"See line {place.lineno} of {place.filename}")


def _instead(name: str, known: Collection[str]) -> str:
    close = nearest(name, known)
    return f"Did you mean {close}?" if close else f"They are {_listed(sorted(known))}"


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:MOST_SHOWN])
    return shown if len(names) <= MOST_SHOWN else f"{shown}, ... ({len(names)})"


def _of(method: PartialMethod, called: str) -> str:
    return f"{type(method).__name__}.{called}"


class Unfreezing(pl.Callback):
    """Freezes, in each step, the parameters that the method does not train then.

    What is trained depends on the step alone, so a resumed run continues unchanged. Parameters are frozen for forward
    and backward only: checkpoints and best weights hold them all (docs/decisions.md, 2026-11-23: gradual unfreezing).

    Args:
        method: Decides which parameters are trained at which step.
    """

    def __init__(self, method: PartialMethod) -> None:
        self.method = method
        self._frozen: list[torch.nn.Parameter] = []

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Freeze the parameters that this step does not train."""
        self._restore()  # left frozen if the last step had no backward pass
        weights = weights_of(pl_module.network)
        names = names_at(weights, self.method, trainer.global_step, int(trainer.estimated_stepping_batches))
        parameters = weights.parameters.items()
        self._frozen = [item for name, item in parameters if item.requires_grad and name not in names]
        for parameter in self._frozen:
            parameter.requires_grad_(False)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Unfreeze them: without a gradient, the optimizer does not change a parameter."""
        self._restore()

    def _restore(self) -> None:
        for parameter in self._frozen:
            parameter.requires_grad_(True)
