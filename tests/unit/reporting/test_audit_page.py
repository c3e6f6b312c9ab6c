"""The page of an audit: it loads nothing, shows what was found, and takes what the data holds for text."""

import csv
import html.parser
import itertools
import random

import pytest

from tunesmith import compose
from tunesmith.data.audit.audit import audit
from tunesmith.data.audit.finding import Audit, Finding
from tunesmith.reporting.audit import audit_lines
from tunesmith.reporting.audit_page import columns_of, listed_labels, render_audit
from tunesmith.tasks.registry import task_of
from tunesmith.terminal import printable, say

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b> <a href='//evil'>{{7*7}}</a> &lt;"
ESCAPES = "\x1b]0;title\x07 \x1b[31mred\x1b[0m [bold red]rich[/] \u202eturned"


class Elements(html.parser.HTMLParser):
    """Elements, attributes and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Texts, labels and a file that try to be read as HTML, as a template, by a terminal and by rich."""
    path = tmp_path_factory.mktemp("hostile") / "<img src=x>.csv"
    draw = random.Random(0)
    words = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200)]
    labels = (f"{MARKUP} one", f"{ESCAPES} two")
    rows = [
        (
            f"{' '.join(draw.choices(words, k=9))} <b>{number}</b> {MARKUP if number % 2 else ESCAPES}",
            labels[number % 2],
        )
        for number in range(200)
    ]
    rows += [rows[4], (rows[5][0], labels[0]), (rows[6][0], f"{MARKUP} ONE")]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    config = compose(["data=csv", f"data.path='{path}'", "data.split.duplicates=apart"]).config
    return audit(config.data, task_of(config.task))


def test_the_page_loads_nothing_and_reads_no_text_as_html(audited):
    page = Elements(render_audit(audited, f"{MARKUP}.csv", f"tunesmith audit {MARKUP}", [f"a warning {MARKUP}"]))
    assert page.elements.count("script") == 1
    assert not {"link", "img", "iframe", "object", "embed", "base", "form", "a", "i"} & set(page.elements)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "action")]
    assert any("default-src 'none'" in (value or "") for name, value in page.attributes if name == "content")
    assert page.text.count(MARKUP) >= 8, "file, command, warning, labels, examples, cases"
    assert "49</a>" not in page.text


def test_no_control_character_reaches_page_or_terminal(audited, capsys):
    page = render_audit(audited, "rows.csv", "tunesmith audit")
    assert not [char for char in page if not char.isprintable() and char not in "\n"]
    say("\n".join(audit_lines(audited, [f"a warning {ESCAPES}"])))
    printed = capsys.readouterr().out
    assert not [char for char in printed if not char.isprintable() and char != "\n"]
    assert "[bold red]rich[/]" in printed


def test_every_finding_is_on_the_page_with_its_count_and_its_override(audited):
    page = Elements(render_audit(audited, "rows.csv", "tunesmith audit"))
    kinds = {finding.kind for finding in audited.findings}
    assert {"conflicts", "duplicates", "spellings", "cues", "control_characters"} <= kinds
    for finding in audited.findings:
        assert ("id", finding.kind) in page.attributes
        assert finding.text in page.text
        assert finding.override is None or finding.override in page.text
        assert all(
            printable(value) in page.text for case in finding.cases for value in case.values() if isinstance(value, str)
        )
    for kind in audited.skipped:
        assert f"Not looked for: {kind}" in page.text
    assert all(label in page.text for label in audited.labels if label.isprintable())


def test_bars_are_as_high_as_counts_are_large(audited):
    assert sum(bar["texts"] for bar in audited.histogram) == sum(audited.rows.values())
    edges = [(bar["from"], bar["to"]) for bar in audited.histogram]
    assert all(end + 1 == start for (_, end), (start, _) in itertools.pairwise(edges))
    assert edges[0][0] == min(figures["least"] for figures in audited.lengths.values())
    assert edges[-1][1] == max(figures["most"] for figures in audited.lengths.values())
    columns = columns_of([{"from": 1, "to": 2, "texts": 5}, {"from": 3, "to": 9, "texts": 20}])
    assert [(column.x, column.height) for column in columns] == [(0, 25), (50, 100)]
    shares = [share for _, _, share in listed_labels(audited)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)


def test_an_audit_without_a_finding_has_a_page_too():
    nothing = Audit({"all": 0}, {}, {}, [], {}, [], {}, {"vocabulary": 0, "num_texts": 0})
    assert "Nothing was found." in render_audit(nothing, "rows.csv", "tunesmith audit")
    one = Finding("empty", 2, "2 rows without a text", ["line 3"])
    text = render_audit(Audit({"all": 5}, {}, {}, [], {}, [one], {}, {"vocabulary": 1, "num_texts": 1}), "x", "y")
    assert "line 3" in text
