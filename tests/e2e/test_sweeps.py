"""Sweeps by real command lines: trials that fail in any way, and a driver that is killed again and again."""

import csv
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
import yaml

from tunesmith.runs.sweep_record import load_sweep

LINE = [sys.executable, "-m", "tunesmith.cli.main"]

HURTING = """
import os, signal, sys, time
import pytorch_lightning as pl
import torch


class Hurt(pl.Callback):
    def __init__(self, how: str = "none", wait_s: float = 0.0):
        self.how, self.wait_s = how, wait_s

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        time.sleep(self.wait_s)
        if trainer.global_step < 3:
            return
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "raise":
            raise ValueError("as planned")
        if self.how == "exit":
            sys.exit(0)
        if self.how == "os_exit":
            os._exit(0)
        if self.how == "memory":
            raise MemoryError
"""


def write_sweep(path, **sweeper):
    path.write_text(yaml.safe_dump({"defaults": ["train", "_self_"], "hydra": {"sweeper": sweeper}}))
    return path


def sweep_in(root):
    (found,) = root.glob("*/*/sweep.json")
    return found.parent


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "hurting.py").write_text(HURTING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return subprocess.run([*LINE, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=400)


@pytest.mark.slow
def test_what_trials_cost_is_an_objective_and_shown(project, tiny):
    costs = ["num_trainable_parameters", "peak_memory_mb", "duration_s"]
    file = write_sweep(project / "costs.yaml", params={"method": "full, head_only"}, metric=["val/accuracy", *costs])
    done = run("sweep", file, *tiny, "trainer.max_steps=1")
    assert done.returncode == 0, done.stderr
    sweep = load_sweep(done.stdout.splitlines()[-1])
    with (sweep.path / "leaderboard.csv").open() as table:
        rows = {row["method"]: row for row in csv.DictReader(table)}
    for trial in sweep.trials:
        results = json.loads((trial.directory / "results.json").read_text())
        row = rows[trial.params["method"]]
        for place, name in enumerate(costs[:2], 1):
            assert trial.values[place] == float(row[name]) == results[name]
        assert trial.values[3] == pytest.approx(float(row["seconds"]), abs=1e-3)
    page = (sweep.path / "report.html").read_text()
    assert all(f">{float(row['num_trainable_parameters']):,.0f}<" in page for row in rows.values())
    header = next(csv.reader((sweep.path / "leaderboard.csv").open()))
    assert len(header) == len(set(header)), "no column twice"


@pytest.mark.slow
def test_a_trial_that_fails_in_any_way_fails_alone(project, tiny):
    faults = ["none", "kill", "raise", "exit", "os_exit", "memory"]
    points = [{"callbacks.hurt.how": fault, "optimizer.lr": 3e-3} for fault in faults]
    points.append({"callbacks.hurt.how": "none", "optimizer.lr": 1e18})
    file = write_sweep(project / "faults.yaml", explicit=points, n_jobs=2)
    hurt = ["--trust", "hurting", "+callbacks.hurt._target_=hurting.Hurt", "+callbacks.hurt.how=none"]
    done = run("sweep", file, *tiny, *hurt)
    sweep = load_sweep(done.stdout.splitlines()[-1])
    found = {}
    for trial in sweep.trials:
        name = "nan" if trial.params["optimizer.lr"] > 1 else trial.params["callbacks.hurt.how"]
        results = json.loads((trial.directory / "results.json").read_text())
        assert (results["status"], results["exit_code"]) == (trial.state, trial.exit_code), name
        assert results.get("reason") == trial.reason, name
        found[name] = (trial.state, trial.exit_code, trial.reason or "")
    expected = {
        "none": ("completed", 0, ""),
        "kill": ("failed", -9, "killed by SIGKILL"),
        "raise": ("failed", 1, "ValueError: as planned"),
        "exit": ("failed", 1, "SystemExit: 0"),
        "os_exit": ("failed", 1, "without giving a reason"),
        "memory": ("failed", 4, "memory ran out"),
        "nan": ("failed", 4, "the loss is nan"),
    }
    assert found.keys() == expected.keys()
    for name, (state, code, reason) in expected.items():
        assert found[name][:2] == (state, code), found[name]
        assert reason in found[name][2], found[name]
    with (sweep.path / "leaderboard.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["state"] for row in rows] == ["completed"] + ["failed"] * 6
    assert all(row["reason"] for row in rows[1:])
    assert all(row["val/accuracy"] == "" for row in rows[1:])
    assert sweep.status == "failed"
    assert done.returncode == next(t.exit_code if 0 < t.exit_code < 6 else 4 for t in sweep.trials if t.exit_code)
    assert sweep.best().params["callbacks.hurt.how"] == "none"
    assert yaml.safe_load((sweep.path / "best.yaml").read_text())["optimizer"]["lr"] == 3e-3
    assert "Traceback" not in done.stderr

    ignored = run(
        "sweep",
        file,
        *tiny,
        *hurt,
        "hydra.sweeper.on_failure=ignore",
        "hydra.sweeper.explicit=[]",
        "hydra.sweeper.executor=inprocess",
        "callbacks.hurt.how=none,raise",
        f"run.root={project / 'second'}",
    )
    assert ignored.returncode == 0, ignored.stderr
    second = load_sweep(sweep_in(project / "second"))
    assert sorted(trial.state for trial in second.trials) == ["completed", "failed"]
    assert second.status == "completed"


FAST = '''
"""An objective without training: waits a little, writes down that it ran, and what came out."""
import json, os, time
from pathlib import Path

from tunesmith.sweeping.record.layout import read_frozen, read_job


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
import json, sys
from pathlib import Path
from tunesmith.sweeping import launch, resume
from tunesmith.sweeping.execution.executors.local import Local
Local.PRELOAD = ("tunesmith.sweeping.execution.trial_process", "tunesmith.sweeping.record.layout")
launch.summarise = lambda directory, facts, driver, settings, logger: launch_summary(directory, facts, driver, settings)
from tunesmith.storage import write_json
from tunesmith.sweeping.summary import ending

def launch_summary(directory, facts, driver, settings):
    status, code, reason = ending(driver, settings)
    write_json(directory.facts, facts | {"status": status, "exit_code": code, "reason": reason})
    return code

if __name__ == "__main__":  # a trial's process imports this file
    what, directory, settings, overrides = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:]
    if what == "launch":
        search = launch.Search("train", [*overrides, f"run.dir={directory}"], entry="fast_of_mine:objective")
        sys.exit(launch.launch(search, settings))
    sys.exit(resume.resume_sweep(directory, entry="fast_of_mine:objective"))
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
            time.sleep(draw.uniform(0, 0.5))
        if killed == kills or process.poll() is not None:
            out, _ = process.communicate(timeout=300)
            assert process.returncode == 0, out.decode()
            return directory, killed
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += 1
        deadline = time.monotonic() + 60
        while alive_with(mark) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert alive_with(mark) == [], "somebody lives on"


def outcome(directory):
    return [(t.number, t.state, t.params, t.values) for t in load_sweep(directory).trials]


KILLS, TRIALS = 7, 24


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_a_driver_that_is_killed_again_and_again_ends_as_if_it_had_not_been(sampler, project, tiny):
    (project / "fast_of_mine.py").write_text(FAST)
    (project / "driver.py").write_text(DRIVER)
    many = ",".join(f"{number}e-5" for number in range(1, TRIALS + 1))
    space = {"grid": f"choice({many})", "random": "tag(log, interval(1e-5, 1e-3))"}[sampler]
    settings = {"params": {"optimizer.lr": space}, "sampler": sampler, "pruner": "none"}
    settings |= {"n_jobs": 2, "n_trials": TRIALS}
    whole, _ = fast_sweep(project, tiny, settings, 0, random.Random(0))
    pieces, kills = fast_sweep(project, tiny, settings, KILLS, random.Random(sampler))
    assert kills == KILLS
    assert outcome(pieces) == outcome(whole)
    assert [number for number, *_ in outcome(pieces)] == list(range(TRIALS))
    said = {name: (path / "said.txt").read_text().splitlines() for name, path in (("whole", whole), ("pieces", pieces))}
    assert [line.split()[0] for line in said["whole"]].count("start") == TRIALS
    for number in range(TRIALS):
        words = [word for word, name, _ in map(str.split, said["pieces"]) if int(name) == number]
        assert set(words) <= {"start", "end"}
        assert "end" not in words[:-1], "what has finished is not run again"


@pytest.mark.slow
def test_a_judge_that_breaks_ends_the_sweep_as_failed_and_the_sweep_can_go_on(command, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = (
        "from tunesmith.sweeping.search.judge import Judge\nclass Mine(Judge):\n    def report(self, n, rung, value):\n"
    )
    (tmp_path / "my_judge.py").write_text(source + "        raise KeyError('oops')\n")
    line = [*(text for text in tiny if not text.startswith("optimizer.lr=")), "optimizer.lr=1e-3,2e-3"]
    judge = ["hydra.sweeper.pruner={_target_: my_judge.Mine}", "hydra.sweeper.n_jobs=1", "--trust", "my_judge"]
    broken = command("train", "-m", *line, *judge, f"run.dir={tmp_path / 'sweep'}")
    assert broken.returncode == 2
    assert "my_judge.Mine.report() raised KeyError: 'oops'" in broken.stderr
    assert "Traceback" not in broken.stderr
    record = load_sweep(tmp_path / "sweep")
    assert record.status == "failed"
    assert "my_judge.Mine.report() raised KeyError" in record.facts["reason"]
    (tmp_path / "my_judge.py").write_text(source + "        return 'continue'\n")
    mended = command("resume", tmp_path / "sweep", "--trust", "my_judge")
    assert mended.returncode == 0, mended.stderr
    again = load_sweep(tmp_path / "sweep")
    assert [trial.state for trial in again.trials] == ["completed", "completed"]
    assert (again.status, again.facts["reason"]) == ("completed", None)


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ("n_trials=${nope}", "hydra.sweeper.n_trials: refers to a key that does not exist (received"),
        ("storage=${oc.env:NOT_SET_AT_ALL}", "hydra.sweeper.storage: refers to"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named_by_its_key(setting, rule, inside, tiny):
    done = inside("train", "-m", *tiny, "seed=1", f"hydra.sweeper.{setting}")
    assert done.returncode == 2
    assert rule in done.stderr
