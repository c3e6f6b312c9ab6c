"""Contradictions between keys that are each fine by themselves; each module registers the rules of one subject."""

from tunesmith.config.checking.rules import (  # noqa: F401
    adapter,
    averages,
    callbacks,
    data,
    evaluation,
    method,
    model,
    task,
    training,
)
from tunesmith.config.checking.rules.registry import contradictions

__all__ = ["contradictions"]
