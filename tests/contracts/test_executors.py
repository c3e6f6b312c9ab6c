"""The contract of executors, over each of ours, and what becomes of one that breaks it."""

import functools

import pytest

from tunesmith.errors import ConfigError
from tunesmith.sweeping.execution.executors.executor import Executor, Exit
from tunesmith.sweeping.execution.executors.in_process import InProcess
from tunesmith.sweeping.execution.executors.local import Local
from tunesmith.sweeping.execution.executors.registry import EXECUTORS, ForeignExecutor, make_executor
from tunesmith.sweeping.search.trials import Job
from tunesmith.testing.executors import ExecutorContract


class TestLocal(ExecutorContract):
    @pytest.fixture(autouse=True)
    def light(self, monkeypatch):
        monkeypatch.setattr(Local, "PRELOAD", ("tunesmith.testing.executors",))

    def executor(self, n_jobs, entry):
        return Local(n_jobs, entry)


class TestInProcess(ExecutorContract):
    isolates = False

    def executor(self, n_jobs, entry):
        return InProcess(n_jobs, entry)


class TestForeign(TestLocal):
    def executor(self, n_jobs, entry):
        return make_executor({"_target_": EXECUTORS["local"]}, n_jobs, entry)


class Broken(Executor):
    """One that breaks the contract in the way that a test names."""

    def __init__(self, fault):
        super().__init__(1, "nobody:nothing")
        self.fault = fault

    def start(self, job, directory):
        if self.fault == "raises":
            raise OSError("the cluster is gone")

    def wait(self, answer, timeout):
        return {"nothing": None, "another": [Exit(Job(9), 0)], "twice": [Exit(Job(1), 0)] * 2}[self.fault]

    def interrupt(self):
        pass

    def close(self):
        pass


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("raises", "Broken.start() raised OSError: the cluster is gone"),
        ("nothing", "Broken.wait() returned None"),
        ("another", "Broken.wait() returned Exit(job=Job(number=9"),
        ("twice", "Broken.wait() returned Exit(job=Job(number=1"),
    ],
)
def test_an_executor_that_breaks_the_contract_ends_the_sweep_by_name(fault, rule, tmp_path):
    executor = ForeignExecutor(Broken(fault))
    run = functools.partial(executor.wait, lambda job, message: None, 0.1)
    if fault == "raises":
        run = functools.partial(executor.start, Job(1), tmp_path)
    else:
        executor.start(Job(1), tmp_path)
    with pytest.raises(ConfigError) as caught:
        run()
    assert rule in str(caught.value)
    assert "hydra.sweeper.executor" in str(caught.value)


def test_a_decision_that_fails_inside_an_executor_keeps_its_own_error(tmp_path):
    class Passing(Broken):
        def wait(self, answer, timeout):
            answer(Job(1), {})
            return []

    def answer(job, message):
        raise ConfigError([])

    executor = ForeignExecutor(Passing("none"))
    executor.start(Job(1), tmp_path)
    with pytest.raises(ConfigError) as caught:
        executor.wait(answer, 0.1)
    assert caught.value.problems == []
