"""Further sets: measured as `tunesmith evaluate` does, without a trace in the training, and refused before it."""

import csv
import json

import pytest
from conftest import reviews, tiny_overrides
from sklearn.metrics import accuracy_score

from tunesmith.config.composing.compose import compose
from tunesmith.config.fingerprint import fingerprint
from tunesmith.data.evaluation_sets import apart_from
from tunesmith.data.rows import Rows
from tunesmith.errors import ConfigError, DataError
from tunesmith.runs.ledger import FILE_NAME
from tunesmith.runs.record import load_run
from tunesmith.storage import read_lines
from tunesmith.sweeping.launch import announce_sweep
from tunesmith.sweeping.record.layout import SweepDirectory


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("review", "verdict"), *rows])
    return path


@pytest.mark.slow
def test_a_set_is_measured_as_evaluate_does_and_training_knows_nothing_of_it(
    finished, reviews_csv, cache_dir, tmp_path, inside
):
    trained_on = finished.provenance and {row["id"] for row in finished.predictions()}
    own = [row for number, row in enumerate(reviews(75)) if str(number) not in trained_on][:4]  # rows of train
    week = write(tmp_path / "week.csv", [*reviews(30, seed=9), *own])
    shop = write(tmp_path / "shop.csv", reviews(11, seed=4))
    run = tmp_path / "run"
    typed = tiny_overrides(reviews_csv, cache_dir, tmp_path / "runs")
    sets = [f"+evaluation.sets.week={week}", f"evaluation.sets.other-shop={shop}"]
    done = inside("train", *typed, *sets, f"run.dir={run}")
    assert done.returncode == 0, done.stderr
    record = load_run(run)
    assert record.results["weights_sha256"] == finished.results["weights_sha256"]
    assert record.provenance["config_fingerprint"] == finished.provenance["config_fingerprint"]
    before = {name: value for name, value in record.metrics.items() if name.startswith(("val/", "test/"))}
    assert before == finished.metrics
    assert record.results["num_rows"] == finished.results["num_rows"] | {"week": 34, "other-shop": 11}
    for name, count in {"week": 34, "other-shop": 11}.items():
        rows = record.predictions(name)
        assert len(rows) == count
        labels, answers = ([row[key] for row in rows] for key in ("label", "prediction"))
        assert record.metrics[f"{name}/accuracy"] == pytest.approx(accuracy_score(labels, answers))
        low, high = record.intervals[f"{name}/accuracy"]
        assert low <= record.metrics[f"{name}/accuracy"] <= high
    assert not any(name.startswith(("week", "other")) for point in record.curves() for name in point)
    looks = [look["reason"] for look in read_lines(tmp_path / "runs" / FILE_NAME)]
    assert looks == ["train", "train week", "train other-shop"]
    (leak,) = [sentence for sentence in record.warnings if "evaluation.sets.week" in sentence]
    assert "4 of 34 rows stand in train (line 32 is line " in leak
    assert "data.on_leak=remove leaves them out of week" in leak
    assert "other-shop" in done.stdout.split("loss")[0], "a column of the table of metrics"
    done = inside("evaluate", run, f"data.path={shop}", "--split", "all")
    assert done.returncode == 0, done.stderr
    (again,) = (json.loads(path.read_text()) for path in run.glob("evaluations/*/*/results.json"))
    mine = {name: value for name, value in record.metrics.items() if name.startswith("other-shop/")}
    assert again["metrics"] == {name.replace("other-shop", "all"): value for name, value in mine.items()}


@pytest.mark.slow
def test_what_is_wrong_with_a_set_is_told_before_the_run_has_a_directory(reviews_csv, cache_dir, tmp_path, inside):
    typed = tiny_overrides(reviews_csv, cache_dir, tmp_path / "runs")
    other = write(tmp_path / "other.csv", [("it was so so", "middling"), *reviews(12)])
    for override, parts in {
        f"+evaluation.sets.a={other}": ["other.csv:2", "the data has the label 'middling'", "'bad', 'good'"],
        "+evaluation.sets.a=none.csv": ["evaluation.sets.a: ", "none.csv", "evaluation.sets.a=FILE"],
        f"+evaluation.sets.a={reviews_csv} data.on_leak=error": ["evaluation.sets.a: 59 of 75 rows stand in train"],
    }.items():
        done = inside("train", *typed, *override.split())
        assert done.returncode == 3, done.stderr
        assert all(part in done.stderr for part in parts), done.stderr
        assert inside("check", *typed, *override.split()).returncode == 3
        assert not list((tmp_path / "runs").glob("*/*"))


def test_a_set_has_a_name_of_its_own_and_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = ["data=csv", "data.path=x.csv", "model=tiny_encoder"]
    saved = compose([*base, "evaluation.sets.week=files/week.csv"]).saved
    assert saved["evaluation"]["sets"] == {"week": str(tmp_path / "files" / "week.csv")}
    assert fingerprint(saved) == fingerprint(compose(base).saved)
    for name in ("test", "a b"):
        with pytest.raises(ConfigError, match=r"evaluation.sets: cannot have this name"):
            compose([*base, f"evaluation.sets={{'{name}': week.csv}}"])
    hub = ["data=hub", "data.path=org/name", "model=tiny_encoder", "+evaluation.sets.week=week.csv"]
    with pytest.raises(ConfigError, match="none of the Hub's"):
        compose(hub)


def rows_of(*texts):
    return Rows([str(number) for number in range(len(texts))], list(texts), ["a"] * len(texts))


def test_rows_that_are_trained_on_are_left_out_or_refused_as_asked(caplog):
    data = compose(["data=csv", "data.path=x.csv", "model=tiny_encoder", "data.on_leak=remove"]).config.data
    train = rows_of("one text", "another text of some length", "a third")
    sets = {"a": rows_of("new", "a third", " one text"), "b": rows_of("fresh")}
    left = apart_from(train, sets, data)
    assert (left["a"].texts, left["b"].texts) == (["new"], ["fresh"])
    assert "evaluation.sets.a: 2 of 3 rows stand in train" in caplog.text
    with pytest.raises(DataError, match="leaves nothing to measure"):
        apart_from(train, {"c": rows_of("a third")}, data)
    refused = data.model_copy(update={"on_leak": "error"})
    with pytest.raises(DataError, match=r"evaluation.sets.a: 2 of 3 rows stand in train .*data.on_leak=remove"):
        apart_from(train, sets, refused)
    near = data.model_copy(update={"near": 0.6})
    alike = {"a": rows_of("another text of some lengths", "new")}
    assert apart_from(train, alike, near)["a"].texts == ["new"]
    assert apart_from(train, alike, data)["a"].texts == alike["a"].texts


def test_a_sweep_says_that_its_trials_do_not_look_at_sets_and_what_does(tmp_path, prepared, caplog):
    directory = SweepDirectory(tmp_path / "sweep")
    for sets, told in (([], 0), (["+evaluation.sets.week=week.csv", "+evaluation.sets.day=day.csv"], 1)):
        caplog.clear()
        with caplog.at_level("INFO", logger="tunesmith"):
            announce_sweep(prepared("train", "optimizer.lr=1e-3,1e-4", *sets), directory, slots=1)
        assert caplog.text.count(f"evaluation.sets (week, day): tunesmith train --from {directory.best} does") == told
