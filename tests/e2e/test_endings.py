"""Real command lines, ended from outside at a bad moment: what is there loads, and the end is the same."""

import os
import resource
import signal
import time

import pytest
from warm import start_warm

from tunesmith import load_run
from tunesmith.training.callbacks.checkpoints import steps_of_checkpoint, verify

STALLING = """
import os, pathlib, signal, time
import pytorch_lightning as pl


class Stall(pl.Callback):
    def __init__(self, how: str = "none"):
        self.how = how

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == 11 and self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if trainer.global_step == 11 and self.how == "sleep":
            pathlib.Path("stalled").touch()
            time.sleep(600)
"""


@pytest.fixture
def line(tiny, tmp_path, monkeypatch):
    """A run of 24 steps, 8 in an epoch; the variable STALL says whether something happens before the twelfth."""
    (tmp_path / "stalling.py").write_text(STALLING)
    monkeypatch.chdir(tmp_path)
    stall = ["+callbacks.stall._target_=stalling.Stall", "+callbacks.stall.how=${oc.env:STALL,none}"]
    return [*tiny, "trainer.max_epochs=3", "callbacks=none", "--trust", "stalling", *stall]


def start(*arguments, stall="none"):
    """In a process group of its own, as a job of a shell or a cluster is."""
    return start_warm("train", *arguments, env={**os.environ, "STALL": stall})


def wait_for(condition, process):
    end = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "the run did not get there"
        time.sleep(0.02)


def ended(process, code):
    """What it said, once it has ended with the exit code."""
    _, errors = process.communicate(timeout=240)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    return errors


def num_points(directory):
    path = directory / "metrics.jsonl"
    return path.read_text().count("train/loss") if path.is_file() else 0


def same(record, other):
    """Weights, metrics, predictions, and curves but for their times."""
    curves = [[{**point, "time_s": None} for point in one.curves()] for one in (record, other)]
    assert record.results["weights_sha256"] == other.results["weights_sha256"]
    assert (record.metrics, record.predictions()) == (other.metrics, other.predictions())
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_a_second_ctrl_c_waits_for_no_step(line, tmp_path):
    process = start(*line, f"run.dir={tmp_path / 'r'}", stall="sleep")
    wait_for((tmp_path / "stalled").exists, process)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "the first waits for the step's end"
    os.killpg(process.pid, signal.SIGINT)
    assert "received SIGINT" in ended(process, 130), "the step would have gone on for longer than this waits"
    broken = load_run(tmp_path / "r")
    assert (broken.status, broken.results["exit_code"]) == ("interrupted", 130)
    assert steps_of_checkpoint(broken.directory.checkpoints / "last.ckpt") == (8, 1), "the checkpoint before is there"


@pytest.mark.slow
def test_after_a_kill_every_step_is_on_disk_and_the_same_command_goes_on(line, tmp_path, command):
    ended(start(*line, stall="kill"), -signal.SIGKILL)
    (directory,) = (tmp_path / "runs").glob("*/*")
    dead = load_run(directory)
    assert dead.status == "dead"
    assert [point["step"] for point in dead.curves() if "train/loss" in point] == [*range(1, 12)], "not one is lost"

    done = command("train", *line, "run.resume=auto")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(directory)
    assert "resuming at step 8" in done.stderr, "the last checkpoint"
    whole = command("train", *line, f"run.dir={tmp_path / 'whole'}")
    assert whole.returncode == 0, whole.stderr
    same(load_run(directory), load_run(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 143)])
def test_a_signal_to_the_whole_job_leaves_its_loading_processes_to_the_run(name, code, tiny, tmp_path, inside):
    process = start(*tiny, "trainer.max_epochs=100000", "data.num_workers=2", f"run.dir={tmp_path / 'r'}")
    wait_for(lambda: num_points(tmp_path / "r") > 10, process)
    os.killpg(process.pid, getattr(signal, name))
    said = ended(process, code)
    assert f"received {name}" in said
    assert f"to resume from its last checkpoint: tunesmith resume {tmp_path / 'r'}" in said
    assert [path for path in (tmp_path / "r").rglob(".*") if path.stat().st_size] == []
    broken = load_run(tmp_path / "r")
    assert (broken.status, broken.results["exit_code"]) == ("interrupted", code)
    last = [point["step"] for point in broken.curves() if "train/loss" in point][-1]
    refused = inside("resume", tmp_path / "r", "--continue", f"trainer.max_steps={last}")
    assert f"the run has already completed {last} steps" in refused.stderr, "the checkpoint is that of the signal"


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_a_checkpoint_to_go_on_from(line, tmp_path, command):
    long = [*line, "trainer.max_epochs=12", "trainer.checkpoint_every_steps=3"]
    checkpoint = tmp_path / "r" / "checkpoints" / "last.ckpt"
    process = start(*long, f"run.dir={tmp_path / 'r'}")
    wait_for(checkpoint.is_file, process)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))  # no file may be larger from here on
    said = ended(process, 5)
    assert "cannot write" in said
    assert f"to resume from its last checkpoint: tunesmith resume {tmp_path / 'r'}" in said
    full = load_run(tmp_path / "r")
    assert (full.status, full.results["exit_code"]) == ("failed", 5)
    verify(checkpoint)
    assert [path.name for path in full.path.rglob(".*")] == [".lock"]

    assert command("resume", full.path, "--trust", "stalling").returncode == 0
    whole = command("train", *long, f"run.dir={tmp_path / 'whole'}")
    assert whole.returncode == 0, whole.stderr
    same(load_run(full.path), load_run(tmp_path / "whole"))
