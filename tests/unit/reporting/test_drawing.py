"""Figures as SVG and PDF: every shape is drawn, texts are texts, and places follow the values."""

import re
import zlib
from xml.etree import ElementTree

import pytest

from tunesmith.errors import ConfigError
from tunesmith.reporting.drawing.canvas import Box, Dot, Drawing, Lettering, Stroke
from tunesmith.reporting.drawing.charts import Curve, Mark, curve_chart, value_chart
from tunesmith.reporting.drawing.pdf import pdf
from tunesmith.reporting.drawing.svg import svg

HOSTILE = "<script>a(1)</script> & (b\\) \x1b[31m é"
SHAPES = [
    Stroke([(0, 0), (10, 5), (20, 0)], "#ff0000", 2, dashed=True),
    Dot(5, 5, 2, "#00ff00", HOSTILE),
    Box(1, 2, 3, 4, "#0000ff"),
    Lettering(50, 20, HOSTILE, anchor="end"),
]


def test_an_svg_holds_every_shape_and_no_markup_of_a_text():
    root = ElementTree.fromstring(svg(Drawing(100, 40, list(SHAPES)), HOSTILE))
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names == ["svg", "polyline", "circle", "title", "rect", "text"]
    (text,) = root.iter("{http://www.w3.org/2000/svg}text")
    assert text.text == HOSTILE.replace("\x1b", " ")


def test_a_pdf_s_table_leads_to_its_objects_and_its_page_to_the_shapes():
    content = pdf(Drawing(100, 40, list(SHAPES)))
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", content)[1])
    table = content[start:].splitlines()
    assert table[:2] == [b"xref", b"0 6"]
    places = [int(line.split()[0]) for line in table[3:8]]
    assert [content[place : place + 7] for place in places] == [b"%d 0 obj" % number for number in range(1, 6)]
    assert all(len(line) == 19 for line in table[2:8]), "20 bytes with the line break"
    length, stream = re.search(rb"/Length (\d+) .*?stream\n(.*)\nendstream", content, re.S).groups()
    assert len(stream) == int(length)
    drawn = zlib.decompress(stream).decode("cp1252")
    assert "(<script>a\\(1\\)</script> & \\(b\\\\\\)  [31m é) Tj" in drawn
    assert {"m", "l", "S", "c", "re"} <= set(re.findall(r"[a-zA-Z]+", drawn))
    assert b"/MediaBox [0 0 100.00 40.00]" in content


def test_what_a_pdf_s_font_lacks_is_refused_with_the_way_out():
    with pytest.raises(ConfigError) as caught:
        pdf(Drawing(10, 10, [Lettering(0, 0, "run 名")]))
    assert ".svg" in caught.value.problems[0].hint


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.9), (0.49, 0.51), (-3, 1e6), (1e-7, 3e-7), (2, 2), (0, 0)])
def test_values_stand_in_order_inside_of_the_drawing(low, high):
    drawing = value_chart([Mark("a", low), Mark("b", high, low, high, accent=True)])
    dots = [shape for shape in drawing.shapes if isinstance(shape, Dot)]
    assert [0 <= dot.x <= drawing.width for dot in dots] == [True, True]
    assert dots[0].x <= dots[1].x
    curve = curve_chart([Curve("c", [(1, low), (2, high)])])
    first, last = [shape for shape in curve.shapes if isinstance(shape, Dot)][:2]
    assert first.y >= last.y
    assert 0 <= last.y <= first.y <= curve.height
    ticks = [shape.text for shape in curve.shapes if isinstance(shape, Lettering)]
    assert len(set(ticks)) >= 4, "ticks can be told apart"
