"""Cross-validation is a sweep whose replicates are folds: pruned, on all slots, and the same after a kill."""

import csv
import json
import re
import signal
import time

import pytest
from sklearn.metrics import accuracy_score
from warm import run_warm, start_warm

from tunesmith.config.folders import expand
from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import load_sweep

FOLDS = 5


def killed_and_resumed(path, line, num_ended):
    """Run a sweep that is killed as soon as so many of its folds have ended, and resume it."""
    process = start_warm("train", "-m", *line, f"run.dir={path}")
    for _ in range(6000):
        if process.poll() is not None or len(list(path.glob("trials/*/fold-*/predictions.jsonl"))) >= num_ended:
            break
        time.sleep(0.02)
    assert process.returncode is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = run_warm("resume", path)
    assert done.returncode == 0, done.stderr
    return load_sweep(path), done.stdout


@pytest.fixture(scope="module")
def sweep(reviews_csv, cache_dir, tmp_path_factory):
    """Six points over five folds on two slots with pruning, killed when some folds were done, and resumed."""
    from conftest import tiny_overrides

    folder = tmp_path_factory.mktemp("crossval")
    path = folder / "sweep"
    line = [text for text in tiny_overrides(reviews_csv, cache_dir, folder) if not text.startswith("optimizer.lr=")]
    rates = "optimizer.lr=1e-7,1e-5,1e-4,1e-3,3e-3,1e-2"
    search = ["hydra.sweeper.pruner=asha", "hydra.sweeper.n_jobs=2", "evaluation/crossval=stratified"]
    return killed_and_resumed(path, [*line, rates, *search], 2)


@pytest.fixture(scope="module")
def whole_and_killed(reviews_csv, cache_dir, tmp_path_factory):
    """The same pruned cross-validation twice: once in one go, once killed and resumed."""
    from conftest import tiny_overrides

    folder = tmp_path_factory.mktemp("killed")
    tiny = tiny_overrides(reviews_csv, cache_dir, folder)
    line = [text for text in tiny if not text.startswith("optimizer.lr=")]
    line += ["optimizer.lr=1e-5,1e-4,1e-3,1e-2", "evaluation/crossval=kfold", "data.split.folds=2"]
    line += ["hydra.sweeper.pruner=asha", "hydra.sweeper.executor=inprocess"]  # in several slots, the first end decides
    done = run_warm("train", "-m", *line, f"run.dir={folder / 'whole'}")
    assert done.returncode == 0, done.stderr
    return load_sweep(folder / "whole"), killed_and_resumed(folder / "killed", line, 1)[0]


@pytest.mark.slow
def test_a_killed_and_resumed_cross_validation_equals_one_that_was_not(whole_and_killed):
    whole, killed = whole_and_killed
    for one, other in zip(whole.trials, killed.trials, strict=True):
        kept = ("state", "values", "params", "rungs", "curve", "replicates", "steps", "full_steps", "decision")
        assert [getattr(one, name) for name in kept] == [getattr(other, name) for name in kept]
        assert [run.name for run in one.runs] == [run.name for run in other.runs]
    assert whole.best().number == killed.best().number
    for name in ("out_of_fold.jsonl", "fold-0/model/model.safetensors"):
        assert (whole.best().directory / name).read_bytes() == (killed.best().directory / name).read_bytes()
    assert (whole.path / "crossval.json").read_text() == (killed.path / "crossval.json").read_text()
    boards = [list(csv.DictReader((sweep.path / "leaderboard.csv").open())) for sweep in whole_and_killed]
    assert [row | {"seconds": "", "peak_memory_mb": ""} for row in boards[0]] == [
        row | {"seconds": "", "peak_memory_mb": ""} for row in boards[1]
    ]


@pytest.mark.slow
def test_points_are_pruned_and_completed_ones_have_every_fold(sweep):
    record, _ = sweep
    assert record.facts["n_jobs"] == 2
    assert len(record.trials) == 6
    assert {trial.state for trial in record.trials} == {"completed", "pruned"}
    for trial in record.trials:
        assert trial.steps <= trial.full_steps
        if trial.state == "pruned":
            assert [run.name for run in trial.runs] in (["fold-0"], ["fold-0", "fold-1"])
            continue
        assert trial.steps == trial.full_steps == sum(Record(run).results["steps"] for run in trial.runs)
        assert trial.rungs[2] == trial.replicates[0][0]
        assert trial.rungs[3] == pytest.approx((trial.replicates[0][0] + trial.replicates[1][0]) / 2)
        assert [run.name for run in trial.runs] == [f"fold-{number}" for number in range(FOLDS)]
        assert [Record(run).config["data"]["split"]["fold"] for run in trial.runs] == list(range(FOLDS))
        assert {Record(run).config["seed"] for run in trial.runs} == {0}
        each = [Record(run).metrics["val/accuracy"] for run in trial.runs]
        assert trial.values[0] == pytest.approx(sum(each) / FOLDS)


@pytest.mark.slow
def test_out_of_fold_rows_are_complete_and_unique_and_their_results_follow_from_them(sweep):
    record, out = sweep
    results = json.loads((record.path / "crossval.json").read_text())
    best = record.best()
    assert results["trials"][0]["trial"] == best.number
    for each in results["trials"]:
        trial = next(trial for trial in record.trials if trial.number == each["trial"])
        rows = [json.loads(line) for line in (trial.directory / "out_of_fold.jsonl").read_text().splitlines()]
        split = json.loads((trial.runs[0] / "split.json").read_text())["content_ids"]
        assert sorted(row["content_id"] for row in rows) == sorted([*split["train"], *split["val"]])
        assert len({row["id"] for row in rows}) == len(rows) == each["num_rows"]
        whole = accuracy_score([row["label"] for row in rows], [row["prediction"] for row in rows])
        assert each["over_rows"] == pytest.approx(whole)
        assert each["interval"][0] <= whole <= each["interval"][1]
        assert each["by_fold"] == [Record(run).metrics["val/accuracy"] for run in trial.runs]
    assert "95% over rows" in out
    shown = run_warm("show", record.path, "--errors")
    assert shown.returncode == 0, shown.stderr
    every = len(Record(best.runs[0]).predictions("val")) * FOLDS
    (count,) = re.findall(r"^val: (?:all |\d+ of )(\d+) rows", shown.stdout, re.MULTILINE)
    assert abs(int(count) - every) < FOLDS, "the rows of all folds of the winner"
    winner = expand(record.path / "best.yaml").read_text()
    assert "folds: null" in winner
    assert winner.startswith("# Compared with others over 5 folds. Trained on all rows but data.split.test_fraction=")
    assert "the folds are dropped" in " ".join(out.split())
    assert '<h2 id="crossval">Cross-validation</h2>' in (record.path / "report.html").read_text()
