"""A sweep that runs is a thing of its own: edits of configs do not reach it, and no second driver does."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tunesmith.runs.sweep_record import load_sweep

REPOSITORY = Path(__file__).parents[2]
LINE = [sys.executable, "-m", "tunesmith.cli.main"]


def wait_for(condition, what, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.05)


@pytest.fixture
def checkout(tmp_path):
    """The project copied, so that its configs may be edited, with a user's folder beside it."""
    for name in ("src", "conf", "sweeps"):
        shutil.copytree(REPOSITORY / name, tmp_path / "checkout" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "mine" / "optimizer").mkdir(parents=True)
    (tmp_path / "mine" / "optimizer" / "own.yaml").write_text("defaults: [adamw]\nweight_decay: 0.125\n")
    return tmp_path


def trials_of(sweep):
    return [json.loads(file.read_text()) for file in sorted(sweep.glob("trials/*/trial.json"))]


@pytest.mark.slow
def test_edits_and_a_second_driver_change_nothing_in_a_sweep_that_runs(checkout, tiny):
    place = os.environ | {"PYTHONPATH": str(checkout / "checkout" / "src")}
    sweep = checkout / "sweep"
    mine = ["--config-dir", checkout / "mine"]
    values = [3e-3, 2e-3, 1e-3, 5e-4]
    rates = "optimizer.lr=" + ",".join(map(str, values))
    common = [text for text in tiny if not text.startswith("optimizer.lr=")]
    line = [*LINE, "train", "-m", *mine, *common, "optimizer=own", rates, "hydra.sweeper.n_jobs=1", f"run.dir={sweep}"]
    running = subprocess.Popen([*map(str, line)], env=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: trials_of(sweep), "the first trial")

    shutil.rmtree(checkout / "mine")
    for file in (checkout / "checkout" / "conf").rglob("*.yaml"):
        file.unlink() if file.stem in ("adamw", "linear", "csv") else file.write_text("seed: [no, number\n")
    shutil.rmtree(checkout / "checkout" / "sweeps")
    assert len(trials_of(sweep)) < len(values), "trials still wait while everything is edited"
    second = subprocess.run(
        [*LINE, "resume", sweep], capture_output=True, text=True, check=False, env=os.environ, timeout=120
    )
    assert second.returncode == 5, second.stderr
    assert "is in use by another process" in second.stderr

    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert out.splitlines()[-1] == str(sweep)
    trials = load_sweep(sweep).trials
    assert [trial.state for trial in trials] == ["completed"] * len(values)
    configs = [yaml.safe_load((trial.directory / "config.yaml").read_text()) for trial in trials]
    assert sorted(config["optimizer"]["lr"] for config in configs) == sorted(values)
    assert {config["optimizer"]["weight_decay"] for config in configs} == {0.125}
    assert {config["seed"] for config in configs} == {0}

    shutil.copytree(trials[0].directory, checkout / "copy")
    shutil.rmtree(sweep)
    again = subprocess.run([*LINE, "reproduce", checkout / "copy"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "bit-identical" in again.stdout
    assert Path(again.stdout.splitlines()[-1]).is_relative_to(checkout / "runs"), "among all runs, not in the sweep"
    assert not sweep.exists()
