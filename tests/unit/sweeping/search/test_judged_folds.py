"""Trials of a cross-validation, judged by the mean over their finished folds; simulated with the shipped scheduler."""

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.pruners import HyperbandPruner, MedianPruner

from tunesmith.sweeping.search.judge import OptunaPruner
from tunesmith.sweeping.search.rungs import Halving, fold_rungs
from tunesmith.sweeping.search.scheduler import Limits, TrialScheduler
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.search.trials import Job, Outcome
from tunesmith.testing.simulation import LINE, RUNGS, Disk, Simulation, interrupted, objective_at

FOLDS = 5
JUDGES = {
    "asha": (2, lambda rungs, study: Halving(rungs)),
    "asha that stops": (2, lambda rungs, study: Halving(rungs, pauses=False)),
    "median": (None, lambda rungs, study: OptunaPruner(rungs, MedianPruner(n_startup_trials=2), study)),
    "hyperband": (
        None,
        lambda rungs, study: OptunaPruner(rungs, HyperbandPruner(25, 500, reduction_factor=2), study),
    ),
}


def sweep(kind, n_trials, *, slots=1, disk=None, failing=()):
    reduction, judge = JUDGES[kind]
    after = fold_rungs(FOLDS, reduction)
    limits = Limits(n_trials, repeats=FOLDS, fold_rungs=after, retries=1)
    rungs = (*RUNGS, *map(float, after))
    return Simulation(
        LINE, "random", limits, lambda study: judge(rungs, study), slots=slots, disk=disk, failing=failing
    )


@pytest.mark.parametrize(
    ("replicates", "reduction", "rungs"),
    [
        (5, 2, (1, 2)),
        (10, 2, (1, 2, 4)),
        (2, 2, (1,)),
        (9, 3, (1, 3)),
        (2, 3, ()),
        (5, None, (1, 2, 3, 4)),
    ],
)
def test_halving_judges_where_each_rung_costs_as_many_times_the_last(replicates, reduction, rungs):
    assert fold_rungs(replicates, reduction) == rungs


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("kind", [*JUDGES])
def test_a_trial_gets_more_folds_only_if_its_mean_over_those_before_lets_it(kind, slots):
    done = sweep(kind, 24, slots=slots).run().scheduler
    after = done.limits.fold_rungs
    states = [trial.state for trial in done.trials.values()]
    assert set(states) == {"completed", "pruned"}
    for trial in done.trials.values():
        assert sorted(trial.replicates) == [*range(len(trial.replicates))]
        for rung, folds in enumerate(after, start=len(RUNGS)):
            if rung in trial.rungs:
                each = [objective_at(trial.point, fold) for fold in range(folds)]
                assert trial.rungs[rung] == pytest.approx(statistics.fmean(each))
                assert (folds * 100, trial.rungs[rung]) in trial.curve
        if trial.state == "completed":
            assert len(trial.replicates) == FOLDS
            assert len(trial.rungs) == len(RUNGS) + len(after)
        else:
            assert len(trial.replicates) == (after[max(trial.rungs) - 2] if max(trial.rungs) >= 2 else 0)
    ends_after = {len(trial.replicates) for trial in done.trials.values() if trial.state == "pruned"}
    assert ends_after > {0}, "some are pruned within the first fold and some after it"


def test_halving_lets_half_of_the_trials_go_on_at_each_rung():
    done = sweep("asha", 32, slots=4).run().scheduler
    reached = [sum(rung in trial.rungs for trial in done.trials.values()) for rung in range(4)]
    assert reached == [32, 16, 8, 4]
    assert len(done.ranked()) == 2


@settings(max_examples=30)
@given(st.lists(st.integers(1, 12), max_size=4), st.booleans(), st.sampled_from([*JUDGES]))
def test_a_cross_validation_that_dies_at_any_moment_ends_as_if_it_had_not(stops, lose_last, kind):
    def make(disk):
        return sweep(kind, 8, disk=disk, failing=[(2, 0, 1)])

    whole = make(Disk()).run()
    *_, pieces = interrupted(make, stops, lose_last=lose_last)
    assert pieces.result() == whole.result()
    assert [trial.number for trial in pieces.scheduler.ranked()] == [t.number for t in whole.scheduler.ranked()]


def test_a_median_pruner_compares_means_with_means_and_not_with_the_best_of_the_first_fold():
    study = Study(LINE, "random", ["maximize"])
    rungs = (*RUNGS, 1.0, 2.0)
    judge = OptunaPruner(rungs, MedianPruner(n_startup_trials=2), study)
    scheduler = TrialScheduler(study, Limits(3, repeats=3, fold_rungs=(1, 2)), ["maximize"], judge)
    for number, folds in enumerate(([0.7, 0.7, 0.7], [0.6, 0.6, 0.6], [0.9, 0.2])):  # an easy first fold
        for fold, value in enumerate(folds):
            job = scheduler.next()
            assert job == Job(number, fold)
            if fold == 0:
                scheduler.observe(job, 50, value)
            scheduler.ended(job, Outcome("completed", [value], None, 0, full_steps=100))
    last = scheduler.trials[2]
    assert (last.state, last.reason) == ("pruned", "mean 0.5500 over 2 folds")
    assert last.curve == [(50, 0.9), (100, 0.9), (200, pytest.approx(0.55))]
