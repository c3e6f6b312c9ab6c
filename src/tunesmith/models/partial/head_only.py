"""Trains only the head."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.errors import ConfigError, Problem
from tunesmith.models.method import NetworkWeights, PartialMethod


class HeadOnly(PartialMethod):
    """Trains the head; the backbone stays unchanged."""

    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """Return the parameters of the head.

        Raises:
            ConfigError: The network has no head of its own.
        """
        if not weights.head:
            rule, hint = "this model has no head of its own", "Use method=last_layers"
            raise ConfigError([Problem("method.name", rule, None, hint)])
        return weights.head
