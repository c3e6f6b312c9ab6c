"""Marks for fields of the schema: what a key can change, and whether a search may vary it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Effect:
    """What a key can change; a key without this mark can change the result."""

    on: Literal["result", "speed", "files"]
    """`speed`: how fast a run is (metrics may differ in their last digits); `files`: where files are, and the run's
    name in messages and trackers."""


SPEED: Final = Effect("speed")
FILES: Final = Effect("files")


@dataclass(frozen=True)
class Later:
    """A key that older saved configs do not have: with its default value, it is not part of a run's identity.

    Older runs can thus be recognised, resumed and repeated, and the same run today has the same fingerprint.
    """


LATER: Final = Later()


@dataclass(frozen=True)
class Fixed:
    """A key that a search may not vary."""

    reason: str
    """Why, or what to do instead."""
