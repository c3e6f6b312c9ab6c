"""The contract of judges, over each of ours, and what becomes of one that breaks it."""

import pytest
from optuna.pruners import HyperbandPruner, MedianPruner, ThresholdPruner

from tunesmith.errors import ConfigError
from tunesmith.sweeping.search.judge import Judge, NoPruning, OptunaPruner
from tunesmith.sweeping.search.rungs import Halving
from tunesmith.testing.judges import JudgeContract
from tunesmith.testing.simulation import RUNGS


class TestHalving(JudgeContract):
    def judge(self, study):
        return Halving(RUNGS)


class TestHalvingThatStops(JudgeContract):
    def judge(self, study):
        return Halving(RUNGS, reduction=3, pauses=False)


class TestMedian(JudgeContract):
    def judge(self, study):
        return OptunaPruner(RUNGS, MedianPruner(n_startup_trials=2), study)


class TestThreshold(JudgeContract):
    def judge(self, study):
        return OptunaPruner(RUNGS, ThresholdPruner(lower=-2.0), study)


class TestHyperband(JudgeContract):
    def judge(self, study):
        return OptunaPruner(RUNGS, HyperbandPruner(min_resource=25, max_resource=100, reduction_factor=2), study)


class Broken(Judge):
    """One that breaks the contract in the way that a test names."""

    pauses = True

    def __init__(self, fault):
        super().__init__(RUNGS)
        self.fault = fault

    def report(self, number, rung, value):
        if self.fault == "raises":
            raise KeyError("x")
        return "prune" if self.fault == "answers" else "pause"

    def promote(self, ready):
        return 99 if self.fault == "chooses" and ready else None


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("raises", "Broken.report() raised KeyError: 'x'"),
        ("answers", "Broken.report() returned 'prune'"),
        ("chooses", "Broken.promote() returned 99"),
    ],
)
def test_a_judge_that_breaks_the_contract_ends_the_sweep_by_name(fault, rule):
    class Suite(JudgeContract):
        def judge(self, study):
            return Broken(fault)

    with pytest.raises(ConfigError) as caught:
        Suite().simulate(4).run()
    assert rule in str(caught.value)
    assert "hydra.sweeper.pruner" in str(caught.value)


class Lone(Judge):
    """One that remembers what it decided, and forgets it with its process."""

    def __init__(self):
        super().__init__(RUNGS)
        self.seen = 0

    def report(self, number, rung, value):
        self.seen += 1
        return "stop" if self.seen == 2 else "continue"


def test_the_suite_sees_a_judge_that_a_resume_would_change():
    class Suite(JudgeContract):
        def judge(self, study):
            return Lone()

    with pytest.raises(AssertionError):
        Suite().test_a_sweep_that_died_and_was_resumed_ends_as_if_it_had_not([5], lose_last=False)


def test_without_a_judge_every_trial_continues():
    assert {NoPruning().report(number, 0, -float(number)) for number in range(9)} == {"continue"}
