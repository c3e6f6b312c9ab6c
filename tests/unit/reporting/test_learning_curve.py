"""A learning curve says what more rows would bring, and whether it would have foretold itself."""

import csv
import json
from xml.etree import ElementTree

import pytest
from conftest import tiny_overrides, write_reviews

from tunesmith.reporting.chart import Series, svg_chart
from tunesmith.reporting.learning_curve import AtSize, LearningCurve, conclusions, write_curve

SIZES = [200, 400, 800, 1600, 3200]


def curve(error, metric="val/accuracy", spread=0.002):
    values = [error(rows) for rows in SIZES]
    points = [(1 - v if metric != "val/loss" else v) for v in values]
    return LearningCurve(
        metric,
        metric != "val/loss",
        [AtSize(rows, [v - spread, v, v + spread], 0.01) for rows, v in zip(SIZES, points, strict=True)],
    )


@pytest.mark.parametrize("metric", ["val/accuracy", "val/loss"])
def test_a_falling_error_asks_for_more_data(metric):
    check, twice, advice = conclusions(curve(lambda rows: 2 * rows**-0.4, metric))
    assert f"at all 3,200 is foretold as {0.9207 if metric != 'val/loss' else 0.0793:.2f}"[:-1] in check
    assert "do not rely" not in check
    assert twice.startswith("with 6,400 rows: ")
    assert advice == "more data: twice the rows are worth having"


def test_a_level_error_asks_for_something_else():
    assert conclusions(curve(lambda rows: 0.2 + 100 / rows**2))[-1].startswith("not more data: tune")


def test_a_curve_that_is_no_power_law_says_so():
    steps = {200: 0.4, 400: 0.39, 800: 0.38, 1600: 0.37, 3200: 0.1}
    assert conclusions(curve(steps.__getitem__))[0].endswith("do not rely on what follows")


def test_files_hold_the_points_and_a_plot_that_parses(tmp_path):
    paths = write_curve(curve(lambda rows: 2 * rows**-0.4), tmp_path)
    assert [path.name for path in paths] == ["learning_curve.csv", "learning_curve.json", "learning_curve.svg"]
    rows = list(csv.reader(paths[0].open()))
    assert rows[0] == ["train_rows", "repeat", "val/accuracy"]
    assert len(rows) == 1 + 3 * len(SIZES)
    assert len(json.loads(paths[1].read_text())["conclusions"]) == 3
    picture = ElementTree.parse(paths[2]).getroot()
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 3 * len(SIZES)


def test_names_are_text_in_a_plot():
    series = [Series("<script>&", [1, 10], [0.0, 1.0])]
    picture = ElementTree.fromstring(svg_chart(series, "a<b", "y&", (3, "<m>")))
    texts = [element.text for element in picture.iter() if element.tag.endswith("text")]
    assert {"<script>&", "a<b", "y&", "<m>"} <= set(texts)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parts", "3"], "a curve takes 4 parts or more"),
        (["data.train_rows=20"], "data.train_rows: is what a learning curve varies"),
        (["--words", "task=multi_label"], "--words: is for one label or number per text"),
    ],
)
def test_what_makes_no_curve_is_refused(words, message, tiny, inside):
    done = inside("learning-curve", *tiny, *words)
    assert done.returncode in (2, 3), done.stderr
    assert message in done.stderr or "task=multi_label" in words


def test_the_curve_of_a_linear_model_of_words(tmp_path, cache_dir, inside):
    data = write_reviews(tmp_path / "rows.csv", 400)
    done = inside("learning-curve", *tiny_overrides(data, cache_dir, tmp_path), "--words", "--parts", "4")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["40", "80", "160", "320"]
    assert lines[-1].endswith("learning_curve.svg")
    assert "is foretold as" in done.stdout


@pytest.mark.slow
def test_the_curve_of_a_model_is_a_sweep(tmp_path, cache_dir, inside):
    data = write_reviews(tmp_path / "rows.csv", 200)
    words = [*tiny_overrides(data, cache_dir, tmp_path), "trainer.max_epochs=1", "hydra.sweeper.executor=inprocess"]
    done = inside("learning-curve", *words, "--parts", "4", f"run.dir={tmp_path / 'curve'}")
    assert done.returncode == 0, done.stderr
    again = inside("learning-curve", "--of", tmp_path / "curve")
    assert again.stdout in done.stdout
    assert [line.split()[0] for line in again.stdout.splitlines()[:4]] == ["20", "40", "80", "160"]
    other = inside("learning-curve", "--of", tmp_path)
    assert (other.returncode, "takes the directory of a sweep" in other.stderr) == (2, True)
