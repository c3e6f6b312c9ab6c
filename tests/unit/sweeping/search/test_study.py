"""Which point comes next: never twice, never an excluded one, and the same after a resume."""

import json
import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tunesmith.errors import ConfigError, FilesError
from tunesmith.sweeping.search.samplers import make_pruner, make_sampler
from tunesmith.sweeping.search.study import Study, check_storage, journal, open_storage
from tunesmith.sweeping.space.space import Condition, Parameter, Space, identity_of_value

SAMPLERS = ("random", "qmc", "tpe", "gp", "nsgaii")


def listed(key, *values, when=None):
    kind = CategoricalDistribution(values)
    return Parameter(key, ",".join(map(str, values)), kind, values, when)


def space_of(*parameters, **more):
    return Space({parameter.key: parameter for parameter in parameters}, **more)


def finite(exclude=()):
    return space_of(
        listed("method", "full", "lora"),
        listed("r", 4, 8, when=Condition("method", ("lora",))),
        Parameter("size", "range(1, 4)", IntDistribution(1, 3), (1, 2, 3)),
        exclude=exclude,
    )


def continuous(exclude=()):
    return space_of(
        Parameter("lr", "interval", FloatDistribution(1e-5, 1e-2, log=True), None),
        listed("method", "full", "lora"),
        Parameter("r", "interval", IntDistribution(2, 64, log=True), None, Condition("method", ("lora",))),
        exclude=exclude,
    )


def value_of(point):
    return math.sin(sum(map(ord, identity_of_value(point))))


def run(study, count, told=0):
    """Ask and tell so many trials; numbers and points."""
    found = []
    for _ in range(count):
        asked = study.ask()
        if asked is None:
            break
        number, point = asked
        study.report(number, 1, value_of(point) / 2)
        study.tell(number, "completed", [value_of(point)])
        found.append((number, point))
    return found


def test_a_grid_runs_every_point_once_in_a_random_order_of_its_seed():
    orders = {}
    for seed in (0, 0, 1):
        study = Study(finite(), "grid", ["maximize"], seed=seed)
        asked = run(study, 100)
        assert [number for number, _ in asked] == list(range(9))
        points = [identity_of_value(point) for _, point in asked]
        assert sorted(points) == sorted(identity_of_value(point) for point in finite().points())
        assert orders.setdefault(seed, points) == points
    assert orders[0] != orders[1]
    assert orders[0] != [identity_of_value(point) for point in finite().points()], "not the nested loop"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_sampler_repeats_itself_in_a_finite_space_or_takes_what_is_excluded(sampler):
    exclude = ((Condition("method", ("lora",)), Condition("size", (2,))),)
    study = Study(finite(exclude), sampler, ["maximize"])
    points = [identity_of_value(point) for _, point in run(study, 100)]
    assert sorted(points) == sorted(identity_of_value(point) for point in finite(exclude).points())
    assert len(points) == 7


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe", "nsgaii"])
def test_excluded_parts_of_a_continuum_are_never_asked_for(sampler):
    exclude = ((Condition("lr", (), 2e-5, 1.0),),)  # nine tenths of it
    points = [point for _, point in run(Study(continuous(exclude), sampler, ["maximize"]), 12)]
    assert len(points) == 12
    assert all(point["lr"] < 2e-5 for point in points)
    assert len({identity_of_value(point) for point in points}) == 12


def test_a_continuum_that_is_excluded_whole_is_refused():
    study = Study(continuous(((Condition("lr", (), 0.0, 1.0),),)), "random", ["maximize"])
    with pytest.raises(ConfigError, match="leaves no point"):
        study.ask()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_resumed_search_goes_on_as_if_it_had_never_stopped(sampler, tmp_path):
    count, stop = (8, 5) if sampler == "gp" else (24, 13)
    whole = run(Study(continuous(), sampler, ["maximize"], seed=3), count)
    file = tmp_path / "study.journal"
    before = run(Study(continuous(), sampler, ["maximize"], seed=3, storage=journal(file)), stop)
    again = Study(continuous(), sampler, ["maximize"], seed=3, storage=journal(file))
    assert [trial.number for trial in again.trials()] == list(range(stop))
    assert before + run(again, count - stop) == whole
    assert len({identity_of_value(point) for _, point in whole}) == count, "a resumed sampler does not start again"
    other = run(Study(continuous(), sampler, ["maximize"], seed=4), 3)
    assert other != whole[:3] or sampler == "qmc"


def test_a_trial_that_was_made_and_got_no_point_is_taken_first(tmp_path):
    whole = run(Study(continuous(), "tpe", ["maximize"]), 4)
    storage = journal(tmp_path / "study.journal")
    study = Study(continuous(), "tpe", ["maximize"], storage=storage)
    before = run(study, 2)
    storage.create_new_trial(study._study._study_id)  # and there the driver died
    again = Study(continuous(), "tpe", ["maximize"], storage=journal(tmp_path / "study.journal"))
    assert before + run(again, 2) == whole


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_driver_that_dies_while_it_writes_leaves_a_journal_to_go_on_with(cut, tmp_path):
    whole = run(Study(continuous(), "tpe", ["maximize"]), 5)
    file = tmp_path / "study.journal"
    before = run(Study(continuous(), "tpe", ["maximize"], storage=journal(file)), 3)
    text = file.read_bytes()
    last = text.splitlines(keepends=True)[-1]
    file.write_bytes(text + last[: min(cut, len(last) - 1)])
    (tmp_path / "study.journal.lock").symlink_to(file)  # as Optuna's own lock, which would hold the next up for 30 s
    again = Study(continuous(), "tpe", ["maximize"], storage=journal(file))
    assert file.read_bytes().startswith(text)
    assert all(json.loads(line) for line in file.read_bytes().splitlines())
    assert before + run(again, 2) == whole
    assert len(Study(continuous(), "tpe", ["maximize"], storage=journal(file)).trials()) == 5


def test_conditions_hold_in_what_is_drawn_whatever_their_order():
    chain = [
        Parameter("alpha", "interval", FloatDistribution(0, 1), None, Condition("r", (), 2, 20)),
        Parameter("r", "interval", IntDistribution(2, 40), None, Condition("method", ("lora",))),
        listed("method", "full", "lora"),
    ]
    points = [point for _, point in run(Study(space_of(*chain), "random", ["maximize"]), 40)]
    assert {("r" in point) == (point["method"] == "lora") for point in points} == {True}
    assert {("alpha" in point) == (point.get("r", 99) <= 20) for point in points} == {True}
    assert any("alpha" in point for point in points)


def test_zipped_keys_follow_their_leader():
    space = space_of(listed("lr", 1e-3, 1e-2), listed("size", 8, 64), listed("x", 1, 2, 3), zipped=(("lr", "size"),))
    points = [point for _, point in run(Study(space, "tpe", ["maximize"]), 100)]
    assert len(points) == 6
    assert {(point["lr"], point["size"]) for point in points} == {(1e-3, 8), (1e-2, 64)}


def test_a_paused_trial_teaches_the_sampler_what_it_showed():
    """Of twenty points at one end that were paused with bad values, TPE learns to go elsewhere."""
    space = space_of(Parameter("x", "interval", FloatDistribution(0, 1), None))

    def draws(paused):
        found = []
        study = Study(space, "tpe", ["maximize"], seed=0)
        for _ in range(30):
            number, point = study.ask()
            if point["x"] < 0.5 and paused:
                study.report(number, 1, point["x"] - 1)
                study.wait(number)
            elif point["x"] < 0.5:
                study.report(number, 1, point["x"] - 1)
                study.tell(number, "pruned")
            else:
                study.tell(number, "completed", [point["x"]])
            found.append(point["x"])
        return found

    assert draws(paused=True) == draws(paused=False)


@pytest.mark.parametrize("url", ["foo", "foo://x", "redis://localhost", "sqlite:/x"])
def test_a_storage_whose_url_cannot_be_read_is_refused(url, tmp_path):
    for open_it in (check_storage, lambda url: open_storage(url, tmp_path / "study.journal")):
        with pytest.raises(ConfigError) as caught:
            open_it(url)
        (problem,) = caught.value.problems
        assert (problem.where, problem.received) == ("hydra.sweeper.storage", url)
        assert problem.hint


def test_a_storage_that_cannot_be_opened_is_a_matter_of_files(tmp_path):
    with pytest.raises(FilesError, match="cannot be opened: unable to open database file"):
        check_storage(f"sqlite:///{tmp_path}/nowhere/x.db")
    (tmp_path / "x.db").write_text("no database, but long enough to be looked at" * 9)
    with pytest.raises(FilesError, match="file is not a database"):
        check_storage(f"sqlite:///{tmp_path}/x.db")


def test_a_storage_that_was_checked_holds_a_search(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    check_storage(url)
    check_storage(None)
    asked = run(Study(finite(), "grid", ["maximize"], storage=open_storage(url, tmp_path)), 100)
    assert len(asked) == 9


@pytest.mark.parametrize(
    "name", ["cmaes", "optuna.samplers.Nonsense", "optuna.pruners.MedianPruner", "os.system", "tp"]
)
def test_unknown_samplers_are_refused(name):
    with pytest.raises(ConfigError) as caught:
        make_sampler(name, 0, 0)
    (problem,) = caught.value.problems
    assert problem.where == "hydra.sweeper.sampler"
    assert "tpe" in (problem.hint or "") or name.startswith("optuna.")


def test_a_sampler_that_unpickles_is_refused():
    with pytest.raises(ConfigError, match="unpickles its state on resume"):
        make_sampler({"_target_": "optuna.samplers.CmaEsSampler"}, 0, 0)


def test_options_go_to_optunas_class():
    assert make_sampler({"name": "tpe", "n_startup_trials": 3}, 0, 0)._n_startup_trials == 3
    with pytest.raises(ConfigError, match="Did you mean median"):
        make_pruner("medain")


@pytest.mark.parametrize(
    ("make", "node", "sentence"),
    [
        (
            make_sampler,
            {"name": "tpe", "n_startup_trails": 3},
            "sampler.n_startup_trails: TPESampler has no such option. Did you mean n_startup_trials?",
        ),
        (make_sampler, {"name": "random", "nonsense": 3}, "RandomSampler has no such option. It has no options"),
        (
            make_pruner,
            {"name": "hyperband", "nonsense": 3},
            "HyperbandPruner has no such option. Options: min_resource,",
        ),
        (
            make_pruner,
            {"_target_": "optuna.pruners.PercentilePruner"},
            "pruner.percentile: PercentilePruner requires this option",
        ),
        (make_pruner, {"name": "threshold"}, "ThresholdPruner rejects its options: "),
        (make_pruner, {"name": "median", "n_startup_trials": -1}, "MedianPruner rejects its options: "),
    ],
)
def test_options_that_the_class_does_not_take_are_refused_by_name(make, node, sentence):
    with pytest.raises(ConfigError) as caught:
        make(node, 0, 0) if make is make_sampler else make(node)
    (problem,) = caught.value.problems
    assert sentence in str(problem)
    assert "__init__" not in str(problem)
