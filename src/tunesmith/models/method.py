"""Base class of methods that train part of a network's own weights."""

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
    """A network's parameters by name, grouped by embeddings, layers and head."""

    network: Any
    """The transformers network; before a run, a skeleton on the meta device, without values."""
    parts: Anatomy
    """Its embeddings, layers and head as modules."""
    parameters: Mapping[str, torch.nn.Parameter]
    """Every parameter, in the network's order; tied ones once."""

    @property
    def architecture(self) -> str:
        """The architecture's name in transformers, e.g. `bert`."""
        return str(self.network.config.model_type)

    @cached_property
    def depths(self) -> Mapping[str, int]:
        """Distance of each parameter from the input: 0 for embeddings, its layer's number from 1, then the head."""
        return {name: self.parts.depth(name) for name in self.parameters}

    @cached_property
    def head(self) -> tuple[str, ...]:
        """Parameters of the head; none if the output layer shares its weights with the embeddings."""
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
    """Return the parameters of a transformers network."""
    return NetworkWeights(network, anatomy(network), dict(network.named_parameters()))


class PartialMethod(ABC):
    """A way to train some of a network's own weights; a config names it in `method._target_`.

    Keys beside `_target_` are the constructor's keyword arguments. Both methods must return the same for the same
    weights and step, whatever was called before: a resumed run calls them again.
    """

    @abstractmethod
    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """Return the names of the parameters trained during the run; all others stay bit-identical.

        The head is trained whether it is named or not. For the head alone, return `weights.head`: an empty collection
        is treated as a mistake.

        Args:
            weights: The network's parameters.

        Raises:
            ConfigError: The method does not fit the network.
        """

    def trained_at(self, weights: NetworkWeights, step: int, num_steps: int) -> Collection[str]:
        """Return those of the names that are trained in one optimizer step; by default all of them.

        Args:
            weights: The network's parameters.
            step: Optimizer steps completed so far, from 0.
            num_steps: Optimizer steps of the whole run.
        """
        return self.trained(weights)

    @property
    def is_scheduled(self) -> bool:
        """Whether the trained parameters differ between steps."""
        return type(self).trained_at is not PartialMethod.trained_at
