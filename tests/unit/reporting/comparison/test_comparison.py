"""`tunesmith compare` on real runs, against scikit-learn and scipy."""

import csv
import io
import json
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from conftest import tiny_overrides
from scipy.stats import binomtest
from sklearn.metrics import f1_score
from synthetic_sweep import write_trial

from tunesmith import compose, train
from tunesmith.errors import ConfigError, DataError, FilesError
from tunesmith.reporting.comparison.comparison import compare_runs
from tunesmith.reporting.comparison.tables import as_json, latex, markdown
from tunesmith.runs.record import load_run


def copied(record, path, change=lambda row: row, **results):
    """A copy of a run with edited predictions and results; metrics are those of its predictions."""
    shutil.copytree(record.path, path, ignore=shutil.ignore_patterns("checkpoints", "model"))
    rows = [change(dict(row)) for row in record.predictions()]
    (path / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows if row), encoding="utf-8")
    stored = json.loads((path / "results.json").read_text())
    for split in ("val", "test"):
        own = [row for row in rows if row and row["split"] == split]
        truths, answers = [row["label"] for row in own], [row["prediction"] for row in own]
        stored["metrics"][f"{split}/accuracy"] = float(np.mean([t == a for t, a in zip(truths, answers, strict=True)]))
        stored["metrics"][f"{split}/f1_macro"] = f1_score(truths, answers, average="macro")
    (path / "results.json").write_text(json.dumps(stored | results))
    return load_run(path)


def always(label):
    return lambda row: row | {"prediction": label}


@pytest.fixture(scope="module")
def half(reviews_csv, cache_dir, tmp_path_factory):
    """A finished run with enough rows in val and test for intervals."""
    overrides = tiny_overrides(reviews_csv, cache_dir, tmp_path_factory.mktemp("half"))
    return train(compose([*overrides, "data.split.val_fraction=0.3", "data.split.test_fraction=0.3"]))


@pytest.fixture
def three(half, tmp_path):
    """A run, one that always answers `good`, and one that is always right."""
    constant = copied(half, tmp_path / "constant", always("good"), num_trainable_parameters=1)
    perfect = copied(half, tmp_path / "perfect", lambda row: row | {"prediction": row["label"]})
    return [constant, perfect, half]


def test_values_tests_and_rows_are_those_of_scikit_learn_and_scipy(three):
    found = compare_runs(three, "accuracy", "val")
    assert found.entries[0].record.path.name == "perfect"
    best = {row["id"]: row for row in three[1].predictions("val")}
    p_values = []
    for entry in found.entries:
        rows = entry.record.predictions("val")
        right = np.array([row["label"] == row["prediction"] for row in rows])
        assert entry.value == pytest.approx(right.mean())
        assert entry.interval is not None
        assert entry.interval.low <= entry.value <= entry.interval.high
        wrong = [row["id"] for row in rows if row["label"] != row["prediction"]]
        assert (entry.gained, sorted(entry.lost)) == ([], sorted(wrong))
        assert set(wrong) <= set(best)
        p_values.append(binomtest(0, len(wrong)).pvalue if wrong else 1.0)
    _, first, second = p_values
    assert found.entries[1].p == pytest.approx(min(1, 2 * first) if first <= second else max(first, min(1, 2 * second)))
    macro = compare_runs(three, "f1_macro", "val")
    for entry in macro.entries:
        rows = entry.record.predictions("val")
        expected = f1_score([row["label"] for row in rows], [row["prediction"] for row in rows], average="macro")
        assert entry.value == pytest.approx(expected)
    assert {entry.against_best.test for entry in macro.entries[1:]} == {"paired permutation"}


def test_a_run_ties_with_its_copy_and_the_cheaper_is_named(half, tmp_path, inside):
    copy = copied(half, tmp_path / "copy", num_trainable_parameters=1)
    found = compare_runs([half, copy], split="val")
    assert [entry.p for entry in found.entries] == [None, 1.0]
    assert found.cheapest.record.path == copy.path
    assert found.keys == []
    printed = inside("compare", half.path, copy.path)
    assert printed.returncode == 0, printed.stderr
    assert "2 runs cannot be told apart; the cheapest of them is" in printed.stdout
    assert "do not differ in anything that can change a result" in printed.stdout


def test_a_loss_counts_less_as_better_and_keys_that_differ_are_listed(finished, finished_lora):
    found = compare_runs([finished, finished_lora], "loss", "val")
    values = [entry.value for entry in found.entries]
    assert values == sorted(values)
    assert sorted(values) == pytest.approx(sorted(r.metrics["val/loss"] for r in (finished, finished_lora)), rel=1e-5)
    assert {key for key, _ in found.keys} >= {"method.name", "optimizer.lr"}
    assert dict(found.keys)["optimizer.lr"] == [entry.record.config["optimizer"]["lr"] for entry in found.entries]


def test_rows_of_other_data_are_paired_by_content_and_others_are_left_out(half, tmp_path):
    dropped = {row["id"] for row in half.predictions("val")[:2]}
    renamed = lambda row: None if row["id"] in dropped else row | {"id": f"x{row['id']}"}  # noqa: E731
    other = copied(half, tmp_path / "other", renamed, data_fingerprint="other")
    found = compare_runs([half, other], "accuracy", "val")
    assert found.left_out == 2
    assert found.num_rows == len(half.predictions("val")) - 2
    assert found.entries[0].value == found.entries[1].value
    forgets = lambda row: {key: value for key, value in row.items() if key != "content_id"}  # noqa: E731
    with pytest.raises(DataError, match=r"different data, .*/old did not save"):
        compare_runs([half, copied(half, tmp_path / "old", forgets, data_fingerprint="old")])


def test_what_cannot_be_compared_is_refused(half, tmp_path, inside):
    with pytest.raises(ConfigError, match="Did you mean accuracy"):
        compare_runs([half, half], "acuracy")
    relabelled = copied(half, tmp_path / "relabelled", lambda row: row | {"label": "other"})
    with pytest.raises(DataError, match="has the label"):
        compare_runs([half, relabelled])
    (relabelled.path / "predictions.jsonl").unlink()
    with pytest.raises(FilesError, match="no predictions for"):
        compare_runs([half, relabelled])
    alone = inside("compare", half.path)
    assert (alone.returncode, "at least two" in alone.stderr) == (2, True)
    twice = inside("compare", half.path, half.path)
    assert (twice.returncode, "named twice" in twice.stderr) == (2, True)


def test_every_format_holds_the_same_values(three, inside, tmp_path):
    paths = [record.path for record in three]
    written = inside("compare", *paths, "--split", "val", "--format", "csv", "--json", tmp_path / "all.json")
    table = list(csv.DictReader(io.StringIO(written.stdout)))
    stored = json.loads((tmp_path / "all.json").read_text())
    found = compare_runs(three, split="val")
    assert stored == json.loads(json.dumps(as_json(found)))
    assert [float(row["val/accuracy"]) for row in table] == [entry.value for entry in found.entries]
    assert [row["tied"] for row in table] == [str(entry.tied) for entry in found.entries]
    assert markdown(found).count("\n") == len(three) + 1
    assert latex(found).count(r"\\") == len(three) + 1
    assert r"95\% interval" in latex(found)


def test_a_run_records_the_interval_of_what_decides(half, inside):
    assert set(half.intervals) == {"val/accuracy", "test/accuracy"}
    for name, (low, high) in half.intervals.items():
        assert low <= half.metrics[name] <= high
    assert "95% intervals: val/accuracy" in inside("show", half.path).stdout


def seeded(record, path, seed, change=lambda row: row):
    """A copy of a run with another seed and edited answers."""
    made = copied(record, path, change)
    text = (path / "config.yaml").read_text().replace("seed: 0\n", f"seed: {seed}\n", 1)
    (path / "config.yaml").write_text(text)
    return load_run(made.path)


def wrong_in(every, start):
    """Answers that are right but for every so many rows."""
    other = {"good": "bad", "bad": "good"}

    def change(row):
        number = int(row["id"]) + start
        return row | {"prediction": other[row["label"]] if number % every == 0 else row["label"]}

    return change


def test_runs_over_seeds_are_one_row_and_their_tests_take_the_seeds_into_account(half, tmp_path, inside):
    few = [seeded(half, tmp_path / f"few{n}", n, wrong_in(9, n)) for n in range(3)]
    many = [seeded(half, tmp_path / f"many{n}", n, wrong_in(2, n)) for n in range(2)]
    for record in many:
        text = (record.path / "config.yaml").read_text().replace("lr: 0.003", "lr: 0.004")
        (record.path / "config.yaml").write_text(text)
    records = [load_run(record.path) for record in (*many, *few)]
    found = compare_runs(records, "accuracy", "val")
    assert [len(entry.runs) for entry in found.entries] == [3, 2]
    best, other = found.entries
    values = [run.metrics["val/accuracy"] for run in few]
    assert (best.value, best.deviation) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert best.interval.low < best.value < best.interval.high
    assert other.p < 0.05
    assert [key for key, _ in found.keys] == ["optimizer.lr"]
    assert [run["run"] for run in as_json(found)["runs"][0]["seeds"]] == [str(run.path) for run in few]

    page, figure = tmp_path / "all.html", tmp_path / "figure.pdf"
    done = inside("compare", *(r.path for r in records), "--split", "val", "--html", page, "--figure", figure)
    assert done.returncode == 0, done.stderr
    assert "few0 and 2 more seeds" in done.stdout
    assert "of the variance of one run is the seed" in done.stdout
    assert figure.read_bytes().startswith(b"%PDF-1.4")
    assert f"{best.value:.4f}" in page.read_text()
    drawn = inside("compare", *(r.path for r in records), "--figure", tmp_path / "figure.svg")
    assert drawn.returncode == 0
    root = ElementTree.fromstring((tmp_path / "figure.svg").read_text())
    assert any("few0" in (text.text or "") for text in root.iter("{http://www.w3.org/2000/svg}text"))
    refused = inside("compare", *(r.path for r in records), "--figure", tmp_path / "figure.png")
    assert (refused.returncode, "takes .svg or .pdf" in refused.stderr) == (2, True)


def test_a_single_run_is_compared_with_several_by_their_spread(half, tmp_path):
    few = [seeded(half, tmp_path / f"few{n}", n, wrong_in(9, n)) for n in range(3)]
    alone = copied(half, tmp_path / "alone", wrong_in(2, 0))
    (alone.path / "config.yaml").write_text((alone.path / "config.yaml").read_text().replace("lr: 0.003", "lr: 0.004"))
    found = compare_runs([load_run(alone.path), *few], "accuracy", "val")
    assert [len(entry.runs) for entry in found.entries] == [3, 1]
    assert found.entries[1].against_best.test == "t-test over seeds and rows"
    assert any("is taken from those with several" in remark for remark in found.remarks)


def test_a_run_that_was_chosen_from_more_trials_is_told(half, tmp_path):
    for name, trials in (("wide", 5), ("narrow", 2)):
        for number in range(trials):
            write_trial(tmp_path / name, number, state="completed", values=[0.5], steps=10, full_steps=10, params={})
        (tmp_path / name / "sweep.json").write_text('{"metrics": ["val/accuracy"], "directions": ["maximize"]}')
        folder = tmp_path / name / "trials" / "0000"
        kept = (folder / "trial.json").read_text()
        shutil.rmtree(folder)
        copied(half, folder, wrong_in(9 if name == "wide" else 2, 0))
        (folder / "trial.json").write_text(kept)
    records = [load_run(tmp_path / name / "trials" / "0000") for name in ("wide", "narrow")]
    found = compare_runs(records, "accuracy", "val")
    (remark,) = [remark for remark in found.remarks if "tuned alike" in remark]
    assert "from 5 trials (50 steps)" in remark
    assert "from 2 trials (20 steps)" in remark
    assert not [r for r in compare_runs([half, records[0]], "accuracy", "val").remarks if "1 trials" in r]


def test_of_one_sweep_each_method_was_chosen_from_its_own_trials(half, tmp_path):
    methods = ["full", "lora", "lora", "full", "lora"]
    for number, method in enumerate(methods):
        params = {"method": method, "optimizer.lr": number}
        write_trial(tmp_path, number, state="completed", values=[0.5], steps=10, full_steps=10, params=params)
    (tmp_path / "sweep.json").write_text('{"metrics": ["val/accuracy"], "directions": ["maximize"]}')
    records = []
    for number in (0, 1, 2):
        folder = tmp_path / "trials" / f"000{number}"
        kept = (folder / "trial.json").read_text()
        shutil.rmtree(folder)
        copied(half, folder, wrong_in(9 - number, 0))
        (folder / "trial.json").write_text(kept)
        config = yaml.safe_load((folder / "config.yaml").read_text())
        config["method"]["name"] = methods[number]
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        records.append(load_run(folder))
    (remark,) = [r for r in compare_runs(records[:2], "accuracy", "val").remarks if "tuned alike" in r]
    assert "from 2 trials (20 steps)" in remark
    assert "from 3 trials (30 steps)" in remark
    assert remark.endswith("A sweep over method with hydra.sweeper.equal=method gives each the same")
    same_method = compare_runs(records[1:], "accuracy", "val").remarks
    assert not [remark for remark in same_method if "tuned alike" in remark], "both were chosen from all five"
