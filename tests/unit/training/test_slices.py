"""Rows measured slice by slice: held against scikit-learn on the saved predictions, and typed."""

import csv
import json

import pytest
from conftest import reviews
from sklearn import metrics as sk

from tunesmith.reporting.run.by_slice import slices_chapter, slices_text
from tunesmith.reporting.run.tables import metrics_table
from tunesmith.runs.record import load_run

SHOPS = ["north", "north", "north", "south", "south", "", "<b>east</b>"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("slices")


@pytest.fixture(scope="module")
def sold(place):
    """240 reviews with a shop: most of north, few of east, and some of none."""
    with (place / "sold.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(*row, SHOPS[number * 5 // 3 % 7], number % 97) for number, row in enumerate(reviews(240))]
        csv.writer(file).writerows([("review", "verdict", "shop", "week"), *rows])
    return place / "sold.csv"


def arguments(sold, cache_dir, place):
    columns = ["data=csv", f"data.path={sold}", "data.text_column=review", "data.label_column=verdict"]
    small = ["data.max_length=32", "model=tiny_encoder", "trainer=cpu", "trainer.threads=1", "trainer.max_epochs=1"]
    fractions = ["data.split.val_fraction=0.3", "data.split.test_fraction=0.3"]
    return [*columns, *small, *fractions, f"data.cache_dir={cache_dir}", "logger=none", f"run.root={place / 'runs'}"]


@pytest.mark.slow
def test_each_slice_has_the_metrics_of_its_rows(sold, cache_dir, place, inside):
    run = place / "run"
    typed = arguments(sold, cache_dir, place)
    slices = ["evaluation.slices=[shop,week]", "+evaluation.metrics.mcc=mcc"]
    done = inside("train", *typed, *slices, f"run.dir={run}")
    assert done.returncode == 0, done.stderr
    record = load_run(run)
    for split in ("val", "test"):
        rows = record.predictions(split)
        own = [entry for entry in record.slices if entry["split"] == split and entry["column"] == "shop"]
        assert sum(entry["rows"] for entry in own) == len(rows) == 72
        assert {entry["value"] for entry in own} == set(SHOPS)
        for entry in own:
            of_slice = [row for row in rows if row["slices"]["shop"] == entry["value"]]
            labels, answers = ([row[key] for row in of_slice] for key in ("label", "prediction"))
            assert entry["metrics"]["accuracy"] == pytest.approx(sk.accuracy_score(labels, answers))
            macro = sk.f1_score(labels, answers, labels=["bad", "good"], average="macro", zero_division=0)
            assert entry["metrics"]["f1_macro"] == pytest.approx(macro, abs=1e-6)
            assert ("mcc" in entry["metrics"]) == (len(set(labels)) == len(set(answers)) == 2)
            low, high = entry.get("interval", (None, None))
            assert (low is None) == (len(of_slice) < 10), entry
            assert low is None or low <= entry["metrics"]["accuracy"] <= high
    assert sum("evaluation.slices: week has" in sentence for sentence in record.warnings) == 2
    assert "val/accuracy by shop: " in done.stdout
    page = (run / "report.html").read_text(encoding="utf-8")
    assert ">Slices<" in page
    assert "&lt;b&gt;east" in page
    assert "<b>east" not in page

    other = place / "other.csv"
    other.write_text("review,verdict\n" + "\n".join(f"{text},{label}" for text, label in reviews(12, seed=9)) + "\n")
    done = inside("evaluate", run, f"data.path={other}")
    assert done.returncode == 0, done.stderr
    assert "not measured by slice: evaluation.slices: takes columns of the data: review, verdict" in done.stdout
    done = inside("evaluate", run, f"data.path={sold}", "--split", "all")
    assert "all/accuracy by shop: " in done.stdout
    (results,) = [
        found
        for file in run.glob("evaluations/*/*/results.json")
        if "slices" in (found := json.loads(file.read_text()))
    ]
    assert sum(entry["rows"] for entry in results["slices"] if entry["column"] == "shop") == 240

    done = inside("train", *typed, "evaluation.slices=[shopp]", f"run.dir={place / 'none'}")
    assert done.returncode == 2
    assert "evaluation.slices: takes columns of the data: review, verdict, shop, week (received shopp)" in done.stderr
    assert "Did you mean shop?" in done.stderr
    assert not (place / "none").exists()


def entry(value, number, rows=20, interval=(0.25, 0.75), split="val"):
    metrics = {} if number is None else {"accuracy": number}
    bounds = {} if interval is None else {"interval": list(interval)}
    return {"split": split, "column": "shop", "value": value, "rows": rows, "metrics": metrics} | bounds


def test_the_lowest_slices_stand_first_and_the_highest_last():
    slices = [entry(f"shop {number}", number / 10) for number in range(9, 0, -1)] + [entry("", None, 1, None)]
    line = slices_text(slices, "val/accuracy").splitlines()[1]
    assert line.startswith("  - val/accuracy by shop: shop 1 0.1000 (0.2500 to 0.7500, 20 rows); shop 2")
    assert line.endswith(
        "shop 4 0.4000 (0.2500 to 0.7500, 20 rows); and 5 more; (empty) no value (1 row, without an interval)"
    )
    chapter = slices_chapter(slices, "val/accuracy")
    assert [row[2] for row in chapter.blocks[0].rows] == [*(number / 10 for number in range(1, 10)), None]
    assert "1 of 10 have too few rows" in chapter.blocks[0].note
    assert slices_chapter([], "val/accuracy") is None


def test_the_metric_that_decides_stands_first_and_apart():
    metrics = {"val/loss": 1.0, "val/f1": 0.5, "val/accuracy": 0.75, "test/accuracy": 0.5}
    table = metrics_table(metrics, "val/accuracy")
    assert [str(name) for name in table.columns[0].cells] == ["accuracy", "loss", "f1"]
    assert [row.end_section for row in table.rows] == [True, False, False]
    assert [row.style for row in table.rows] == ["bold", None, None]
    assert [str(name) for name in metrics_table(metrics).columns[0].cells] == ["loss", "f1", "accuracy"]
