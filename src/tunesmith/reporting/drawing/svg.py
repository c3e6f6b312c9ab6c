"""Writes a drawing as SVG."""

from __future__ import annotations

from markupsafe import Markup, escape

from tunesmith.reporting.drawing.canvas import Box, Dot, Drawing, Lettering, Shape, Stroke
from tunesmith.terminal import printable

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def svg(drawing: Drawing, title: str) -> Markup:
    """Return a drawing as an SVG element, which is a file too; all text is escaped.

    Args:
        drawing: The drawing.
        title: What it shows.
    """
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
        'aria-label="{}" font-family="{}">'
    ).format(_n(drawing.width), _n(drawing.height), _n(drawing.width), _n(drawing.height), printable(title), FONT)
    return Markup("\n").join([head, *map(_element, drawing.shapes), Markup("</svg>")])


def _element(shape: Shape) -> Markup:
    if isinstance(shape, Stroke):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        dash = Markup(' stroke-dasharray="4 3"') if shape.dashed else ""
        form = '<polyline points="{}" fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round"{}/>'
        return Markup(form).format(points, shape.color, _n(shape.width), dash)
    if isinstance(shape, Lettering):
        form = '<text x="{}" y="{}" font-size="{}" fill="{}" text-anchor="{}">{}</text>'
        text = escape(printable(shape.text))
        return Markup(form).format(_n(shape.x), _n(shape.y), _n(shape.size), shape.color, shape.anchor, text)
    inner = Markup("<title>{}</title>").format(printable(shape.title)) if shape.title else ""
    if isinstance(shape, Dot):
        form = '<circle cx="{}" cy="{}" r="{}" fill="{}">{}</circle>'
        return Markup(form).format(_n(shape.x), _n(shape.y), _n(shape.radius), shape.color, inner)
    assert isinstance(shape, Box)
    form = '<rect x="{}" y="{}" width="{}" height="{}" fill="{}">{}</rect>'
    return Markup(form).format(_n(shape.x), _n(shape.y), _n(shape.width), _n(shape.height), shape.color, inner)


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
