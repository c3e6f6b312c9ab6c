"""What a method is that trains some of a network's own weights: one class, which says which and when."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from tunesmith.models.anatomy import Anatomy, anatomy


@dataclass(frozen=True)
class NetworkWeights:
    """A network's own parameters by name, and the part of the network that each belongs to."""

    network: Any
    """The network of transformers; before a run it is a skeleton on the meta device, without values."""
    parts: Anatomy
    """Its modules."""
    parameters: Mapping[str, torch.nn.Parameter]
    """Every parameter, in the network's order; tied ones once."""

    @property
    def architecture(self) -> str:
        """What transformers calls the architecture, e.g. `bert`."""
        return str(self.network.config.model_type)

    @cached_property
    def depths(self) -> Mapping[str, int]:
        """How far each parameter is from the input: 0 for embeddings, then its layer's number from 1, then the head."""
        return {name: self.parts.depth(name) for name in self.parameters}

    @cached_property
    def head(self) -> tuple[str, ...]:
        """Parameters of the head; none where the output layer shares its weights with the embeddings."""
        return self._at(self.parts.top)

    @cached_property
    def layers(self) -> tuple[tuple[str, ...], ...]:
        """Parameters of each layer, from the input to the head; an encoder-decoder's encoder comes first."""
        return tuple(self._at(depth) for depth in range(1, self.parts.top))

    @cached_property
    def embeddings(self) -> tuple[str, ...]:
        """Parameters below the first layer."""
        return self._at(0)

    def _at(self, depth: int) -> tuple[str, ...]:
        return tuple(name for name, own in self.depths.items() if own == depth)


def weights_of(network: Any) -> NetworkWeights:
    """The parameters of a network of transformers."""
    return NetworkWeights(network, anatomy(network), dict(network.named_parameters()))


class PartialMethod(ABC):
    """A way to train some of a network's own weights; a config names it in `method._target_`.

    Keys beside `_target_` are the constructor's keyword arguments. Both methods have to give the same for the same
    weights and step, whatever was called before: a resumed run asks again.
    """

    @abstractmethod
    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """Names of the parameters that are trained in the course of the run; all others keep their bits.

        The head is trained whether it is named or not. For the head alone, return `weights.head`: no names at all are
        taken for a mistake.

        Args:
            weights: The network's parameters.

        Raises:
            ConfigError: The method does not fit the network.
        """

    def trained_at(self, weights: NetworkWeights, step: int, num_steps: int) -> Collection[str]:
        """Those of the names that change in one optimizer step; by default all of them, in every step.

        Args:
            weights: The network's parameters.
            step: Optimizer steps made so far, from 0.
            num_steps: Optimizer steps of the whole run.
        """
        return self.trained(weights)

    @property
    def is_scheduled(self) -> bool:
        """Whether what is trained differs between steps."""
        return type(self).trained_at is not PartialMethod.trained_at
