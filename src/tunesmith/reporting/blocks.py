"""What a report is made of, before it is written as a page or as Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tunesmith.reporting.drawing.canvas import Drawing
from tunesmith.reporting.formatting import number_text


@dataclass(frozen=True)
class Listing:
    """A table; a page lets the reader sort it."""

    kind: ClassVar[str] = "listing"
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    """Texts, numbers, or None for nothing."""
    note: str = ""
    marked: Collection[int] = ()
    """Rows that stand out, by their position."""
    filtered: bool = False
    """Whether a page has a field that keeps the rows with a text."""

    def is_number(self, column: int) -> bool:
        """Whether a column holds numbers."""
        values = [row[column] for row in self.rows if row[column] is not None]
        return bool(values) and all(isinstance(value, int | float) for value in values)


@dataclass(frozen=True)
class Picture:
    """A figure with what it shows, for those who cannot see it."""

    title: str
    drawing: Drawing
    values: Listing | None = None
    """Its numbers, for Markdown."""


@dataclass(frozen=True)
class Gallery:
    """Pictures, side by side if there is room."""

    kind: ClassVar[str] = "gallery"
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Aside:
    """A sentence that must not be missed."""

    kind: ClassVar[str] = "aside"
    text: str
    calm: bool = False
    """Whether it is information rather than a warning."""


@dataclass(frozen=True)
class Sentence:
    """A sentence."""

    kind: ClassVar[str] = "sentence"
    text: str


@dataclass(frozen=True)
class Verbatim:
    """Commands or a file's content, as typed."""

    kind: ClassVar[str] = "verbatim"
    text: str


Block = Listing | Gallery | Aside | Sentence | Verbatim


@dataclass(frozen=True)
class Chapter:
    """A heading and what stands below it."""

    id: str
    title: str
    blocks: Sequence[Block]
    folded: bool = False
    """Whether a page opens it only on a click."""


@dataclass(frozen=True)
class Document:
    """A report on a run or a comparison."""

    title: str
    status: str
    facts: Sequence[str]
    tiles: Sequence[tuple[str, str]]
    """The most important numbers, each with what it is."""
    chapters: Sequence[Chapter]
    footer: str = ""


def cell_text(value: Any) -> str:
    """Format the value of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return number_text(value) if isinstance(value, float) else str(value)
