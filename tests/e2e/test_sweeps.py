"""Sweeps whose driver is killed again and again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tunesmith.runs.sweep_record import load_sweep

LINE = [sys.executable, "-m", "tunesmith.cli.main"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


FAST = '''
"""An objective without training: waits a little, writes down that it ran, and what came out."""
import json, os, time
from pathlib import Path

from tunesmith.sweeping.layout import read_frozen, read_job


def say(directory, word):
    with (directory.parents[1] / "said.txt").open("a") as file:
        file.write(f"{word} {directory.name} {os.getpid()}\\n")


def objective(directory, tell):
    lr = read_frozen(directory, read_job(directory)["sha256"])["optimizer"]["lr"]
    say(directory, "start")
    tell({"kind": "started", "full_steps": 10, "step": 0, "rungs": []})
    time.sleep(0.05 + (lr * 1e7) % 0.2)
    results = {"status": "completed", "exit_code": 0, "metrics": {"val/accuracy": lr * 100}, "steps": 10}
    target = directory / "results.json"
    target.with_suffix(".tmp").write_text(json.dumps(results))
    os.replace(target.with_suffix(".tmp"), target)
    say(directory, "end")
    return 0
'''

DRIVER = """
import functools, json, sys
from pathlib import Path
from tunesmith.sweeping import executors, launch, resume
preload = ("tunesmith.sweeping.executors", "tunesmith.sweeping.layout")
launch.Local = functools.partial(executors.Local, preload=preload)
launch.summarise = lambda directory, facts, driver, settings, logger: launch_summary(directory, facts, driver, settings)
from tunesmith.sweeping.summary import ending
from tunesmith.runs.directory import write_json

def launch_summary(directory, facts, driver, settings):
    status, code, reason = ending(driver, settings)
    write_json(directory.facts, facts | {"status": status, "exit_code": code, "reason": reason})
    return code

if __name__ == "__main__":  # a trial's process imports this file
    what, directory, settings, overrides = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:]
    if what == "launch":
        search = launch.Search("train", [*overrides, f"run.dir={directory}"], entry="fast_of_mine:objective")
        sys.exit(launch.launch(search, settings))
    sys.exit(resume.resume(directory, entry="fast_of_mine:objective"))
"""


def alive_with(mark):
    """Processes that have the mark in their environment; zombies have none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def fast_sweep(project, tiny, settings, kills, draw):
    """Run a sweep to its end, killing its driver so many times; its directory and the number of kills."""
    directory, mark = project / uuid.uuid4().hex[:8], f"SWEEP_TEST={uuid.uuid4().hex}"
    environment = os.environ | {"PYTHONPATH": f"{project}:{os.environ.get('PYTHONPATH', '')}"}
    environment |= dict([mark.split("=")])
    overrides = [text for text in tiny if not text.startswith("optimizer.lr=")]  # it would beat the space
    killed = 0
    while True:
        what = "resume" if (directory / "sweep.json").is_file() else "launch"
        line = [sys.executable, str(project / "driver.py"), what, directory, json.dumps(settings), *overrides]
        process = subprocess.Popen([*map(str, line)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = directory / "said.txt"
        before = said.read_text().count("\n") if said.is_file() else 0
        while process.poll() is None and not (said.is_file() and said.read_text().count("\n") > before):
            time.sleep(0.02)
        if killed < kills:
            time.sleep(draw.uniform(0, 1.0))
        if killed == kills or process.poll() is not None:
            out, _ = process.communicate(timeout=300)
            assert process.returncode == 0, out.decode()
            return directory, killed
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += 1
        deadline = time.monotonic() + 5
        while alive_with(mark) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert alive_with(mark) == [], "somebody lives on"


def outcome(directory):
    return [(t.number, t.state, t.params, t.values) for t in load_sweep(directory).trials]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_a_driver_that_is_killed_again_and_again_ends_as_if_it_had_not_been(sampler, project, tiny):
    (project / "fast_of_mine.py").write_text(FAST)
    (project / "driver.py").write_text(DRIVER)
    many = ",".join(f"{number}e-5" for number in range(1, 41))
    space = {"grid": f"choice({many})", "random": "tag(log, interval(1e-5, 1e-3))"}[sampler]
    settings = {"params": {"optimizer.lr": space}, "n_jobs": 2, "sampler": sampler, "pruner": "none", "n_trials": 40}
    whole, _ = fast_sweep(project, tiny, settings, 0, random.Random(0))
    pieces, kills = fast_sweep(project, tiny, settings, 10, random.Random(sampler))
    assert kills >= 5
    assert outcome(pieces) == outcome(whole)
    assert [number for number, *_ in outcome(pieces)] == list(range(40))
    for line in {line.split()[1] for line in (whole / "said.txt").read_text().splitlines()}:
        assert (whole / "said.txt").read_text().count(f"start {line} ") == 1
    said = [line.split() for line in (pieces / "said.txt").read_text().splitlines()]
    for number in range(40):
        words = [word for word, name, _ in said if int(name) == number]
        assert words.count("end") >= 1
        # The last word of a trial may not have reached its driver; apart from that nothing runs after its end.
        assert words.count("start") <= 1 + kills
    again = [n for n in range(40) if [w for w, name, _ in said if int(name) == n].count("end") > 1]
    assert len(again) <= kills * 2
