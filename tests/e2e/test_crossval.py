"""Cross-validation is a sweep whose replicates are folds: pruned, on all slots, and the same after a kill."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest
from sklearn.metrics import accuracy_score

from tunesmith.config.folders import expand
from tunesmith.runs.record import Record
from tunesmith.runs.sweep_record import load_sweep

LINE = [sys.executable, "-m", "tunesmith.cli.main"]
FOLDS = 5


@pytest.fixture(scope="module")
def sweep(reviews_csv, cache_dir, tmp_path_factory):
    """Six points over five folds on two slots with pruning, killed when some folds were done, and resumed."""
    from conftest import tiny_overrides

    folder = tmp_path_factory.mktemp("crossval")
    path = folder / "sweep"
    line = [text for text in tiny_overrides(reviews_csv, cache_dir, folder) if not text.startswith("optimizer.lr=")]
    rates = "optimizer.lr=1e-7,1e-5,1e-4,1e-3,3e-3,1e-2"
    search = ["hydra.sweeper.pruner=asha", "hydra.sweeper.n_jobs=2", "evaluation/crossval=stratified"]
    process = subprocess.Popen([*LINE, "train", "-m", *line, rates, *search, f"run.dir={path}"], stderr=subprocess.PIPE)
    for _ in range(1200):
        if process.poll() is not None or len(list(path.glob("trials/*/fold-*/predictions.jsonl"))) >= 4:
            break
        time.sleep(0.1)
    assert process.poll() is None, process.stderr.read().decode()
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run([*LINE, "resume", str(path)], capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return load_sweep(path), done.stdout


@pytest.mark.slow
def test_points_are_pruned_and_completed_ones_have_every_fold(sweep):
    record, _ = sweep
    assert record.facts["n_jobs"] == 2
    assert len(record.trials) == 6
    assert {trial.state for trial in record.trials} == {"completed", "pruned"}
    for trial in record.trials:
        if trial.state == "pruned":
            assert [run.name for run in trial.runs] == ["fold-0"]
            continue
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
    shown = subprocess.run([*LINE, "show", str(record.path), "--errors"], capture_output=True, text=True, check=True)
    every = len(Record(best.runs[0]).predictions("val")) * FOLDS
    (count,) = re.findall(r"^val: (?:all |\d+ of )(\d+) rows", shown.stdout, re.MULTILINE)
    assert abs(int(count) - every) < FOLDS, "the rows of all folds of the winner"
    winner = expand(record.path / "best.yaml").read_text()
    assert "folds: null" in winner
