"""Charts: values with intervals, curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.reporting.drawing.canvas import Dot, Drawing, Lettering, Place, Stroke
from tunesmith.reporting.palette import BLUE, FAINT, GRID, INK, QUIET

WIDTH = 380.0
ROW = 34.0
"""Height of a value with its name above."""
VALUE = 150.0
"""Width of a value with its interval, which stands beside a name."""
CHARACTER = 6.1
"""Mean width of a character of a name."""


@dataclass(frozen=True)
class Mark:
    """A value in a chart of values."""

    name: str
    value: float
    low: float | None = None
    """Lower end of its interval, if there is one."""
    high: float | None = None
    accent: bool = False


@dataclass(frozen=True)
class Curve:
    """A line in a chart of curves."""

    name: str
    points: Sequence[Place]
    """Step and finite value."""
    color: str = BLUE


def value_chart(marks: Sequence[Mark], width: float = WIDTH) -> Drawing:
    """Draw values below each other on one axis, each with its name and its interval."""
    ends = [end for mark in marks for end in (mark.value, mark.low, mark.high) if end is not None]
    axis = _Axis(min(ends), max(ends), 16.0, width - 16.0)
    bottom = len(marks) * ROW
    drawing = Drawing(width, bottom + 24)
    for tick in axis.ticks:
        x = axis.place(tick)
        drawing.add(Stroke([(x, 0), (x, bottom)], GRID))
        drawing.add(Lettering(x, bottom + 16, axis.text(tick), 10.5, QUIET, "middle"))
    for number, mark in enumerate(marks):
        color, y = (BLUE if mark.accent else QUIET), number * ROW + 24
        drawing.add(
            Lettering(
                8, y - 10, _shortened(mark.name, int((width - VALUE) / CHARACTER)), 11, INK if mark.accent else QUIET
            )
        )
        drawing.add(Lettering(width - 8, y - 10, _value_text(mark), 11, INK if mark.accent else QUIET, "end"))
        if mark.low is not None and mark.high is not None:
            low, high = axis.place(mark.low), axis.place(mark.high)
            drawing.add(Stroke([(low, y), (high, y)], color, 2))
            drawing.add(*(Stroke([(end, y - 4), (end, y + 4)], color, 1.5) for end in (low, high)))
        drawing.add(Dot(axis.place(mark.value), y, 4, color, f"{mark.name}: {_value_text(mark)}"))
    return drawing


def curve_chart(
    curves: Sequence[Curve], *, at: float | None = None, x_name: str = "step", width: float = WIDTH, height: float = 210
) -> Drawing:
    """Draw curves over steps.

    Args:
        curves: The curves, at least one with a point.
        at: A step to mark by a line.
        x_name: What the points are drawn over.
        width: Width of the drawing.
        height: Its height.
    """
    places = [place for curve in curves for place in curve.points]
    bottom, top = height - 36, 22.0
    values = _Axis(min(y for _, y in places), max(y for _, y in places), bottom, top)
    left = 14 + 6.0 * max(len(values.text(tick)) for tick in values.ticks)
    steps = _Axis(min(x for x, _ in places), max(x for x, _ in places), left, width - 10)
    drawing = Drawing(width, height)
    for tick in values.ticks:
        y = values.place(tick)
        drawing.add(Stroke([(left, y), (width - 10, y)], GRID))
        drawing.add(Lettering(left - 6, y + 3.5, values.text(tick), 10.5, QUIET, "end"))
    for tick in steps.ticks:
        drawing.add(Lettering(steps.place(tick), bottom + 15, steps.text(tick), 10.5, QUIET, "middle"))
    drawing.add(Lettering((left + width - 10) / 2, height - 4, x_name, 10.5, QUIET, "middle"))
    if at is not None and steps.low <= at <= steps.high:
        drawing.add(Stroke([(steps.place(at), top), (steps.place(at), bottom)], FAINT, 1, dashed=True))
    start = left
    for curve in curves:
        drawn = [(steps.place(x), values.place(y)) for x, y in curve.points]
        drawing.add(Stroke(drawn, curve.color, 1.6))
        if len(drawn) <= 30:
            named = zip(drawn, curve.points, strict=True)
            drawing.add(*(Dot(x, y, 2.6, curve.color, f"{curve.name} {v:.4g} at {s:g}") for (x, y), (s, v) in named))
        drawing.add(Dot(start + 4, 8, 3.5, curve.color), Lettering(start + 12, 12, curve.name, 11, INK))
        start += 26 + 6.2 * len(curve.name)
    return drawing


class _Axis:
    """Places of values between two ends of a drawing."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        if high == low:
            pad = abs(low) * 0.1 or 1.0
            low, high = low - pad, high + pad
        self.step = _step(high - low)
        self.low, self.high = math.floor(low / self.step) * self.step, math.ceil(high / self.step) * self.step
        self._start, self._scale = start, (end - start) / (self.high - self.low)
        count = round((self.high - self.low) / self.step)
        self.ticks = [self.low + number * self.step for number in range(count + 1)]

    def place(self, value: float) -> float:
        """The place of a value."""
        return self._start + (value - self.low) * self._scale

    def text(self, tick: float) -> str:
        """The name of a tick, with the digits that tell it from the next."""
        if max(abs(self.low), abs(self.high)) >= 1e5 or self.step < 1e-4:
            return f"{tick:.3g}" if abs(tick) > self.step / 2 else "0"
        return f"{tick:,.{max(0, -math.floor(math.log10(self.step) + 1e-9))}f}"


def _step(span: float) -> float:
    """The distance of ticks: 1, 2 or 5 of a decade, at most five of them."""
    decade = float(10.0 ** math.floor(math.log10(span / 5)))
    return next(decade * factor for factor in (1, 2, 5, 10) if span / (decade * factor) <= 5 + 1e-9)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _value_text(mark: Mark) -> str:
    bounds = "" if mark.low is None or mark.high is None else f" ({_short(mark.low)} to {_short(mark.high)})"
    return f"{_short(mark.value)}{bounds}"


def _short(value: float) -> str:
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.3g}"
