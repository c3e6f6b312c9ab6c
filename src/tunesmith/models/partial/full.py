"""Every weight is trained."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.models.method import NetworkWeights, PartialMethod


class Full(PartialMethod):
    """Trains every weight, except tables that the architecture itself computes (positions as sines)."""

    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """All parameters that are made to be trained."""
        return [name for name, parameter in weights.parameters.items() if parameter.requires_grad]
