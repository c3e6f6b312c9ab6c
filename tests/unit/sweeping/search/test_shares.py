"""Values of a key that share a search equally: trials and steps come out equal, also after deaths of the driver."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution

from tunesmith.config.sweeper import Sweeper
from tunesmith.sweeping.search import study as study_module
from tunesmith.sweeping.search.judge_of_shares import JudgeOfShares
from tunesmith.sweeping.search.rungs import Halving
from tunesmith.sweeping.search.scheduler import Limits
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.sharing import problems_of_shares
from tunesmith.sweeping.space.space import Condition, Parameter, Space
from tunesmith.testing import simulation
from tunesmith.testing.simulation import RUNGS, Disk, Simulation, interrupted, objective_at

METHODS = ("full", "lora", "head_only")
METHOD = Parameter("method", "...", CategoricalDistribution(METHODS), METHODS)
X = Parameter("x", "...", FloatDistribution(0, 11), None)
RANK = Parameter("r", "...", CategoricalDistribution((4, 8)), (4, 8), Condition("method", ("lora",)))
SPACE = Space({"method": METHOD, "x": X, "r": RANK})
LISTED = Parameter("x", "...", CategoricalDistribution(range(12)), tuple(range(12)))
GRID = Space({"x": LISTED, "method": METHOD})


@pytest.fixture(autouse=True)
def one_method_is_better(monkeypatch):
    """Judged together, nearly all the steps would go to one method."""

    def at(point, replicate=0, fraction=1.0):
        return objective_at(point, replicate, fraction) + 5 * METHODS.index(point["method"])

    monkeypatch.setattr(simulation, "objective_at", at)


def sweep(sampler, n_trials, *, prune=True, slots=1, disk=None, equal="method"):
    def judge(study):
        return JudgeOfShares(lambda: Halving(RUNGS), study.shares) if equal else Halving(RUNGS)

    space = GRID if sampler == "grid" else SPACE
    limits = Limits(n_trials)
    return Simulation(space, sampler, limits, judge if prune else None, slots=slots, disk=disk, equal=equal)


def spent(done):
    """Trials, how many of them got to which rung, and how many completed, by method."""
    by_method = {}
    for trial in done.scheduler.trials.values():
        counts = by_method.setdefault(trial.point["method"], Counter())
        counts.update([trial.state, *trial.rungs])
    return [by_method[method] for method in METHODS]


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("sampler", ["random", "tpe", "qmc", "grid"])
@pytest.mark.parametrize("each", [1, 2, 3, 8])
def test_every_value_gets_as_many_trials_and_steps(sampler, each, slots):
    for prune in (True, False):
        first, *others = spent(sweep(sampler, 3 * each, slots=slots, prune=prune).run())
        assert first["completed"] + first["pruned"] == each
        assert first["completed"] == (max(1, each // 4) if prune else each)
        assert all(other == first for other in others)


def test_without_it_the_better_method_takes_the_steps():
    counts = spent(sweep("random", 24, equal=None).run())
    assert counts[2]["completed"] > counts[0]["completed"] == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 15), max_size=4), st.booleans(), st.sampled_from(["random", "tpe", "grid"]))
def test_a_shared_search_that_dies_at_any_moment_ends_as_if_it_had_not(stops, lose_last, sampler):
    def make(disk):
        return sweep(sampler, 9, disk=disk)

    whole = make(Disk()).run()
    *_, pieces = interrupted(make, stops, lose_last=lose_last)
    assert pieces.result() == whole.result()
    assert spent(pieces) == spent(whole)


def test_points_of_a_value_are_proposed_from_its_own_trials_alone(monkeypatch):
    """TPE is shown no trial of another method: it starts with random points for each, as in a sweep of its own."""
    seen = []
    real = study_module.Study._sample

    def sample(self, sampler, trial):
        visible = self._study._get_trials(deepcopy=False)
        seen.append([t.user_attrs["point"]["method"] for t in visible if "point" in t.user_attrs])
        return real(self, sampler, trial)

    monkeypatch.setattr(study_module.Study, "_sample", sample)
    study = Study(SPACE, "tpe", ["maximize"], equal="method")
    for number in range(9):
        asked, point = study.ask()
        assert (asked, point["method"]) == (number, METHODS[number % 3])
        assert ("r" in point) == (point["method"] == "lora")
        assert set(seen[-1]) <= {point["method"]}
        assert len(seen[-1]) == number // 3
        study.tell(number, "completed", [point["x"]])


def test_points_that_were_chosen_count():
    study = Study(SPACE, "random", ["maximize"], equal="method")
    for _ in range(2):
        study.ask({"method": "full", "x": 1.0})
    rest = Counter(study.ask()[1]["method"] for _ in range(4))
    assert rest == {"lora": 2, "head_only": 2}


LR = [{"method": "lora", "x": value, "r": 4} for value in (2.0, 3.0)]


@pytest.mark.parametrize(
    ("equal", "given", "where", "words"),
    [
        ("metod", {}, "equal", "Did you mean method?"),
        ("x", {}, "equal", "has no list of values"),
        ("r", {}, "equal", "Set hydra.sweeper.equal=method"),
        ("method", {"n_trials": 7}, "n_trials", "Set hydra.sweeper.n_trials=6 or 9"),
        ("method", {"n_trials": 2}, "n_trials", "Set hydra.sweeper.n_trials=3"),
        ("method", {"pruner": "median"}, "pruner", "Set hydra.sweeper.pruner=asha, or"),
        ("method", {"pruner": {"name": "asha", "pauses": False}}, "pruner", "equal steps"),
        ("method", {"sampler": "nsgaii"}, "sampler", "Set hydra.sweeper.sampler=tpe"),
        ("method", {"n_trials": 3, "initial": LR}, "initial", "Set hydra.sweeper.n_trials=6"),
        ("method", {"initial": [{"x": 1.0}]}, "equal", "Name a key that every point has"),
    ],
)
def test_what_cannot_be_shared_equally_is_refused_with_what_to_type(equal, given, where, words):
    sweeper = Sweeper(equal=equal, **{"n_trials": 6} | given)
    (problem,) = problems_of_shares(sweeper, SPACE, sweeper.initial)
    assert problem.where == f"hydra.sweeper.{where}"
    assert words in str(problem)


def test_a_list_that_has_more_points_of_one_value_is_refused_unless_each_gets_as_many():
    uneven = Space({"method": METHOD, "r": RANK})
    (problem,) = problems_of_shares(Sweeper(equal="method"), uneven, [])
    assert "full 1, lora 2, head_only 1 (received" in str(problem)
    assert problem.hint == "Set hydra.sweeper.n_trials=3"
    assert [*problems_of_shares(Sweeper(equal="method", n_trials=3), uneven, [])] == []
    assert [*problems_of_shares(Sweeper(equal="method"), GRID, [])] == []
    assert [*problems_of_shares(Sweeper(), uneven, [])] == []
