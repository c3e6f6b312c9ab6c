"""Writes a drawing as a PDF of one page: vectors and text, for a paper."""

from __future__ import annotations

import zlib

from tunesmith.errors import ConfigError, Problem
from tunesmith.reporting.drawing.canvas import Box, Dot, Drawing, Lettering, Shape, Stroke
from tunesmith.terminal import printable

CIRCLE = 0.5523
"""Length of the handles with which four Bezier curves make a circle of radius 1."""
WIDTHS = {"i": 0.22, "j": 0.22, "l": 0.22, "I": 0.28, ".": 0.28, ",": 0.28, " ": 0.28, "/": 0.28, "t": 0.28, "f": 0.28}
WIDTHS |= {"r": 0.33, "(": 0.33, ")": 0.33, "-": 0.33, "m": 0.83, "w": 0.72, "M": 0.83, "W": 0.94, "_": 0.56}
"""Widths of Helvetica's characters in units of its size, where they are far from 0.55 (Adobe's metrics, rounded)."""


def pdf(drawing: Drawing) -> bytes:
    """Return a drawing as a PDF file.

    The text is set in Helvetica, which every reader has.

    Raises:
        ConfigError: A text has characters that this font lacks.
    """
    lines = [f"1 0 0 -1 0 {drawing.height:.2f} cm"]  # y grows downwards, as on a page
    for shape in drawing.shapes:
        lines += _operators(shape)
    content = zlib.compress("\n".join(lines).encode("cp1252"))
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    page = (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {drawing.width:.2f} {drawing.height:.2f}] "
        "/Resources << /Font << /F 5 0 R >> >> /Contents 4 0 R >>"
    )
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content)
    catalog, pages = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return _file([catalog, pages, page.encode(), stream, font])


def _file(objects: list[bytes]) -> bytes:
    """Number the objects, and add the table of where each begins."""
    out, starts = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (len(objects) + 1, table, end)


def _operators(shape: Shape) -> list[str]:
    if isinstance(shape, Stroke):
        (x, y), *others = shape.points
        path = [f"{x:.2f} {y:.2f} m", *(f"{x:.2f} {y:.2f} l" for x, y in others)]
        dash = "[4 3] 0 d" if shape.dashed else "[] 0 d"
        return [f"{_color(shape.color)} RG {shape.width:.2f} w {dash} 1 j", *path, "S"]
    if isinstance(shape, Lettering):
        start = shape.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * _width(shape)
        return [
            f"BT {_color(shape.color)} rg /F {shape.size:.2f} Tf 1 0 0 -1 {start:.2f} {shape.y:.2f} Tm "
            f"({_escaped(shape.text)}) Tj ET"
        ]
    if isinstance(shape, Dot):
        x, y, r, h = shape.x, shape.y, shape.radius, shape.radius * CIRCLE
        return [
            f"{_color(shape.color)} rg {x + r:.2f} {y:.2f} m",
            f"{x + r:.2f} {y + h:.2f} {x + h:.2f} {y + r:.2f} {x:.2f} {y + r:.2f} c",
            f"{x - h:.2f} {y + r:.2f} {x - r:.2f} {y + h:.2f} {x - r:.2f} {y:.2f} c",
            f"{x - r:.2f} {y - h:.2f} {x - h:.2f} {y - r:.2f} {x:.2f} {y - r:.2f} c",
            f"{x + h:.2f} {y - r:.2f} {x + r:.2f} {y - h:.2f} {x + r:.2f} {y:.2f} c f",
        ]
    assert isinstance(shape, Box)
    return [f"{_color(shape.color)} rg {shape.x:.2f} {shape.y:.2f} {shape.width:.2f} {shape.height:.2f} re f"]


def _color(code: str) -> str:
    return " ".join(f"{int(code[place : place + 2], 16) / 255:.3f}" for place in (1, 3, 5))


def _width(lettering: Lettering) -> float:
    return lettering.size * sum(WIDTHS.get(character, 0.55) for character in lettering.text)


def _escaped(text: str) -> str:
    plain = printable(text).replace("\n", " ")
    try:
        plain.encode("cp1252")
    except UnicodeEncodeError as error:
        rule, hint = "a PDF's own fonts have no such character", "Write the figure as .svg, which has all"
        raise ConfigError([Problem("--figure", rule, plain[error.start], hint)]) from None
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
