"""Trains every weight."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.models.method import NetworkWeights, PartialMethod


class Full(PartialMethod):
    """Trains every weight, except tables that the architecture computes (sinusoidal positions)."""

    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """Return all parameters that the architecture marks as trainable."""
        return [name for name, parameter in weights.parameters.items() if parameter.requires_grad]
