"""A tracker of a user's own, in real command lines: what it is given, and what its failures do."""

import json

import pytest

from tunesmith.errors import FilesError, TunesmithError
from tunesmith.tracking.guarded import Guarded
from tunesmith.tracking.tracker import TrackedRun, Tracker

MINE = """
import json
from tunesmith.tracking.tracker import Tracker

class Lines(Tracker):
    def __init__(self, file: str, project: str = "tunesmith", fails: bool = False):
        self.file, self.project, self.fails = file, project, fails

    def open(self, run):
        self.write(opened=[run.name, run.group, run.job_type, self.project, run.config.get("seed")])

    def log_metrics(self, metrics, step):
        if self.fails:
            raise SystemExit(9)
        self.write(step=step, **metrics)

    def summarise(self, metrics):
        self.write(summary=dict(metrics))

    def finish(self, status, exit_code):
        self.write(status=status, exit_code=exit_code)

    @property
    def farewell(self):
        return f"the lines are in {self.file}"

    def write(self, **values):
        with open(self.file, "a") as out:
            out.write(json.dumps(values) + "\\n")
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine_tracker.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return ["logger._target_=mine_tracker.Lines", "logger.name=null", "+logger.file=out.jsonl"]


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_a_class_of_ones_own_gets_its_keywords_every_point_and_the_end(tiny, mine, tmp_path, command):
    trusted = ["--trust", "mine_tracker"]
    done = command("train", *tiny, *mine, "logger.project=p", f"run.dir={tmp_path / 'r'}", *trusted)
    assert done.returncode == 0, done.stderr
    assert "the lines are in out.jsonl" in done.stderr
    first, *points, summary, last = lines(tmp_path)
    assert first["opened"][1:] == [None, "train", "p", 0]
    recorded = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    losses = [(point["step"], point["train/loss"]) for point in recorded if "train/loss" in point]
    assert [(point["step"], point["train/loss"]) for point in points if "train/loss" in point] == losses
    results = json.loads((tmp_path / "r" / "results.json").read_text())
    assert summary["summary"]["test/accuracy"] == results["metrics"]["test/accuracy"]
    assert last == {"status": "completed", "exit_code": 0}


@pytest.mark.slow
def test_its_failures_are_said_once_and_the_run_completes(tiny, mine, tmp_path, command):
    line = ("train", *tiny, *mine, "+logger.fails=true", "trainer.max_epochs=1", "--trust", "mine_tracker")
    done = command(*line, f"run.dir={tmp_path / 'r'}")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r" / "results.json").read_text())["status"] == "completed"
    assert (tmp_path / "r" / "run.log").read_text().count(
        "the tracker Lines cannot take metrics, the run continues"
    ) == 1
    assert lines(tmp_path)[-1] == {"status": "completed", "exit_code": 0}, "what works is used"


def test_it_needs_trust_and_takes_no_other_keys(tiny, mine, inside):
    refused = inside("train", *tiny, *mine)
    assert (refused.returncode, "add --trust mine_tracker" in refused.stderr) == (2, True)
    refused = inside("train", *tiny, *mine, "logger.mode=online", "+logger.fils=1", "--trust", "mine_tracker")
    assert refused.returncode == 2
    assert "mine_tracker.Lines takes no mode" in refused.stderr
    assert "Did you mean logger.fails?" in refused.stderr


@pytest.mark.slow
def test_a_sweep_uses_it_for_its_trials_and_for_itself(tiny, mine, tmp_path, command):
    searched = ["optimizer.lr=1e-3,2e-3", "hydra.sweeper.n_jobs=1", "trainer.max_epochs=1", "--trust", "mine_tracker"]
    done = command("train", "-m", *tiny, *mine, *searched)
    assert done.returncode == 0, done.stderr
    opened = [line["opened"] for line in lines(tmp_path) if "opened" in line]
    assert [kind for _, _, kind, _, *_ in opened] == ["trial", "trial", "sweep"]
    assert len({group for _, group, *_ in opened}) == 1


class Refusing(Tracker):
    def __init__(self, error):
        self.error = error

    def open(self, run):
        raise self.error

    def log_metrics(self, metrics, step):
        raise AssertionError("it is not open")

    summarise = finish = log_metrics


def test_only_an_error_that_means_the_run_ends_it_at_the_opening(tmp_path, caplog):
    run = TrackedRun(directory=tmp_path, name="n", config={})
    with pytest.raises(TunesmithError, match="must not"):
        Guarded(Refusing(TunesmithError("must not"))).open(run)
    for error in (FilesError("the disk is full"), KeyError("x"), SystemExit(3)):
        tracker = Guarded(Refusing(error))
        tracker.open(run)
        tracker.log_metrics({"train/loss": 1.0}, 1)
        tracker.finish("completed", 0)
    assert [record.getMessage().partition(":")[0] for record in caplog.records if record.levelname == "WARNING"] == [
        "the tracker Refusing cannot be opened, the run continues"
    ] * 3
    with pytest.raises(KeyboardInterrupt):
        Guarded(Refusing(KeyboardInterrupt())).open(run)
