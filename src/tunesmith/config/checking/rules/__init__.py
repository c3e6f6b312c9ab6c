"""Contradictions between keys whose values are each valid; each module registers the rules for one subject."""

from tunesmith.config.checking.rules import (  # noqa: F401
    adapter,
    averages,
    callbacks,
    data,
    evaluation,
    forms,
    method,
    model,
    task,
    training,
)
from tunesmith.config.checking.rules.registry import contradictions

__all__ = ["contradictions"]
