"""Small line charts as SVG: an axis of numbers on a logarithmic scale below, a plain one at the side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 24, 48
FONT = "system-ui, sans-serif"


@dataclass(frozen=True)
class Series:
    """Points that are drawn together."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    drawn: Literal["line", "dots", "band"] = "line"
    colour: str = "#2b6cb0"
    upper: Sequence[float] = ()
    """Of a band: its upper edge; `y` is the lower."""


def svg_chart(series: Sequence[Series], x: str, y: str, mark: tuple[float, str] | None = None) -> str:
    """Draw series over a logarithmic axis.

    Args:
        series: What is drawn, in this order; `x` above 0.
        x: Title of the lower axis.
        y: Title of the other axis.
        mark: A place on the lower axis to mark, with its name.
    """
    xs = [value for item in series for value in item.x]
    ys = [value for item in series for value in (*item.y, *item.upper)]
    low, high = min(ys), max(ys)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    axes = _Axes(math.log10(min(xs)), math.log10(max(xs)), low - margin, high + margin)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONT}" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *axes.grid(),
        *(part for item in series for part in _drawn(item, axes)),
        *_legend(series),
        _text(WIDTH / 2, HEIGHT - 8, x),
        f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y)}</text>',
    ]
    if mark is not None:
        at = axes.across(mark[0])
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#c05621" stroke-dasharray="4 3"/>')
        parts.append(_text(at, TOP - 8, mark[1]))
    return "\n".join([*parts, "</svg>\n"])


@dataclass(frozen=True)
class _Axes:
    first: float
    last: float
    low: float
    high: float

    def across(self, value: float) -> float:
        width = (self.last - self.first) or 1.0
        return LEFT + (math.log10(value) - self.first) / width * (WIDTH - LEFT - RIGHT)

    def up(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def grid(self) -> list[str]:
        decades = range(math.floor(self.first), math.ceil(self.last) + 1)
        digits = (1,) if self.last - self.first > 3 else (1, 2, 5)
        ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
        shown = [tick for tick in ticks if self.first - 1e-9 <= math.log10(tick) <= self.last + 1e-9]
        parts = [_text(self.across(tick), HEIGHT - BOTTOM + 16, f"{tick:g}") for tick in shown]
        for part in range(5):
            value = self.low + (self.high - self.low) * part / 4
            at = self.up(value)
            parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#e9edf1"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:.3g}</text>')
        return parts


def _drawn(item: Series, axes: _Axes) -> list[str]:
    points = [(axes.across(x), axes.up(y)) for x, y in zip(item.x, item.y, strict=True)]
    if item.drawn == "dots":
        return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{item.colour}"/>' for x, y in points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    if item.drawn == "line":
        return [f'<path d="{path}" fill="none" stroke="{item.colour}" stroke-width="2"/>']
    back = [(axes.across(x), axes.up(y)) for x, y in zip(item.x, item.upper, strict=True)][::-1]
    return [f'<path d="{path}L{"L".join(f"{x:.1f} {y:.1f}" for x, y in back)}Z" fill="{item.colour}" opacity="0.2"/>']


def _legend(series: Sequence[Series]) -> list[str]:
    named = [item for item in series if item.name]
    parts = []
    for row, item in enumerate(named):
        y = TOP + 14 + 16 * row
        faint = ' opacity="0.2"' if item.drawn == "band" else ""
        parts.append(f'<rect x="{LEFT + 10}" y="{y - 8}" width="10" height="8" fill="{item.colour}"{faint}/>')
        parts.append(f'<text x="{LEFT + 26}" y="{y}">{escape(item.name)}</text>')
    return parts


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'
