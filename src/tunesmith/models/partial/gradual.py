"""Unfreezes layers one after the other, from the top (docs/decisions.md, 2026-11-23: gradual unfreezing)."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.models.method import NetworkWeights
from tunesmith.models.partial.full import Full


class Gradual(Full):
    """Trains the head first, then layer after layer from the top (arXiv:1801.06146), embeddings last.

    A network without a head of its own (a language model whose output shares the embeddings) starts at its last layer.

    Args:
        unfrozen_by: Fraction of all optimizer steps after which every layer is trained.
    """

    def __init__(self, unfrozen_by: float) -> None:
        self.unfrozen_by = unfrozen_by

    def lowest(self, step: int, num_steps: int, top: int) -> int:
        """Return the lowest depth trained at a step: `top` at first, 0 at the end."""
        progress = step / (self.unfrozen_by * num_steps)
        return max(0, top - int(progress * top))

    def trained_at(self, weights: NetworkWeights, step: int, num_steps: int) -> Collection[str]:
        """Return the parameters unfrozen by a step."""
        lowest = self.lowest(step, num_steps, max(weights.depths.values()))
        return [name for name in self.trained(weights) if weights.depths[name] >= lowest]
