"""Trains everything except the parameters named."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from tunesmith.errors import ConfigError, Problem
from tunesmith.models.method import NetworkWeights, PartialMethod


class Freeze(PartialMethod):
    """Trains the parameters that no pattern matches.

    Args:
        frozen: Regular expressions; a parameter is frozen if one of them matches anywhere in its name.
    """

    def __init__(self, frozen: Sequence[str]) -> None:
        self.frozen = list(frozen)

    def trained(self, weights: NetworkWeights) -> Collection[str]:
        """Return the parameters that no pattern matches.

        Raises:
            ConfigError: A pattern matches no parameter, or the patterns match all of them.
        """
        for pattern in self.frozen:
            if not any(re.search(pattern, name) for name in weights.parameters):
                raise ConfigError([_matches_none(pattern, weights)])
        names = [name for name in weights.parameters if not any(re.search(pattern, name) for pattern in self.frozen)]
        if not names and not weights.head:
            raise ConfigError([self._leaves_none(weights)])
        return names or weights.head

    def _leaves_none(self, weights: NetworkWeights) -> Problem:
        network = weights.network
        embeddings = next(name for name, part in network.named_modules() if part is network.get_input_embeddings())
        hint = f"Freeze less, e.g. 'method.frozen=[{embeddings}]'"
        return Problem("method.frozen", "leaves no parameter to train", str(self.frozen), hint)


def _matches_none(pattern: str, weights: NetworkWeights) -> Problem:
    parts = weights.parts
    examples = ", ".join((*parts.embeddings[:1], *parts.layers[:1], *parts.heads[:1]))
    rule, hint = "matches no parameter's name", f"Parameters are within {examples}, ..."
    return Problem("method.frozen", rule, pattern, hint)
