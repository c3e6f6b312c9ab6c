"""The style of figures: colours, axes, labels."""

from __future__ import annotations

import contextlib
import html
import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from tunesmith.reporting.formatting import label
from tunesmith.reporting.palette import FAINT, GRID, INK

MAX_LABEL = 24
"""Maximum characters of a tick label."""
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def dress(
    figure: go.Figure, *, x: str | None = None, y: str | None = None, height: int = 340, top: int = 36
) -> go.Figure:
    """Apply the common style to a figure."""
    figure.update_layout(
        template="none",
        title=None,
        height=height,
        font={"family": FONT, "size": 12, "color": INK},
        margin={"l": 60, "r": 20, "t": top, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"bgcolor": "white", "bordercolor": FAINT, "font": {"family": FONT, "size": 12, "color": INK}},
    )
    axes = {"gridcolor": GRID, "zeroline": False, "linecolor": FAINT, "automargin": True, "title_standoff": 8}
    figure.update_xaxes(**axes, **({"title_text": x} if x else {}))
    figure.update_yaxes(**axes, **({"title_text": y} if y else {}))
    return figure


def shorten_ticks(axis: go.layout.XAxis | go.layout.YAxis, values: Sequence[Any]) -> None:
    """Set few and short tick labels that do not overlap."""
    if axis.type == "log":
        shown = log_ticks(min(values), max(values))
        axis.update(tickmode="array", tickvals=shown, ticktext=[tick_text(tick) for tick in shown], tickangle=0)
    elif axis.type == "category":
        texts = list(axis.categoryarray or sorted({text for text in values if text is not None}))
        axis.update(tickmode="array", tickvals=texts, ticktext=[short(text) for text in texts])
    else:
        axis.update(nticks=6, tickangle=0)


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade between two numbers, or only powers of ten if those are too many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
    inside = [tick for tick in fine if low / 1.2 <= tick <= high * 1.2]
    return inside if len(inside) <= 6 else [float(f"1e{decade}") for decade in decades]


def tick_text(tick: float) -> str:
    """Format a tick as `0.001`, `50`, `1e-05` or `20M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if tick >= size:
            return f"{tick / size:.3g}{unit}"
    return f"{tick:.3g}"


def short(text: str) -> str:
    """Shorten a tick label: numbers to three digits, long text by cutting its middle."""
    plain = html.unescape(str(text))
    with contextlib.suppress(ValueError):
        return f"{float(plain):.3g}" if len(plain) > 6 else plain
    return label(plain if len(plain) <= MAX_LABEL else f"{plain[: MAX_LABEL // 2 - 1]}…{plain[-MAX_LABEL // 2 + 1 :]}")


def shade(goodness: float) -> str:
    """From faint to full blue."""
    ends = ((0xD5, 0xDC, 0xE4), (0x2B, 0x6C, 0xB0))
    red, green, blue = (round(low + (high - low) * goodness) for low, high in zip(*ends, strict=True))
    return f"rgb({red},{green},{blue})"
