"""What the driver writes of its trials, with an executor that only counts time."""

import json
from types import SimpleNamespace

import pytest
from optuna.distributions import CategoricalDistribution
from optuna.storages import InMemoryStorage

from tunesmith.runs.trial_record import TRIAL_FILE, read_trial
from tunesmith.sweeping.execution import driver as driver_module
from tunesmith.sweeping.execution.driver import Driver, SearchPlan
from tunesmith.sweeping.execution.executors.executor import Exit
from tunesmith.sweeping.record.layout import SweepDirectory
from tunesmith.sweeping.resume import restore
from tunesmith.sweeping.search.scheduler import Limits, TrialScheduler
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.space.space import Parameter, Space

SPACE = Space({"optimizer.lr": Parameter("optimizer.lr", "...", CategoricalDistribution([1e-3]), (1e-3,))})
SECONDS = {0: 4.0, 1: 10.0, 2: 30.0, 3: 50.0}
"""Replicate to how long it takes."""


class Scripted:
    """Jobs that take their time on a clock of ours, and end as the test says."""

    def __init__(self, slots, failing=(), steps=(8, 8, 8, 8)):
        self.slots, self.failing, self.steps, self.clock, self.ends = slots, failing, steps, 0.0, []

    def ready(self):
        pass

    def start(self, job, directory):
        self.ends.append((self.clock + SECONDS[job.replicate], job.replicate, job, directory))

    def wait(self, answer, timeout):
        if not self.ends:
            return []
        self.ends.sort()
        self.clock, replicate, job, directory = self.ends.pop(0)
        answer(job, {"kind": "started", "full_steps": self.steps[replicate], "step": 0, "rungs": []})
        if replicate in self.failing:
            answer(job, {"kind": "failed", "reason": f"seed {replicate} as planned"})
            return [Exit(job, 4)]
        results = {
            "status": "completed",
            "metrics": {"val/accuracy": 0.5 + replicate / 8},
            "steps": self.steps[replicate],
        }
        (directory / "results.json").write_text(json.dumps(results))
        return [Exit(job, 0)]

    def interrupt(self):
        pass

    def close(self):
        pass


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A driver of one trial with four seeds, on an executor's clock."""

    def made(executor, storage):
        monkeypatch.setattr(driver_module.time, "monotonic", lambda: executor.clock)
        study = Study(SPACE, "grid", ["maximize"], storage=storage)
        scheduler = TrialScheduler(study, Limits(1, repeats=4), ["maximize"])
        run = SimpleNamespace(saved={}, overrides=(), choices={})
        plan = SearchPlan(("val/accuracy",), (), repeats=4)
        return Driver(SweepDirectory(tmp_path), scheduler, executor, lambda *_: run, plan)

    return made


def test_replicates_that_run_at_once_take_the_time_of_each(make, tmp_path):
    make(Scripted(slots=2), InMemoryStorage()).run()
    record = read_trial(tmp_path / "trials" / "0000" / TRIAL_FILE)
    assert record.seconds == sum(SECONDS.values())
    assert (record.steps, record.full_steps, record.replicate_steps) == (32, 32, dict.fromkeys(range(4), 8))
    assert (record.values, record.repeat_values) == ((0.6875,), ((0.5,), (0.625,), (0.75,), (0.875,)))
    assert [run.name for run in record.runs] == ["seed-0", "seed-1", "seed-2", "seed-3"]


@pytest.mark.parametrize(("failing", "steps", "full"), [([], 20, 20), ([1], 2, 12)])
def test_a_full_trial_has_the_steps_of_its_own_runs_where_they_differ(failing, steps, full, make, tmp_path):
    """Those that have not started are taken to have as many as the others on average."""
    make(Scripted(slots=1, steps=(2, 4, 6, 8), failing=failing), InMemoryStorage()).run()
    record = read_trial(tmp_path / "trials" / "0000" / TRIAL_FILE)
    assert (record.steps, record.full_steps) == (steps, full)


def test_a_trial_says_why_its_own_replicate_failed(make, tmp_path):
    make(Scripted(slots=2, failing=[1]), InMemoryStorage()).run()
    record = read_trial(tmp_path / "trials" / "0000" / TRIAL_FILE)
    assert (record.state, record.reason, record.replicates) == ("failed", "seed 1 as planned", {0: (0.5,)})


def test_a_session_takes_a_trial_over_as_it_was_written(make, tmp_path):
    storage, file = InMemoryStorage(), tmp_path / "trials" / "0000" / TRIAL_FILE
    make(Scripted(slots=1, failing=[2]), storage).run()
    later = json.loads(file.read_text()) | {"of a later version": {"a": [1, None]}}
    file.write_text(json.dumps(later))
    restored = make(Scripted(slots=1), storage)
    assert restore(restored, restored.directory, retry=False) == [0]
    assert json.loads(file.read_text()) == later
    assert list(json.loads(file.read_text())) == list(later)

    tried_again = make(Scripted(slots=1), storage)
    restore(tried_again, tried_again.directory, retry=True)
    tried_again.run()
    record = read_trial(file)
    assert (record.state, record.attempt, record.values, record.extra.keys()) == (
        "completed",
        2,
        (0.6875,),
        {"of a later version"},
    )


def test_a_trial_that_was_asked_for_and_never_started_is_started(make, tmp_path):
    storage = InMemoryStorage()
    Study(SPACE, "grid", ["maximize"], storage=storage).ask()
    driver = make(Scripted(slots=1), storage)
    assert restore(driver, driver.directory, retry=False) == []
    assert read_trial(tmp_path / "trials" / "0000" / TRIAL_FILE).params == {"optimizer.lr": 1e-3}
    driver.run()
    assert read_trial(tmp_path / "trials" / "0000" / TRIAL_FILE).state == "completed"
