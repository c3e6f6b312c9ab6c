"""The W&B run of a whole sweep: what the client wrote is read back with its own reader."""

import json
import math
import os
import subprocess
import sys

import pytest
import wandb
import yaml
from loopback import Backend
from offline_file import records_of, summary_of
from synthetic_sweep import write_facts, write_sweep, write_trial

from tunesmith.config.schema import Logger
from tunesmith.reporting.sweep.leaderboard import leaderboard_rows
from tunesmith.reporting.sweep.study import importances
from tunesmith.reporting.sweep.tracking import log_sweep
from tunesmith.runs.sweep_record import load_sweep

SECRET = "5up3r-s3cret-value"


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home" / "netrc"))
    yield
    if wandb.run is not None:
        wandb.run.finish()


def media(path, name):
    (file,) = path.glob(f"wandb/offline-run-*/files/media/*/sweep/{name}*.json")
    return json.loads(file.read_text(encoding="utf-8"))


def history(path):
    points = [record["item"] for record in records_of(path, "history")]
    return [point for point in points if "sweep/trial" in point]


@pytest.mark.slow
def test_the_run_of_a_sweep_holds_table_curve_importances_lines_and_winner(tmp_path):
    path = write_sweep(tmp_path / "sweep", 40, prune=False)
    record = load_sweep(path)
    (path / "best.yaml").write_text("optimizer: {lr: 0.5}\nhub: ${oc.env:HF_TOKEN}\n", encoding="utf-8")
    hint = log_sweep(record, Logger(name="wandb"), status="completed", exit_code=0)
    assert wandb.run is None, "closed"
    assert hint.startswith(f"tracked offline; to send it to W&B later: wandb sync {path}/wandb/offline-run-")

    summary = summary_of(path)
    best = record.best()
    assert (summary["state"], summary["exit_code"], summary["name"]) == ("finished", 0, "tpe_asha")
    (run,) = [record for record in records_of(path, "run") if "job_type" in record][:1]
    assert (run["job_type"], run["run_group"]) == ("sweep", "tpe_asha-3fa9c1")
    assert summary["config"]["sweep"]["space"] == record.facts["space"]
    assert summary["config"]["winner"] == {
        "trial": best.number,
        "params": dict(best.params),
        "config": {"optimizer": {"lr": 0.5}, "hub": "${oc.env:HF_TOKEN}"},
    }
    found = summary["summary"]
    assert (found["best/trial"], found["best/val/accuracy"]) == (best.number, best.values[0])
    assert (found["trials/completed"], found["trials/failed"], found["status"]) == (38, 1, "completed")

    completed = [trial for trial in record.trials if trial.completed]
    points = history(path)
    assert [point["sweep/val/accuracy"] for point in points] == [trial.values[0] for trial in completed]
    assert [point["sweep/num_completed"] for point in points] == list(range(1, len(completed) + 1))
    running = [max(trial.values[0] for trial in completed[: place + 1]) for place in range(len(completed))]
    assert [point["sweep/best"] for point in points] == running

    table = media(path, "trials_")
    header, *rows = leaderboard_rows(record)
    assert table["columns"] == header
    for row, expected in zip(table["data"], rows, strict=True):
        assert row == [cell if isinstance(cell, str) or cell is None else pytest.approx(cell) for cell in expected]
    weights = importances(record)
    assert media(path, "importances")["data"] == [[key, pytest.approx(value)] for key, value in weights.items()]
    assert len(media(path, "parallel")["data"]) == len(completed)


@pytest.mark.slow
def test_a_failed_sweep_is_shown_as_one_and_several_objectives_name_their_front(tmp_path):
    path = write_sweep(tmp_path / "sweep", 12, objectives=2)
    record = load_sweep(path)
    log_sweep(record, Logger(name="wandb"), status="failed", exit_code=4)
    summary = summary_of(path)
    assert (summary["state"], summary["exit_code"]) == ("failed", 4)
    assert summary["summary"]["pareto_trials"] == [trial.number for trial in record.pareto()]
    assert "winner" not in summary["config"]
    assert all("sweep/best" not in point for point in history(path))


@pytest.mark.slow
def test_a_sweep_of_nothing_and_of_every_type_is_logged(tmp_path, caplog):
    log_sweep(load_sweep(write_facts(tmp_path / "none")), Logger(name="wandb"), status="interrupted", exit_code=130)
    assert summary_of(tmp_path / "none")["exit_code"] == 130
    for number, value in enumerate((1, "x", True, None, [1], {"k": 2}, 1.5, math.inf)):
        write_trial(tmp_path / "odd", number, state="completed", values=[0.5], params={"a": value})
    log_sweep(load_sweep(write_facts(tmp_path / "odd", space={})), Logger(name="wandb"), status="stopped", exit_code=0)
    cells = [row[4] for row in media(tmp_path / "odd", "trials_")["data"]]
    assert cells == ["1", "x", "true", "null", "[1]", '{"k": 2}', "1.5", "inf"]
    assert not [record for record in caplog.records if record.name.startswith("tunesmith")], "no warning"


def test_a_secret_in_a_trial_is_not_logged(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", SECRET)
    reason = f"refused: https://me:{SECRET}@host and {SECRET}"
    write_trial(tmp_path, 0, state="failed", reason=reason, params={"a": SECRET, "hub.token": "abc"})
    record = load_sweep(write_facts(tmp_path, command=f"tunesmith sweep x a={SECRET}", space={}))
    log_sweep(record, Logger(name="wandb"), status="failed", exit_code=4)
    for file in (tmp_path / "wandb").rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file


LOG = """
import sys
from tunesmith.config.schema import Logger
from tunesmith.reporting.sweep.tracking import log_sweep
from tunesmith.runs.sweep_record import load_sweep
print(log_sweep(load_sweep(sys.argv[1]), Logger(name="wandb"), status="completed", exit_code=0))
"""


@pytest.mark.slow
def test_a_resumed_sweep_goes_on_with_its_run(tmp_path):
    backend = Backend()
    account = {"WANDB_BASE_URL": backend.url, "WANDB_API_KEY": "a" * 40}
    path = write_facts(tmp_path / "sweep", space={}, distributions={})
    try:
        for number in range(4):
            ended = f"2026-11-23T03:0{number}:00+00:00"
            write_trial(path, number, state="completed", values=[number / 10], params={"a": number}, ended=ended)
            if number % 2:
                line = [sys.executable, "-c", LOG, path]
                done = subprocess.run(line, env={**os.environ, **account}, capture_output=True, text=True, timeout=60)
                assert (done.stdout, done.stderr) == ("None\n", "")
    finally:
        backend.close()
    (points,) = backend.runs.values()
    points = [point for point in points if "sweep/trial" in point]
    assert [(point["sweep/num_completed"], point["sweep/trial"]) for point in points] == [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 3),
    ]


def test_the_winners_config_comes_from_its_run_where_no_best_was_written(tmp_path):
    folder = write_trial(tmp_path, 0, state="completed", values=[0.5], params={"a": 1})
    (folder / "config.yaml").write_text(yaml.safe_dump({"a": 1, "b": 2}), encoding="utf-8")
    log_sweep(load_sweep(write_facts(tmp_path)), Logger(name="wandb"), status="completed", exit_code=0)
    assert summary_of(tmp_path)["config"]["winner"]["config"] == {"a": 1, "b": 2}
