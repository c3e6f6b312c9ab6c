"""Searches in a simulation: no clock, no process, the shipped scheduler and study."""

import heapq
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.pruners import MedianPruner

from tunesmith.sweeping.search.judge import OptunaPruner
from tunesmith.sweeping.search.rungs import Halving
from tunesmith.sweeping.search.scheduler import Limits, TrialScheduler
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.search.trials import Job, Outcome
from tunesmith.sweeping.space.space import Parameter, Space
from tunesmith.testing.simulation import LINE, RUNGS, Disk, Simulation, interrupted, objective_at

GRID = Space({"x": Parameter("x", "...", CategoricalDistribution(range(12)), tuple(range(12)))})


def asha(study):
    return Halving(RUNGS)


def median(n_startup_trials):
    return lambda study: OptunaPruner(RUNGS, MedianPruner(n_startup_trials=n_startup_trials), study)


def test_without_a_pruner_every_point_is_run_to_its_end():
    done = Simulation(GRID, "grid", Limits(12), slots=3).run()
    assert [trial.state for trial in done.scheduler.trials.values()] == ["completed"] * 12
    assert sorted(trial.point["x"] for trial in done.scheduler.trials.values()) == list(range(12))
    best = done.scheduler.ranked()[0]
    assert best.values == [max(objective_at({"x": x}) for x in range(12))]


@pytest.mark.parametrize("slots", [1, 2, 5])
@pytest.mark.parametrize("sampler", ["random", "tpe"])
@pytest.mark.parametrize("n_trials", [4, 7, 16, 33])
def test_halving_costs_at_most_half(slots, sampler, n_trials):
    done = Simulation(LINE, sampler, Limits(n_trials), asha, slots=slots).run()
    states = [trial.state for trial in done.scheduler.trials.values()]
    assert len(states) == n_trials
    assert set(states) <= {"completed", "pruned"}
    assert 1 <= states.count("completed") <= n_trials // 4
    assert done.cost <= n_trials / 2
    assert {trial.reason for trial in done.scheduler.trials.values() if trial.state == "pruned"} == {
        "not among the best 1/2 at its rung"
    }


@pytest.mark.parametrize("n_trials", [1, 2, 3])
def test_a_search_that_is_too_short_to_promote_anyone_has_a_result_all_the_same(n_trials):
    done = Simulation(LINE, "random", Limits(n_trials), asha, slots=2).run()
    (best,) = done.scheduler.ranked()
    assert best.values == [objective_at(best.point)]


def test_a_pruner_of_optunas_decides_at_the_rungs():
    done = Simulation(LINE, "random", Limits(20), median(4)).run()
    states = [trial.state for trial in done.scheduler.trials.values()]
    assert states[:4] == ["completed"] * 4
    assert 2 < states.count("pruned") < 16


def test_patience_ends_a_search_that_brings_nothing():
    done = Simulation(GRID, "grid", Limits(12, patience=3)).run()
    values = [trial.values[0] for trial in done.scheduler.trials.values()]
    last_gain = max(i for i, value in enumerate(values) if value == max(values[: i + 1]) and value not in values[:i])
    assert len(values) == last_gain + 4 < 12
    assert "hydra.sweeper.patience" in done.scheduler.stopping


def test_too_many_failures_end_a_search():
    failing = {(number, 0, 1) for number in (1, 3, 4)}
    done = Simulation(GRID, "grid", Limits(12, max_failures=3), failing=failing).run()
    states = [trial.state for trial in done.scheduler.trials.values()]
    assert states == ["completed", "failed", "completed", "failed", "failed"]
    assert "hydra.sweeper.max_failures" in done.scheduler.stopping
    assert [(t.reason, t.exit_code) for t in done.scheduler.trials.values() if t.state == "failed"] == [
        ("planned failure", 4)
    ] * 3


def test_a_failed_trial_is_tried_again_under_its_number():
    failing = {(1, 0, 1), (2, 0, 1), (2, 0, 2), (2, 0, 3)}
    done = Simulation(GRID, "grid", Limits(4, retries=2), failing=failing).run()
    trials = done.scheduler.trials
    assert [trial.state for trial in trials.values()] == ["completed", "completed", "failed", "completed"]
    assert [trial.attempt for trial in trials.values()] == [1, 2, 3, 1]
    assert len(done.starts) == 4 + 1 + 2
    assert trials[1].reason is None


def test_repeats_give_the_mean_and_the_spread():
    done = Simulation(GRID, "grid", Limits(3, repeats=3), slots=2).run()
    for trial in done.scheduler.trials.values():
        values = [objective_at(trial.point, replicate) for replicate in range(3)]
        assert trial.values == [statistics.fmean(values)]
        assert done.record(trial.number).spread == statistics.stdev(values)
        assert done.record(trial.number).repeat_values == tuple((value,) for value in values)
    assert sorted((job.number, job.replicate) for job in done.starts) == [(n, r) for n in range(3) for r in range(3)]


def test_a_trial_that_runs_again_does_not_say_why_it_once_stopped():
    for state in ("interrupted", "failed"):
        scheduler = TrialScheduler(Study(GRID, "grid", ["maximize"]), Limits(1, retries=1), ["maximize"])
        job = scheduler.next()
        scheduler.ended(job, Outcome(state, None, "received SIGTERM", 143))
        trial = scheduler.trials[job.number]
        assert (trial.reason, trial.exit_code) == ("received SIGTERM", 143)
        if state == "interrupted":
            scheduler.restore(trial)
        assert scheduler.next() == job
        assert (trial.state, trial.reason, trial.exit_code) == ("running", None, None)


def test_a_replicate_that_fails_fails_its_trial_with_its_own_reason():
    done = Simulation(GRID, "grid", Limits(2, repeats=3), slots=3, failing={(0, 1, 1)}, length=lambda n: n + 1).run()
    first, second = done.scheduler.trials.values()
    assert (first.state, first.values, first.reason, first.exit_code) == ("failed", None, "planned failure", 4)
    assert second.state == "completed"
    assert done.scheduler.ranked() == [second], "a failed one is never best"


def test_a_value_that_is_not_finite_is_a_failure():
    study = Study(GRID, "grid", ["maximize"])
    scheduler = TrialScheduler(study, Limits(1), ["maximize"])
    job = scheduler.next()
    scheduler.ended(job, Outcome("completed", [math.nan], None, 0))
    trial = scheduler.trials[0]
    assert (trial.state, trial.values, trial.exit_code) == ("failed", None, 4)
    assert "not finite" in trial.reason


def test_a_trial_that_could_not_be_paused_is_not_promoted_later():
    study = Study(GRID, "grid", ["maximize"])
    scheduler = TrialScheduler(study, Limits(3), ["maximize"], Halving(RUNGS))
    for number, value in enumerate((0.9, 0.5, 0.4)):
        job = scheduler.next()
        assert job == Job(number)
        assert scheduler.report(job, 0, 25, value) == "pause"
        scheduler.ended(job, Outcome("stopped" if number == 0 else "paused", None, "the disk is full", None))
    job = scheduler.next()
    assert job is None or job.number != 0
    assert scheduler.trials[0].state == "pruned"


def test_stop_starts_nothing_new():
    study = Study(GRID, "grid", ["maximize"])
    scheduler = TrialScheduler(study, Limits(12), ["maximize"])
    job = scheduler.next()
    scheduler.stop("enough")
    assert scheduler.next() is None
    assert not scheduler.finished
    scheduler.ended(job, Outcome("completed", [1.0]))
    assert scheduler.finished
    assert len(scheduler.trials) == 1


def test_a_failed_trial_that_is_tried_again_on_resume_completes():
    disk = Disk()
    limits = Limits(4)
    Simulation(GRID, "grid", limits, failing={(1, 0, 1)}, disk=disk).run()
    again = Simulation(GRID, "grid", limits, disk=disk)
    assert again.scheduler.next() is None
    again.scheduler.retry(again.scheduler.trials[1])
    job = again.scheduler.next()
    assert job == Job(1)
    again.scheduler.observe(job, 10, 0.5)
    again.scheduler.ended(job, Outcome("completed", [0.7]))
    assert (again.scheduler.trials[1].state, again.scheduler.trials[1].values) == ("completed", [0.7])
    assert again.scheduler.trials[1].attempt == 2


deaths = st.lists(st.integers(1, 15), max_size=4)


@settings(max_examples=40)
@given(
    deaths, st.booleans(), st.sampled_from(["asha", "none", "median", "patience"]), st.sampled_from(["random", "tpe"])
)
def test_a_search_that_dies_at_any_moment_ends_as_if_it_had_not(stops, lose_last, kind, sampler):
    def make(disk):
        judge = {"asha": asha, "median": median(2)}.get(kind)
        limits = Limits(10, patience=3 if kind == "patience" else None)
        return Simulation(LINE, sampler, limits, judge, disk=disk)

    whole = make(Disk()).run()
    *_, pieces = interrupted(make, stops, lose_last=lose_last)
    assert pieces.result() == whole.result()


@settings(max_examples=40)
@given(deaths, st.booleans(), st.integers(1, 4), st.sampled_from([1, 3]), st.sampled_from(["grid", "random"]))
def test_trials_and_values_are_the_same_on_several_slots(stops, lose_last, slots, repeats, sampler):
    def make(disk):
        space = GRID if sampler == "grid" else LINE
        limits = Limits(8, repeats=repeats)
        return Simulation(space, sampler, limits, slots=slots, disk=disk, length=lambda n: 1 + n % 3)

    whole = make(Disk()).run()
    *earlier, pieces = interrupted(make, stops, lose_last=lose_last)
    assert pieces.result() == whole.result()
    ended = set()
    for session in earlier:
        assert not ended & set(session.starts), "none that has ended runs again"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 4))
def test_a_free_slot_takes_the_next_trial(lengths, slots):
    """Starts are those of list scheduling in ask order: no barrier, nobody overtakes."""
    space = Space({"x": Parameter("x", "...", CategoricalDistribution(range(12)), tuple(range(12)))})
    done = Simulation(space, "grid", Limits(len(lengths)), slots=slots, length=lambda n: lengths[n]).run()
    free = [0.0] * slots
    for length in lengths:
        heapq.heappush(free, heapq.heappop(free) + length)
    assert [job.number for job in done.starts] == list(range(len(lengths)))
    assert done.clock == max(free)
