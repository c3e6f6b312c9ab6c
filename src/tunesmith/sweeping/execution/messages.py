"""Messages from a trial to its sweep: plain mappings, which a pipe, a socket or a file can carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypedDict


class Started(TypedDict):
    """Training has started."""

    kind: Literal["started"]
    step: int
    """Optimizer steps completed so far."""
    full_steps: int
    """Optimizer steps of a full run."""
    rungs: list[int]
    """The steps at which the trial will be judged."""


class CurvePoint(TypedDict):
    """A validation has produced a value of the first objective."""

    kind: Literal["point"]
    step: int
    value: float | None
    """None if it is not finite."""


class AtRung(TypedDict):
    """A rung has been reached; the trial waits for `continue`, `pause` or `stop`."""

    kind: Literal["rung"]
    rung: int
    step: int
    value: float | None
    """None if it is not finite."""


class Ending(TypedDict):
    """The trial is about to end, with its reason."""

    kind: Literal["failed", "pruned"]
    reason: str


Message = Started | CurvePoint | AtRung | Ending
Tell = Callable[[Message], str | None]
"""Sends a message to the sweep; returns the answer to one of kind `rung`, otherwise None."""
