"""Trains the biases and the head."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.errors import ConfigError, Problem
from tunesmith.models.method import NetworkWeights, PartialMethod


class BitFit(PartialMethod):
    """Trains biases (arXiv:2106.10199)."""

    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """Return the biases.

        Raises:
            ConfigError: The layers have none.
        """
        biases = [name for name in weights.parameters if name.endswith("bias")]
        if all(name in weights.head for name in biases):
            rule, hint = f"{weights.architecture} has no biases to train", "Use method=lora or method=ia3"
            raise ConfigError([Problem("method.name", rule, "bitfit", hint)])
        return biases
