"""The words in which a field of the schema says what its key can change, and whether a search may vary it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Effect:
    """What a key can change; a key that does not say is taken to change the result."""

    on: Literal["result", "speed", "files"]
    """`speed`: how fast the same result is there (what is measured may differ in its last digits); `files`: where
    files lie, and what people and trackers call the run."""


SPEED: Final = Effect("speed")
FILES: Final = Effect("files")


@dataclass(frozen=True)
class Later:
    """A key that configs saved before it do not have: with its default it is no part of a run's identity.

    So an older run is still known, is resumed and repeated, and its cousins of today have its fingerprint.
    """


LATER: Final = Later()


@dataclass(frozen=True)
class Fixed:
    """A key that a search may not vary."""

    reason: str
    """Why, or what to do instead."""
