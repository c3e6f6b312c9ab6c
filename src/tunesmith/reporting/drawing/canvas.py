"""Shapes on a canvas; lengths are points, from the top left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tunesmith.reporting.palette import INK

Place = tuple[float, float]


@dataclass(frozen=True)
class Stroke:
    """A line through points."""

    points: Sequence[Place]
    color: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    color: str
    title: str = ""
    """What a page shows beside the pointer."""


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    color: str
    title: str = ""


@dataclass(frozen=True)
class Lettering:
    """A line of text; `y` is its base line."""

    x: float
    y: float
    text: str
    size: float = 11.0
    color: str = INK
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Stroke | Dot | Box | Lettering


@dataclass
class Drawing:
    """Shapes in the order in which they are drawn."""

    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Draw shapes above those that are there."""
        self.shapes += shapes
