"""SIGKILL in the middle of writing a checkpoint: what is there loads, nothing is left over, and the end is the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunesmith import load_run
from tunesmith.training.callbacks.checkpoints import verify

KILLS = 12

PROGRAM = '''
"""Starts a run, and kills each process as soon as it writes a checkpoint. Forks, so that torch is imported once."""
import gc, json, os, random, signal, sys, tempfile, time
from pathlib import Path
import torch
from tunesmith import compose, load_run, train
from tunesmith.training.resume import resume
from tunesmith.training.callbacks.checkpoints import verify

directory, kills, other_tmp, overrides = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
draw, inside, steps = random.Random(0), 0, []
checkpoint = directory / "checkpoints" / "last.ckpt"
gc.freeze()


def child(tmp):
    os.environ["TMPDIR"] = tempfile.tempdir = tmp
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    try:
        resume(load_run(directory)) if checkpoint.exists() else train(compose(overrides))
        os._exit(0)
    except BaseException as error:
        print("child:", repr(error), flush=True)
        os._exit(1)


def hidden():
    return {path.name for path in directory.rglob(".*")} - {".lock"}


def await_it(pid, condition):
    while not condition():
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "the run ended by itself"
        time.sleep(0.0005)


for number in range(kills):
    tmp = other_tmp if number % 2 else tempfile.gettempdir()
    left_over = hidden()
    pid = os.fork()
    if pid == 0:
        child(tmp)
    writing = lambda: any(path.name not in left_over for path in checkpoint.parent.glob(".last.ckpt.*.tmp"))
    await_it(pid, writing)
    now = hidden()
    assert not now & left_over, f"orphans after the start: {now & left_over}"
    for _ in range(draw.choice((0, 1, 2)) if number else 1):
        await_it(pid, lambda: not writing())
        await_it(pid, writing)
    time.sleep(draw.choice((0, 0.002, 0.005, 0.01, 0.02, 0.05)))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    inside += writing()
    verify(checkpoint)
    steps.append(torch.load(checkpoint, weights_only=True)["global_step"])
print(json.dumps({"inside": inside, "steps": steps}))
'''


def run_program(*arguments):
    line = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_kills_while_a_checkpoint_is_written(tiny, tmp_path, command):
    directory = tmp_path / "killed"
    assert os.stat("/dev/shm").st_dev != os.stat(tmp_path).st_dev
    other = Path("/dev/shm") / f"tunesmith-{os.getpid()}"
    other.mkdir()
    length = ["trainer.max_epochs=12", "trainer.checkpoint_every_steps=1", "callbacks=none"]
    overrides = [*tiny, *length]
    try:
        found = run_program(directory, KILLS, other, *overrides, f"run.dir={directory}")
        assert list(other.iterdir()) == [], "nothing of ours goes to the folder for temporary files"
    finally:
        for path in other.iterdir():
            path.unlink()
        other.rmdir()
    assert found["inside"] > KILLS / 2, "most kills fall into the writing"
    assert found["steps"] == sorted(found["steps"])
    assert len(set(found["steps"])) > KILLS / 4, "the run gets on all the same"
    verify(directory / "checkpoints" / "last.ckpt")

    done = command("resume", directory)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in directory.rglob(".*")] == [".lock"]
    whole = command("train", *overrides, f"run.dir={tmp_path / 'whole'}")
    assert whole.returncode == 0, whole.stderr
    one, other_run = load_run(directory), load_run(tmp_path / "whole")
    assert one.results["weights_sha256"] == other_run.results["weights_sha256"]
    assert one.metrics == other_run.metrics
