"""The W&B client for real: what it wrote is read back with its own reader."""

import json
import logging
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import wandb
from loopback import Backend
from offline_file import records_of, summary_of

from tunesmith.config.schema import Logger
from tunesmith.errors import ConfigError, TunesmithError
from tunesmith.tracking.curves import CurveLogger
from tunesmith.tracking.guarded import open_tracker
from tunesmith.tracking.tracker import TrackedRun
from tunesmith.tracking.wandb.key import refuse_bad_key
from tunesmith.tracking.wandb.mode import choose_mode
from tunesmith.tracking.wandb.run import NUM_WORST

CONFIG = {"seed": 0, "optimizer": {"lr": 1e-4, "betas": [0.9, 0.999]}, "hub": "${oc.env:HF_TOKEN}", "none": None}
LABELS = ["neg", "pos"]
SECRET = "5up3r-s3cret-value"
KEY = "0123456789abcdef" * 2 + "01234567"


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home" / "netrc"))
    yield
    if wandb.run is not None:
        wandb.run.finish()


def opened(directory, **options):
    logger = Logger(name="wandb", **options)
    about = {"group": logger.group, "job_type": logger.job_type}
    run = TrackedRun(directory=directory, name="a name", tags=["x", "y"], config=CONFIG, **about)
    return open_tracker(logger, run)._tracker


@pytest.fixture
def backend():
    backend = Backend()
    yield backend
    backend.hang.clear()
    backend.close()


def start(directory, body, *argv, **environ):
    """Run `body` in a process of its own, with `tracker` already open in `directory`."""
    script = f"""
import logging, os, signal, sys, time
from pathlib import Path
logging.basicConfig(format="%(levelname)s %(message)s")
from tunesmith.config.schema import Logger
from tunesmith.tracking.guarded import open_tracker
from tunesmith.tracking.tracker import TrackedRun
planted = os.environ.get("PLANTED")
config = {{"optimizer": {{"lr": 0.1}}, "extra": {{"api_key": planted}}, "note": planted}}
logger = Logger(name="wandb", log_model=True)
tracker = open_tracker(logger, TrackedRun(directory=Path({str(directory)!r}), name="n", config=config))._tracker
{textwrap.dedent(body)}
"""
    command = [sys.executable, "-c", script, *argv]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env={**clean, **environ}, text=True, **pipes)


@pytest.fixture(scope="module", autouse=True)
def unanswered(tmp_path_factory):
    """Runs against a black hole and a closed port; they wait while the other tests work."""
    hole = socket.create_server(("127.0.0.1", 0), backlog=50)
    closed = socket.create_server(("127.0.0.1", 0))
    ports = {"hole": hole.getsockname()[1], "refused": closed.getsockname()[1]}
    closed.close()
    body = "print(tracker.mode, tracker.sync_hint)\ntracker.finish('completed', 0)"
    account = {"WANDB_API_KEY": "a" * 40}
    with hole:
        yield {
            directory: start(directory, body, WANDB_BASE_URL=f"http://127.0.0.1:{port}", **account)
            for kind, port in ports.items()
            if (directory := tmp_path_factory.mktemp(kind))
        }


def test_an_offline_run_holds_config_curves_summary_and_charts(tmp_path):
    tracker = opened(tmp_path)
    assert (tracker.mode, tracker.url) == ("offline", None)
    for step in (10, 20, 30):
        tracker.log_metrics({"train/loss": 1 / step, "epoch": 0}, step=step)
    tracker.log_metrics({"val/loss": math.nan}, step=30)
    CurveLogger(tracker).log_hyperparams({"flat": 1})
    tracker.summarise({"test/accuracy": 0.875})
    rows = [
        {"id": n, "split": "test", "text": f"t{n}", "label": "neg", "prediction": "pos", "logits": [0.0, float(n)]}
        for n in range(NUM_WORST + 10)
    ]
    tracker.log_predictions([*rows, {**rows[0], "label": None}], LABELS)
    hint = tracker.sync_hint
    tracker.finish("completed", 0)
    tracker.finish("failed", 1)

    summary = summary_of(tmp_path)
    assert summary["config"] == CONFIG
    assert (summary["state"], summary["exit_code"]) == ("finished", 0)
    assert (summary["name"], summary["tags"], summary["project"]) == ("a name", ["x", "y"], "tunesmith")
    assert summary["summary"]["test/accuracy"] == 0.875
    assert summary["summary"]["status"] == "completed"
    points = [record["item"] for record in records_of(tmp_path, "history")]
    curve = [(point["trainer/global_step"], point["train/loss"]) for point in points if "train/loss" in point]
    assert curve == [(10, 1 / 10), (20, 1 / 20), (30, 1 / 30)]
    assert [point["val/loss"] for point in points if "val/loss" in point] == ["NaN"]
    assert any(metric.get("step_metric") == "trainer/global_step" for metric in records_of(tmp_path, "metric"))
    worst = json.loads(next(tmp_path.glob("wandb/*run*/files/media/table/test/worst*.json")).read_text())["data"]
    assert [row[0] for row in worst] == [str(n) for n in range(NUM_WORST + 9, 9, -1)]
    matrix = json.loads(next(tmp_path.glob("wandb/*run*/files/media/table/test/conf*.json")).read_text())["data"]
    assert ["neg", "pos", NUM_WORST + 10] in matrix
    assert Path(hint.removeprefix("wandb sync ")) in tmp_path.glob("wandb/offline-run-*")
    assert list(tmp_path.glob("wandb/data/artifacts/staging/*"))


@pytest.mark.slow
def test_an_interrupted_process_closes_its_run(tmp_path):
    body = """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            tracker._run.log({"train/loss": 1.0, "trainer/global_step": 7})
            print("ready", flush=True)
            time.sleep(60)
        except SystemExit as stop:
            tracker.finish("interrupted", stop.code)
            raise
    """
    process = start(tmp_path, body)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    summary = summary_of(tmp_path)
    assert (summary["exit_code"], summary["summary"]["status"]) == (143, "interrupted")
    assert summary["summary"]["trainer/global_step"] == 7


@pytest.mark.slow
def test_what_was_flushed_survives_a_kill(tmp_path):
    body = """
        print(tracker._run.settings.x_transaction_log_flush_interval, flush=True)
        tracker._run.log({"train/loss": 1.0, "trainer/global_step": 7})
        time.sleep(60)
    """
    process = start(tmp_path, body)
    assert float(process.stdout.readline()) == 1, "second; the client's own is 15"
    (file,) = tmp_path.glob("wandb/*run-*/run-*.wandb")
    while b"train/loss" not in file.read_bytes() and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=30)
    assert [record["item"]["trainer/global_step"] for record in records_of(tmp_path, "history")] == [7]


def test_a_failure_is_shown_as_one(tmp_path):
    opened(tmp_path).finish("failed", 4)
    summary = summary_of(tmp_path)
    assert (summary["state"], summary["exit_code"], summary["summary"]["status"]) == ("failed", 4, "failed")


@pytest.mark.slow
def test_a_pruned_run_is_finished_and_says_that_it_was_pruned(tmp_path):
    opened(tmp_path, group="a sweep", job_type="trial").finish("pruned", 0)
    summary = summary_of(tmp_path)
    assert (summary["state"], summary["summary"]["status"], summary["tags"]) == (
        "finished",
        "pruned",
        ["x", "y", "pruned"],
    )
    (run,) = [record for record in records_of(tmp_path, "run") if "tags" in record][-1:]
    assert (run["run_group"], run["job_type"]) == ("a sweep", "trial")


@pytest.mark.slow
def test_a_server_that_does_not_answer_costs_one_warning(unanswered):
    for directory, process in unanswered.items():
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert out.startswith("offline wandb sync ")
        assert err.count("\n") == 1
        assert "WARNING W&B server not reached" in err
        assert summary_of(directory)["state"] == "finished"


@pytest.mark.slow
def test_no_planted_secret_is_written_anywhere(tmp_path):
    directory = tmp_path / "run"
    body = "tracker._run.log({'train/loss': 1.0})\ntracker.finish('completed', 0)"
    argv = [f"logger.api_key={SECRET}", "--token", SECRET, f"note={SECRET}"]
    process = start(directory, body, *argv, PLANTED=SECRET, MY_TOKEN=SECRET)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"logger.api_key=" in path.read_bytes() for path in files)
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in out + err


def test_a_second_run_in_the_process_is_refused_until_the_first_is_closed(tmp_path):
    first = opened(tmp_path / "first")
    with pytest.raises(TunesmithError, match="already open"):
        opened(tmp_path / "second")
    first.finish("completed", 0)
    second = opened(tmp_path / "second")
    second.finish("completed", 0)
    assert list((tmp_path / "second" / "wandb").glob("offline-run-*"))


def test_client_failures_become_one_warning_and_our_own_mistakes_do_not(tmp_path, caplog, monkeypatch):
    tracker = opened(tmp_path, log_model=True)

    def fail(*args, **kwargs):
        raise RuntimeError(f"boom token={SECRET}")

    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(tracker._run, "log", fail)
        broken.setattr(tracker._run, "log_artifact", fail)
        for step in range(3):
            tracker.log_metrics({"train/loss": 1.0}, step=step)
        tracker.log_predictions(
            [{"id": 1, "split": "val", "label": "neg", "prediction": "neg", "logits": [1, 0]}], LABELS
        )
        (tmp_path / "model").mkdir()
        tracker.log_model(tmp_path / "model")
    assert [record.levelname for record in caplog.records if record.name.startswith("tunesmith")] == ["WARNING"] * 3
    assert SECRET not in caplog.text
    with pytest.raises(ValueError, match="unknown"):
        tracker.log_predictions(
            [{"id": 1, "split": "val", "label": "unknown", "prediction": "neg", "logits": [1, 0]}], LABELS
        )
    tracker.finish("completed", 0)


def test_a_client_that_cannot_be_imported_costs_one_warning(tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    tracker = opened(tmp_path)
    tracker.log_metrics({"train/loss": 1.0}, step=1)
    tracker.finish("completed", 0)
    assert tracker.mode == "disabled"
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_only_the_failed_attempt_is_removed(tmp_path, monkeypatch):
    def fail(**options):
        attempt = tmp_path / "wandb" / ("run-attempt" if options["mode"] == "online" else "offline-run-attempt")
        attempt.mkdir()
        raise RuntimeError("away")

    earlier = tmp_path / "wandb" / "run-earlier"
    earlier.mkdir(parents=True)
    monkeypatch.setattr(wandb, "init", fail)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert opened(tmp_path).mode == "disabled"
    assert {path.name for path in earlier.parent.iterdir()} == {"run-earlier", "offline-run-attempt"}


def test_disabled_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    tracker = opened(tmp_path)
    tracker.log_metrics({"train/loss": 1.0}, step=1)
    tracker.summarise({"test/accuracy": 1.0})
    tracker.finish("completed", 0)
    assert (tracker.mode, tracker.sync_hint) == ("disabled", None)
    assert list(tmp_path.rglob("*.wandb")) == []


@pytest.mark.parametrize(
    ("configured", "environ", "mode"),
    [
        ("auto", {}, "offline"),
        ("online", {}, "offline"),
        ("auto", {"WANDB_API_KEY": "k"}, "online"),
        ("offline", {"WANDB_API_KEY": "k"}, "offline"),
        ("offline", {"WANDB_API_KEY": "k", "WANDB_MODE": "online"}, "online"),
        ("online", {"WANDB_API_KEY": "k", "WANDB_MODE": "dryrun"}, "offline"),
        ("online", {"WANDB_API_KEY": "k", "WANDB_MODE": "disabled"}, "disabled"),
        ("online", {"WANDB_API_KEY": "k", "WANDB_MODE": "nonsense"}, "offline"),
    ],
)
def test_mode(configured, environ, mode):
    assert choose_mode(configured, environ) == mode


def test_a_key_in_netrc_means_online(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine wandb.example\n  login user\n  password {'a' * 40}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert choose_mode("auto", {"WANDB_BASE_URL": "https://wandb.example"}) == "online"
    assert choose_mode("auto", {"WANDB_BASE_URL": "https://other.example"}) == "offline"


ONLINE = """
    folder = tracker._directory / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(os.urandom(12_000_000))
    for step in (10, 20):
        tracker._run.log({"train/loss": 1 / step, "trainer/global_step": step})
    tracker.summarise({"test/accuracy": 0.875})
    rows = [{"id": 1, "split": "test", "label": "neg", "prediction": "pos", "logits": [0.1, 2.0]}]
"""


@pytest.mark.slow
def test_an_online_run_and_its_slow_model_arrive_whole(tmp_path, backend):
    backend.bytes_per_s = 2_000_000
    body = (
        ONLINE
        + """
    tracker.log_predictions(rows, ["neg", "pos"])
    tracker.log_model(folder)
    began = time.monotonic()
    tracker.finish("completed", 0)
    print(tracker.mode, tracker.url, tracker.sync_hint, time.monotonic() - began)
    """
    )
    process = start(tmp_path, body, WANDB_BASE_URL=backend.url, WANDB_API_KEY=KEY)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    mode, url, hint, finish_s = out.split()
    assert (mode, hint) == ("online", "None")
    assert url.startswith(backend.url)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []
    assert float(finish_s) > 5, "too fast to show that a moving upload outlives the client's own time limit"
    curve = [(point["trainer/global_step"], point["train/loss"]) for point in backend.points if "train/loss" in point]
    assert curve == [(10, 0.1), (20, 0.05)]
    assert backend.exit_code == 0
    assert len(backend.uploads["/artifacts/model.safetensors"]) == 12_000_000
    assert b"0.875" in backend.uploads["/files/wandb-summary.json"]
    assert {"/artifacts/test/confusion_matrix_table.table.json", "/artifacts/test/worst_predictions.table.json"} <= set(
        backend.uploads
    )


@pytest.mark.slow
def test_a_server_that_goes_away_ends_neither_the_run_nor_the_patience(tmp_path, backend):
    body = (
        ONLINE
        + """
    print("ready", flush=True)
    sys.stdin.readline()
    tracker.log_predictions(rows, ["neg", "pos"])
    tracker.log_model(folder)
    tracker.finish("failed", 4)
    print(tracker.sync_hint)
    """
    )
    process = start(tmp_path, body, WANDB_BASE_URL=backend.url, WANDB_API_KEY=KEY)
    assert process.stdout.readline() == "ready\n"
    backend.hang.set()
    out, err = process.communicate("go\n", timeout=30)
    assert process.returncode == 0
    assert out.startswith("wandb sync --include-online ")
    assert [line.split()[0] for line in err.splitlines()] == ["WARNING", "WARNING"]
    summary = summary_of(tmp_path)
    assert (summary["state"], summary["exit_code"]) == ("failed", 4)


PART = """
    first = int(sys.argv[1])
    for step in (first, first + 1):
        tracker._run.log({"train/loss": 1 / step, "trainer/global_step": step})
    tracker.finish("interrupted", 143)
    print(tracker.sync_hint)
"""


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_its_run_on_the_server(tmp_path, backend):
    account = {"WANDB_BASE_URL": backend.url, "WANDB_API_KEY": KEY}
    for first in (1, 3):
        out, err = start(tmp_path, PART, str(first), **account).communicate(timeout=60)
        assert (out, err) == ("None\n", "")
    (points,) = backend.runs.values()
    assert [point["trainer/global_step"] for point in points] == [1, 2, 3, 4]
    assert [point["_step"] for point in points] == [0, 1, 2, 3]


@pytest.mark.slow
def test_the_parts_of_a_run_resumed_offline_become_one_run_when_they_are_sent(tmp_path, backend):
    directory = tmp_path / "a run"
    for first in (1, 3):
        hint, err = start(directory, PART, str(first)).communicate(timeout=60)
        assert err == ""
        time.sleep(1)  # the client names its folders by the second
    assert hint.count("offline-run-") == 2
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    line = [sys.executable, "-m", *shlex.split(hint)]
    account = {"WANDB_BASE_URL": backend.url, "WANDB_API_KEY": KEY}
    sent = subprocess.run(line, cwd=tmp_path, env={**clean, **account}, capture_output=True, text=True)
    assert sent.returncode == 0, sent.stderr
    (points,) = backend.runs.values()
    assert [point["trainer/global_step"] for point in points] == [1, 2, 3, 4]


def test_a_damaged_id_opens_a_new_run(tmp_path):
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "run-id").write_text("../../elsewhere\n")
    opened(tmp_path).finish("completed", 0)
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    assert folder.name.endswith((tmp_path / "wandb" / "run-id").read_text().strip())


CURVES = """
    for step in range(1, 6):
        tracker._run.log({"train/loss": 1 / step, "trainer/global_step": step})
        time.sleep(0.5)
    time.sleep(2)
    row = {"id": 1, "split": "val", "label": "neg", "prediction": "neg", "logits": [1.0, 0.0]}
    tracker.log_predictions([row], ["neg"])
    tracker.finish("completed", 0)
    print(tracker.mode, tracker.sync_hint)
"""


@pytest.mark.slow
def test_a_server_that_turns_to_errors_is_away_and_the_key_is_not_blamed(tmp_path, backend):
    backend.fails_after_stream = True
    process = start(tmp_path, CURVES, WANDB_BASE_URL=backend.url, WANDB_API_KEY=KEY)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0
    assert out.startswith("online wandb sync --include-online ")
    assert "credentials" not in err
    assert "no longer answers" in err
    assert summary_of(tmp_path)["state"] == "finished"


@pytest.mark.slow
def test_a_slow_server_gets_the_whole_run(tmp_path, backend):
    backend.answer_s = 1.0
    process = start(tmp_path, CURVES, WANDB_BASE_URL=backend.url, WANDB_API_KEY=KEY)
    out, err = process.communicate(timeout=150)
    assert (process.returncode, err) == (0, "")
    assert out == "online None\n"
    assert backend.exit_code == 0, "it is finished there"
    assert len([point for point in backend.points if "train/loss" in point]) == 5


@pytest.mark.parametrize("key", ["abcde", KEY])
def test_a_refused_key_is_called_so_and_nothing_was_unreachable(tmp_path, backend, monkeypatch, caplog, key):
    backend.refuses = True
    monkeypatch.setenv("WANDB_BASE_URL", backend.url)
    monkeypatch.setenv("WANDB_API_KEY", key)
    with caplog.at_level(logging.WARNING):
        tracker = opened(tmp_path)
        tracker.finish("completed", 0)
    assert tracker.mode == "offline"
    (said,) = [record.getMessage() for record in caplog.records if record.name.startswith("tunesmith")]
    assert "key is rejected" in said
    assert key not in said
    with pytest.raises(ConfigError, match="key is rejected"):
        refuse_bad_key("online")
    refuse_bad_key("auto")
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(ConfigError, match="key is rejected"):
        refuse_bad_key("auto")


@pytest.mark.slow
def test_an_identity_in_the_environment_is_nobody_s(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("WANDB_RUN_ID", "abc123")
    monkeypatch.setenv("WANDB_NAME", "mine")
    monkeypatch.setenv("WANDB_RESUME", "must")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "elsewhere"))
    names = set()
    for place in ("first", "second"):
        with caplog.at_level(logging.WARNING):
            opened(tmp_path / place).finish("completed", 0)
        assert summary_of(tmp_path / place)["name"] == "a name"
        names |= {path.name for path in (tmp_path / place).glob("wandb/offline-run-*/*.wandb")}
    assert len(names) == 2
    assert "run-abc123.wandb" not in names
    assert not (tmp_path / "elsewhere").exists()
    assert os.environ["WANDB_RUN_ID"] == "abc123", "the variable is left to others"
    said = caplog.records[0].getMessage()
    assert said.startswith("WANDB_RUN_ID, WANDB_RESUME, WANDB_NAME, WANDB_DIR: no effect")
    assert "run.name" in said
