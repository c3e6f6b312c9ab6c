"""A run, an interrupted run and an interrupted sweep of an earlier state of the code are still what they were.

`tests/data/made_before.tar.xz` holds LoRA on the tiny encoder and 60 reviews, made before the rooms were redrawn.
"""

import json
import tarfile
from pathlib import Path

import pytest

from tunesmith import load_model, load_run
from tunesmith.runs.sweep_record import SweepRecord

ARCHIVE = Path(__file__).parents[1] / "data" / "made_before.tar.xz"


@pytest.fixture
def before(tmp_path, monkeypatch):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_run_shows_answers_and_is_measured_as_it_was(before, inside):
    record = load_run(before / "run")
    shown = inside("show", before / "run")
    assert shown.returncode == 0, shown.stderr
    assert f"{record.metrics['val/accuracy']:.4f}" in shown.stdout
    measured = inside("evaluate", before / "run", "--split", "val")
    assert measured.returncode == 0, measured.stderr
    results = json.loads((Path(measured.stdout.split()[-1]) / "results.json").read_text())
    assert results["metrics"]["val/loss"] == pytest.approx(record.metrics["val/loss"], rel=1e-5)
    assert len(record.predictions("val")) == record.results["num_rows"]["val"]
    assert load_model(record).labels == record.labels


@pytest.mark.slow
def test_a_run_is_reproduced(before, inside):
    """Another machine's bits may differ; its numbers do not."""
    again = inside("reproduce", before / "run", "--allow-close")
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_its_end(before, inside):
    done = inside("resume", before / "interrupted")
    assert done.returncode == 0, done.stderr
    record = load_run(before / "interrupted")
    assert record.status == "completed"
    assert record.results["steps"] > 6, "where it was interrupted"
    steps = [point["step"] for point in record.curves() if "val/loss" in point]
    assert steps == sorted(set(steps)), "no step is measured twice"


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_to_its_end(before, inside):
    finished = {
        trial.number: trial.values for trial in SweepRecord(before / "sweep").trials if trial.state == "completed"
    }
    assert inside("show", before / "sweep").returncode == 0
    done = inside("resume", before / "sweep")
    assert done.returncode == 0, done.stderr
    trials = SweepRecord(before / "sweep").trials
    assert [trial.state for trial in trials] == ["completed"] * 5
    assert {trial.number: trial.values for trial in trials if trial.number in finished} == finished
