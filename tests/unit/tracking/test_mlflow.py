"""Real runs in a store of MLflow, read back with its own client."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from synthetic_sweep import write_sweep

from tunesmith import compose, load_run, train
from tunesmith.config.schema import Logger
from tunesmith.errors import ConfigError
from tunesmith.reporting.sweep.leaderboard import leaderboard_rows
from tunesmith.reporting.sweep.tracking import log_sweep
from tunesmith.runs.sweep_record import load_sweep
from tunesmith.tracking.mlflow import MLflow
from tunesmith.tracking.tracker import TrackedRun

TARGET = "tunesmith.tracking.mlflow.MLflow"


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """One store for all tests: making its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """Where a store that is given keeps its artifacts."""
    monkeypatch.chdir(tmp_path)


def runs_of(uri, project):
    client = MlflowClient(tracking_uri=uri)
    return client, client.search_runs([client.get_experiment_by_name(project).experiment_id])


def curves(client, run):
    names = [name for name in run.data.metrics if not name.startswith("final/")]
    history = {name: client.get_metric_history(run.info.run_id, name) for name in names}
    return {name: sorted((point.step, point.value) for point in curve) for name, curve in history.items()}


def expected(points):
    """The curves of `metrics.jsonl`."""
    found = {}
    for point in points:
        for name in point.keys() - {"step", "epoch", "time_s"}:
            found.setdefault(name, []).append((point["step"], point[name]))
    return found


@pytest.mark.slow
def test_a_run_in_its_own_store_holds_points_config_model_and_end(tiny):
    record = train(compose([*tiny, "logger=mlflow", "logger.log_model=true", "run.tags=[a,b]"]))
    client, (run,) = runs_of(f"sqlite:///{record.path}/mlruns/mlflow.db", "tunesmith")
    assert curves(client, run) == expected(record.curves())
    assert (run.info.status, run.data.tags["status"], run.data.tags["exit_code"]) == ("FINISHED", "completed", "0")
    assert run.data.metrics["final/test/accuracy"] == record.metrics["test/accuracy"]
    assert (run.data.params["optimizer.lr"], run.data.tags["tags"]) == (str(record.config["optimizer"]["lr"]), "a,b")
    artifacts = record.path / "mlruns" / "artifacts" / run.info.run_id / "artifacts"
    assert yaml.safe_load((artifacts / "config.yaml").read_text())["optimizer"] == record.config["optimizer"]
    table = json.loads((artifacts / "result.json").read_text())
    assert table["model"][:2] == ["this run", "majority"]
    assert table["value"][0] == record.metrics["test/accuracy"]
    saved, weights = record.directory.model / "model.safetensors", artifacts / "model" / "model.safetensors"
    assert weights.read_bytes() == saved.read_bytes()


@pytest.mark.slow
def test_a_run_that_is_stopped_goes_on_in_its_run_with_every_point_once(tiny, uri, tmp_path, inside):
    stop = """
import os, signal, sys
from pytorch_lightning import Callback
from tunesmith.cli.main import main
from tunesmith.training.callbacks.progress import RunProgress
end = RunProgress.on_train_batch_end
def stopping(self, trainer, *rest, **more):
    end(self, trainer, *rest, **more)
    if trainer.global_step == 5:
        os.kill(os.getpid(), signal.SIGTERM)
RunProgress.on_train_batch_end = stopping
sys.exit(main(sys.argv[1:]))
"""
    given = [*tiny, "logger=mlflow", f"logger.tracking_uri={uri}", "logger.project=stopped", f"run.dir={tmp_path}/r"]
    line = [sys.executable, "-c", stop, "train", *given]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 143, done.stderr
    _, (run,) = runs_of(uri, "stopped")
    assert (run.info.status, run.data.tags["status"], run.data.tags["exit_code"]) == ("KILLED", "interrupted", "143")
    assert inside("resume", tmp_path / "r").returncode == 0
    client, (run,) = runs_of(uri, "stopped")
    assert curves(client, run) == expected(load_run(tmp_path / "r").curves())
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "completed")


@pytest.mark.slow
def test_a_point_written_before_is_not_written_again_and_a_refused_name_is_said(uri, tmp_path, caplog):
    for steps in ((1, 2, 3), (3, 4)):
        tracker = MLflow(project="again", tracking_uri=uri)
        tracker.open(TrackedRun(directory=tmp_path, name="n", config={}))
        for step in steps:
            tracker.log_metrics({"val/f1/a*b": step / 8}, step)
        tracker.finish("failed", 4)
    client, (run,) = runs_of(uri, "again")
    assert curves(client, run) == {"val/f1/a_b": [(step, step / 8) for step in (1, 2, 3, 4)]}
    assert (run.info.status, run.data.tags["exit_code"]) == ("FAILED", "4")
    assert "MLflow shows val/f1/a*b with _" in caplog.text


@pytest.mark.slow
def test_a_sweep_has_its_trials_below_it_in_its_own_store(uri, tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    path = write_sweep(tmp_path / "sweep", 8, prune=False)
    record, logger = load_sweep(path), Logger(target=TARGET, project="swept", tracking_uri=uri)
    group = record.facts["wandb_group"]
    for number, (name, kind) in enumerate([(group, "trial"), ("other", "trial"), (group, "train")]):
        trial = MLflow(project="swept", tracking_uri=uri)
        about = {"directory": tmp_path / str(number), "group": name, "job_type": kind, "sweep": path}
        trial.open(TrackedRun(name=f"t{number}", config={}, **about))
        trial.finish("pruned", 0)
    log_sweep(record, logger, status="stopped", exit_code=143)
    client, runs = runs_of(uri, "swept")
    named = {run.info.run_name: run for run in runs}
    sweep = named.pop(record.name)
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in named.items()}
    assert parents == {"t0": sweep.info.run_id, "t1": None, "t2": None}
    assert {run.data.tags["status"] for run in named.values()} == {"pruned"}
    assert (sweep.info.status, sweep.data.tags["status"]) == ("KILLED", "stopped")
    assert sweep.data.metrics["final/best/trial"] == record.best().number
    file = Path(client.download_artifacts(sweep.info.run_id, "trials.json", str(tmp_path)))
    header, *rows = leaderboard_rows(record)
    table = json.loads(file.read_text(encoding="utf-8"))
    assert table.keys() == set(header)
    assert table[header[0]] == [row[0] for row in rows]


@pytest.mark.slow
def test_a_variable_without_effect_is_said(tmp_path, monkeypatch, caplog, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    tracker = MLflow()
    monkeypatch.setattr(MLflow, "_uri", uri)
    with caplog.at_level(logging.WARNING):
        tracker.open(TrackedRun(directory=tmp_path, name="n", config={}))
    tracker.finish("completed", 0)
    assert "MLFLOW_TRACKING_URI: has no effect; logger.tracking_uri decides" in caplog.text


def test_without_the_package_nothing_is_started(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"logger=mlflow: requires the package.*pip install 'tunesmith\[mlflow\]'"):
        train(compose([*tiny, "logger=mlflow"]))
    assert not (tmp_path / "runs").exists()
