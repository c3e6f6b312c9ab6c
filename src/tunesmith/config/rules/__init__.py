"""Contradictions between keys that are each fine by themselves; each module registers the rules of one subject."""

from tunesmith.config.rules import adapter, averages, callbacks, data, evaluation, method, model, task, training  # noqa: F401
from tunesmith.config.rules.registry import contradictions

__all__ = ["contradictions"]
