"""The last layers and the head are trained."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.errors import ConfigError, Problem
from tunesmith.models.method import NetworkWeights, PartialMethod


class LastLayers(PartialMethod):
    """Trains the last layers.

    Args:
        layers: How many, counted from the head.
    """

    def __init__(self, layers: int) -> None:
        self.layers = layers

    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """The parameters of these layers.

        Raises:
            ConfigError: The network has fewer.
        """
        most = len(weights.layers)
        if self.layers > most:
            rule = f"the model has {most} layers"
            raise ConfigError([Problem("method.layers", rule, str(self.layers), f"At most method.layers={most}")])
        return [name for layer in weights.layers[most - self.layers :] for name in layer]
