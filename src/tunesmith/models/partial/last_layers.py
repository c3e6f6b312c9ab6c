"""Trains the last layers and the head."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.errors import ConfigError, Problem
from tunesmith.models.method import NetworkWeights, PartialMethod


class LastLayers(PartialMethod):
    """Trains the last layers.

    Args:
        layers: Number of layers to train, counted from the head.
    """

    def __init__(self, layers: int) -> None:
        self.layers = layers

    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """Return the parameters of these layers.

        Raises:
            ConfigError: The network has fewer layers.
        """
        most = len(weights.layers)
        if self.layers > most:
            rule = f"the model has {most} layers"
            raise ConfigError([Problem("method.layers", rule, str(self.layers), f"At most method.layers={most}")])
        return [name for layer in weights.layers[most - self.layers :] for name in layer]
