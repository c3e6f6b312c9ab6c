"""The page of a run: what stands on it, for runs of every task, and what it makes of hostile texts."""

import html.parser
import json
import math
import re
import shutil
import subprocess

import pytest
import yaml
from markdown_it import MarkdownIt

from tunesmith.reporting.blocks import Chapter, Document, Listing, Sentence, Verbatim
from tunesmith.reporting.markdown import as_markdown
from tunesmith.reporting.page import render_page
from tunesmith.reporting.run.course import MOST_POINTS, thinned
from tunesmith.reporting.run.mistakes import judged
from tunesmith.reporting.run.model_card import model_card
from tunesmith.reporting.run.report import run_document, write_run_report
from tunesmith.runs.record import load_run

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)><b>bold</b> <a href='//evil'>{{7*7}}</a> &lt;"
ESCAPES = "\x1b]0;title\x07 \x1b[31mred\x1b[0m \u202eturned | `code` _low_ *star* [link](//evil)"
LOGITS = {"logits": [2.0, -1.0]}
SHAPES = {
    "one label": {"label": MARKUP, "prediction": ESCAPES, **LOGITS},
    "several labels": {"label": [MARKUP, "b"], "prediction": [ESCAPES], **LOGITS},
    "number": {"label": 2.0, "prediction": 3.5, "logits": [3.5]},
    "tags": {"label": [MARKUP, "O"], "prediction": [ESCAPES, None], "logits": [[1.0, 2.0], [2.0, 1.0]]},
    "text": {"label": MARKUP, "prediction": ESCAPES, "loss": 2.5, "num_tokens": 8},
    "language model": {"label": None, "prediction": None, "loss": 3.25, "num_tokens": 7},
}
"""A row of `predictions.jsonl` of each task."""


class Parts(html.parser.HTMLParser):
    """Elements, attributes and the visible text of a page."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def hostile(record, path, row):
    """A copy of a run whose every text is hostile, with predictions of one form."""
    shutil.copytree(record.path, path, ignore=shutil.ignore_patterns("checkpoints", "model"))
    rows = [row | {"id": f"{MARKUP}{n}", "split": ("val", "test")[n % 2], "text": ESCAPES} for n in range(40)]
    (path / "predictions.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows))
    stored = json.loads((path / "results.json").read_text())
    stored |= {"label_counts": {"train": {MARKUP: 3, ESCAPES: 2}, "val": {MARKUP: 1}}, "warnings": [MARKUP, ESCAPES]}
    stored |= {"reason": MARKUP, "cleaned": {MARKUP: {ESCAPES: {"train": 2}}}}
    stored["diagnosis"] = [{"kind": "overfitting", "sentence": MARKUP, "override": ESCAPES, "evidence": {}}]
    stored["baselines"] = {"test/accuracy": {MARKUP: 0.5}}
    stored["metrics"][f"val/f1/{MARKUP}"] = 0.25
    (path / "results.json").write_text(json.dumps(stored))
    config = yaml.safe_load((path / "config.yaml").read_text())
    config["run"]["name"] = config["data"]["text_column"] = MARKUP
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    origin = json.loads((path / "provenance.json").read_text())
    origin |= {"command": f"tunesmith train {MARKUP}", "overrides": [f"data.text_column={MARKUP}"]}
    (path / "provenance.json").write_text(json.dumps(origin))
    return load_run(path)


def test_a_finished_run_has_its_page_with_its_own_numbers(finished):
    page = Parts((finished.path / "report.html").read_text(encoding="utf-8"))
    for name, value in finished.metrics.items():
        assert f"{value:.4f}" in page.text, name
    for values in finished.baselines.values():
        assert all(baseline in page.text and f"{value:.4f}" in page.text for baseline, value in values.items())
    assert all(sentence in page.text for sentence in finished.warnings)
    assert finished.results["weights_sha256"] in page.text
    assert finished.provenance["command"] in page.text
    assert f"tunesmith reproduce {finished.argument}" in page.text
    wrong = [row for row in finished.predictions() if row["label"] != row["prediction"]]
    assert all(row["id"] in page.text for row in wrong)


def test_rows_are_counted_by_label_and_split(finished):
    counts, splits = finished.results["label_counts"], ("val", "test")
    assert {name: sum(each.values()) for name, each in counts.items()} == finished.results["num_rows"]
    for split in splits:
        labels = [row["label"] for row in finished.predictions(split)]
        assert counts[split] == {label: labels.count(label) for label in finished.labels}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_task_has_a_page_that_loads_nothing_and_reads_no_text_as_html(finished, tmp_path, shape):
    record = hostile(finished, tmp_path / "run", SHAPES[shape])
    text = render_page(run_document(record))
    page = Parts(text)
    assert page.elements.count("script") == 1
    assert not {"img", "a", "iframe", "link"} & set(page.elements)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for name, value in page.attributes if name in ("src", "href")]
    assert "{{7*7}}" in page.text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert page.elements.count("input") == 3, "the config and the errors of both splits can be filtered"
    assert "default-src 'none'" in text


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_in_markdown_holds_no_markup_of_the_user(finished, tmp_path, shape):
    record = hostile(finished, tmp_path / "run", SHAPES[shape])
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(as_markdown(run_document(record)))
    inside = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in [*tokens, *inside]}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "code_inline", "em_open"}
    assert {"table_open", "fence"} <= kinds
    shown = "".join(child.content for child in inside)
    assert MARKUP.replace("&lt;", "") in shown.replace("&lt;", "")
    assert all(value in shown for value in (f"{record.metrics['val/accuracy']:.4f}", "7*7"))


def test_a_run_that_ended_early_has_a_page_too(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "run", ignore=shutil.ignore_patterns("model", "*.jsonl", "prov*"))
    (tmp_path / "run" / "results.json").write_text(json.dumps({"status": "failed", "reason": "it burnt"}))
    page = Parts(write_run_report(load_run(tmp_path / "run")).read_text(encoding="utf-8"))
    assert "it burnt" in page.text
    assert "failed" in page.text
    assert "svg" not in page.elements


def test_keys_that_were_overridden_are_marked(finished):
    (chapter,) = [chapter for chapter in run_document(finished).chapters if chapter.id == "config"]
    table = chapter.blocks[-1]
    given = {row[0]: row[2] for number, row in enumerate(table.rows) if number in table.marked}
    assert given["data.text_column"] == "data.text_column=review"
    assert given["optimizer.lr"] == "optimizer.lr=3e-3"
    assert not [key for key in given if key.startswith("model.")], "model=tiny_encoder chooses an option"


def test_mistakes_are_judged_by_what_the_row_holds():
    wrong, degree, _ = judged(SHAPES["one label"])
    assert (degree, wrong) == ("confidence", pytest.approx(math.exp(2) / (math.exp(2) + math.exp(-1))))
    assert judged(SHAPES["one label"] | {"prediction": MARKUP}) is None
    assert judged(SHAPES["several labels"])[0] == 3
    assert judged(SHAPES["several labels"] | {"prediction": ["b", MARKUP]}) is None
    assert judged(SHAPES["number"])[0] == 1.5
    assert judged(SHAPES["tags"])[0] == 2
    assert judged({"label": "one two", "prediction": "one three", "num_tokens": 3})[0] == pytest.approx(0.5)
    assert judged(SHAPES["language model"])[0] == 3.25


@pytest.mark.parametrize("count", [1, MOST_POINTS, MOST_POINTS + 1, 5 * MOST_POINTS + 3])
def test_a_thinned_curve_keeps_the_mean(count):
    points = [(float(step), math.sin(step)) for step in range(count)]
    fewer = thinned(points)
    assert len(fewer) <= MOST_POINTS
    size = -(-count // MOST_POINTS)
    weights = [min(size, count - start) for start in range(0, count, size)]
    mean = sum(weight * value for weight, (_, value) in zip(weights, fewer, strict=True)) / count
    assert mean == pytest.approx(sum(value for _, value in points) / count)


def test_a_fence_in_a_command_does_not_end_the_block():
    text = as_markdown(Document("a", "", [], [], [Chapter("a", "b", [Verbatim("```\n# no heading\n````")])]))
    assert [t.type for t in MarkdownIt().parse(text) if t.type == "heading_open"] == ["heading_open"] * 2


def test_the_model_card_has_intervals_baselines_and_warnings(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", "model"))
    stored = finished.results | {"intervals": {"test/accuracy": [0.25, 0.75]}, "warnings": [MARKUP]}
    (tmp_path / "run" / "results.json").write_text(json.dumps(stored))
    card = model_card(load_run(tmp_path / "run"), adapter=False)
    value, majority = finished.metrics["test/accuracy"], finished.baselines["test/accuracy"]["majority"]
    assert f"| test/accuracy | this run | {value:.4f} | 0.2500 | 0.7500 |" in card
    assert f"| test/accuracy | majority | {majority:.4f} |  |  |" in card
    assert "<script>" not in card


def test_report_writes_and_prints(finished, tmp_path, inside):
    shutil.copytree(finished.path, tmp_path / "run", ignore=shutil.ignore_patterns("model", "checkpoints"))
    (tmp_path / "run" / "report.html").unlink()
    done = inside("report", tmp_path / "run")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'run' / 'report.html'}\n")
    assert (tmp_path / "run" / "report.html").is_file()
    printed = inside("report", tmp_path / "run", "--format", "markdown")
    assert f"| accuracy | {finished.metrics['val/accuracy']:.4f} |" in printed.stdout
    shown = inside("show", tmp_path / "run")
    assert f"report: {tmp_path / 'run' / 'report.html'}" in shown.stdout.splitlines()
    nothing = inside("report", tmp_path)
    assert (nothing.returncode, nothing.stderr.count("\n")) == (5, 1)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
@pytest.mark.parametrize("width", [400, 1280])
def test_a_browser_reports_nothing_and_scrolls_only_downwards(finished, tmp_path, width):
    record = hostile(finished, tmp_path / "run", SHAPES["one label"])
    probe = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    page = tmp_path / "page.html"
    page.write_text(render_page(run_document(record)).replace("</body>", probe), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    line = ["chromium", *options, f"--window-size={width},900", "--dump-dom", page.as_uri()]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    assert "CONSOLE" not in done.stderr
    wide, inner = map(int, re.search(r"<title>(\d+) of (\d+)</title>", done.stdout).groups())
    assert wide <= inner


def test_a_column_without_numbers_is_text():
    table = Listing(["a", "b", "c"], [["x", 1, None], ["y", 2.5, None]])
    assert [table.is_number(column) for column in range(3)] == [False, True, False]
    page = render_page(Document("t", "", [], [], [Chapter("c", "C", [table, Sentence("<i>")])]))
    assert "<i>" not in page
    assert "&lt;i&gt;" in page


def test_the_task_is_named_as_its_option(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", "model"))
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    for multi, shown in ((False, "classification"), (True, "multi label")):
        config["task"]["multi_label"] = multi
        (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config))
        assert run_document(load_run(tmp_path / "run")).facts[0] == shown
