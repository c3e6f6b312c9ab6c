"""Properties of every judge (pruner): subclass `JudgeContract`, create yours, and run pytest."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod

import pytest

from tunesmith.sweeping.search.judge import ForeignJudge, Judge
from tunesmith.sweeping.search.scheduler import Limits
from tunesmith.sweeping.search.study import Study
from tunesmith.testing.simulation import LINE, RUNGS, Disk, Simulation, interrupted

DEATHS = ([1], [2], [3], [5], [8], [13], [21], [4, 4, 4], [1, 2, 3, 5, 8], [1] * 30)
"""For each session, the number of events after which its driver dies."""


class JudgeContract(ABC):
    """Simulated sweeps over one number with two rungs, run by the shipped scheduler.

    class TestMine(JudgeContract):
        def judge(self, study): return Mine(RUNGS)
    """

    @abstractmethod
    def judge(self, study: Study) -> Judge:
        """Create a fresh judge over `tunesmith.testing.simulation.RUNGS`.

        Args:
            study: Holds the curves of all trials, for a judge that reads them.
        """

    def simulate(self, num_trials: int, *, slots: int = 1, disk: Disk | None = None) -> Simulation:
        """Create a sweep of a number of random trials that has not started."""
        limits = Limits(num_trials)
        return Simulation(LINE, "random", limits, lambda study: ForeignJudge(self.judge(study)), slots=slots, disk=disk)

    def test_it_is_told_of_every_rung(self) -> None:
        """`fractions` are the rungs that it was created with."""
        study = Study(LINE, "random", ["maximize"])
        assert self.judge(study).fractions == RUNGS

    @pytest.mark.parametrize("num_trials", [1, 2, 3, 4, 7, 16])
    @pytest.mark.parametrize("slots", [1, 3])
    def test_every_sweep_ends_with_a_completed_trial(self, num_trials: int, slots: int) -> None:
        """No trial waits forever, and the sweep has a result."""
        sweep = self.simulate(num_trials, slots=slots).run()
        states = [trial.state for trial in sweep.scheduler.trials.values()]
        assert len(states) == num_trials
        assert set(states) <= {"completed", "pruned"}
        assert "completed" in states

    @pytest.mark.parametrize("slots", [1, 3])
    def test_a_trial_runs_no_part_twice(self, slots: int) -> None:
        """No step of a trial is run again, so the sweep costs no more than all its steps."""
        sweep = self.simulate(16, slots=slots).run()
        parts = [end - begin for begin, end in itertools.pairwise((0.0, *RUNGS, 1.0))]
        trials = sweep.scheduler.trials.values()
        cost = sum(1.0 if t.state == "completed" else sum(parts[: len(t.rungs)]) for t in trials)
        assert sweep.cost == pytest.approx(cost)

    def test_the_same_sweep_gives_the_same_result(self) -> None:
        """Decisions depend only on what the judge has received."""
        assert self.simulate(16).run().result() == self.simulate(16).run().result()

    @pytest.mark.parametrize("lose_last", [False, True])
    @pytest.mark.parametrize("stops", DEATHS, ids=str)
    def test_a_sweep_that_died_and_was_resumed_ends_as_if_it_had_not(self, stops: list[int], lose_last: bool) -> None:
        """`restore` rebuilds everything that the decisions depend on."""
        *_, last = interrupted(lambda disk: self.simulate(12, disk=disk), stops, lose_last=lose_last)
        assert last.result() == self.simulate(12).run().result()
