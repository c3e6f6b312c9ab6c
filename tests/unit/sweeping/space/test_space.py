"""What a sweep varies: the grammar, the points, and everything that is refused."""

import functools
import warnings

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import assume, given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tunesmith.config.composing.composer import Composer
from tunesmith.config.composing.overrides import parse
from tunesmith.config.sweeper import Sweeper
from tunesmith.errors import ConfigError
from tunesmith.sweeping.space.grammar import overrides
from tunesmith.sweeping.space.reading import _plain, read_space
from tunesmith.sweeping.space.space import identity_of_value


@functools.cache
def composer():
    return Composer()


def space_of(params=None, swept=(), **settings):
    loader = composer().loader()
    read = [parse(text, OverridesParser.create(config_loader=loader), sweep=True) for text in swept]
    wanted = Sweeper(params=params or {}, **settings)
    return read_space(wanted, read, loader, functools.partial(composer().value, []))


def only(text, key="data.batch_size"):
    return space_of({key: text}).parameters[key]


def refusal(params=None, swept=(), **settings):
    with pytest.raises(ConfigError) as caught:
        space_of(params, swept, **settings)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("choice(16, 32)", (16, 32)),
        ("16,32", (16, 32)),
        ("choice(full, lora)", ("full", "lora")),
        ("choice('a b', \"it's\", 'x,y', '1')", ("a b", "it's", "x,y", "1")),
        ("true,null,1,0.5,x", (True, None, 1, 0.5, "x")),
        ("choice([q,v], [q,k,v])", (["q", "v"], ["q", "k", "v"])),
        ("[q,v],[q,k,v]", (["q", "v"], ["q", "k", "v"])),
        ("choice({a: 1}, {b: [2, 'c d']})", ({"a": 1}, {"b": [2, "c d"]})),
        ("range(1, 4)", (1, 2, 3)),
        ("range(1, 8, 3)", (1, 4, 7)),
        ("range(0, 1, 0.25)", (0.0, 0.25, 0.5, 0.75)),
        ("range(1e-4, 4e-4, 1e-4)", (0.0001, 0.0002, 0.0003)),
        ("range(0.7, 2.1, 0.7)", (0.7, 1.4)),
        ("range(0.5, 3, 1)", (0.5, 1.5, 2.5)),
        ("range(0.3, 0.0, -0.1)", (0.3, 0.2, 0.1)),
        ("range(5, 1, -2)", (5, 3)),
        ("int(interval(2, 5))", (2, 3, 4, 5)),
    ],
)
def test_listed_values(text, values):
    found = only(text)
    assert [*found.values] == [*values]
    assert [type(value) for value in found.values] == [type(value) for value in values]
    assert [found.decode(found.encode(value)) for value in values] == [*values], "through Optuna and back"


def test_a_range_ends_before_its_end_for_the_sampler_too():
    assert only("range(1, 4)").distribution == IntDistribution(1, 3, step=1)
    assert only("range(1, 8, 3)").distribution == IntDistribution(1, 7, step=3)
    assert only("range(0, 1, 0.25)").distribution == FloatDistribution(0, 0.75, step=0.25)
    assert only("range(5, 1, -2)").distribution == CategoricalDistribution([5, 3])


def test_a_range_between_whole_numbers_keeps_its_order_for_the_sampler():
    assert only("range(1e-4, 4e-4, 1e-4)").distribution == FloatDistribution(1e-4, 3e-4, step=1e-4)
    assert only("range(1e-4, 4e-4, 1e-4)").decode(0.00030000000000000003) == 3e-4, "as a sampler adds it up"


@pytest.mark.parametrize("text", ["range(0, 1, 0.0)", "range(0.0, inf)", "range(nan, 1)", "range(1, 4, 0)"])
def test_a_range_without_an_end_is_refused(text):
    (problem,) = refusal({"optimizer.lr": text})
    assert (problem.rule, problem.received) == ("cannot be read", text)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optimizer.lr=choice()", "empty choice is not legal"),
        ("data.batch_size=range()", "missing a required argument: 'start'"),
        ("model.dropout=interval(0.1", "no viable alternative at input"),
    ],
)
def test_values_that_cannot_be_read_are_not_taken_for_a_text(override, said):
    found = parse(override, OverridesParser.create(), sweep=True)
    assert (found.where, found.received) == (override, None)
    assert said in found.rule
    assert found.hint.startswith("E.g. choice(16, 32)")
    named = parse("run.name=choice(", OverridesParser.create(), sweep=True)
    assert named.hint.startswith("Quote the value"), "of a key that holds text"


finite = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(finite, finite.filter(lambda step: abs(step) > 1e-9), st.integers(1, 12), st.sampled_from([3, 6, 17]))
def test_every_value_of_a_range_goes_through_optuna_and_back(start, step, count, digits):
    start, step = (float(f"{number:.{digits}g}") for number in (start, step))
    stop = start + (count - 0.5) * step
    assume((stop - start) * step > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = only(f"range({start!r}, {stop!r}, {step!r})")
    assert found.values[0] == start
    assert all(isinstance(value, float) and min(start, stop) <= value <= max(start, stop) for value in found.values)
    for value in found.values:
        kept = found.distribution.to_internal_repr(found.encode(value))
        assert found.decode(found.distribution.to_external_repr(kept)) == value
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    for _ in range(3):
        drawn = study.ask({"x": found.distribution}).params["x"]
        assert found.decode(found.encode(found.decode(drawn))) in found.values


def test_intervals_have_no_list_and_keep_their_scale():
    assert only("interval(0.0, 0.3)").distribution == FloatDistribution(0.0, 0.3)
    assert only("tag(log, interval(1e-5, 1e-3))").distribution == FloatDistribution(1e-5, 1e-3, log=True)
    assert only("tag(log, int(interval(2, 64)))").distribution == IntDistribution(2, 64, log=True)
    assert only("interval(0, 0.3)").distribution == FloatDistribution(0.0, 0.3)
    assert only("interval(2, 5)").distribution == FloatDistribution(2.0, 5.0), "in Hydra, int(...) makes whole numbers"
    assert only("interval(0.0, 0.3)").values is None
    for outside in (0.31, True, "x", None):
        with pytest.raises(ValueError, match="cannot be"):
            only("interval(0.0, 0.3)").encode(outside)


def test_glob_lists_the_options_of_a_group():
    assert set(only("glob(*)", "scheduler").values) == {"constant", "cosine", "linear", "plateau"}
    assert set(only("glob([*a*], exclude=plateau)", "scheduler").values) == {"constant", "linear"}


def test_numbers_and_truth_values_that_are_equal_in_python_stay_apart():
    found = only("choice(1, true, 0, false)")
    assert [found.decode(found.encode(value)) for value in (1, True, 0, False)] == [1, True, 0, False]
    assert [type(found.decode(found.encode(value))) for value in (1, True, 0, False)] == [int, bool] * 2


def test_the_points_are_the_nested_loop():
    space = space_of({"optimizer.lr": "choice(1e-3, 1e-2)", "method": "choice(full, lora)"})
    assert space.size == 4
    assert space.points() == [
        {"optimizer.lr": lr, "method": method} for lr in (1e-3, 1e-2) for method in ("full", "lora")
    ]


def test_zip_advances_keys_together():
    params = {"optimizer.lr": "choice(1e-3, 1e-2)", "data.batch_size": "choice(16, 32)", "method": "choice(full, lora)"}
    space = space_of(params, zip=[["optimizer.lr", "data.batch_size"]])
    assert space.size == 4
    assert [(p["optimizer.lr"], p["data.batch_size"]) for p in space.points()] == [
        (1e-3, 16),
        (1e-3, 16),
        (1e-2, 32),
        (1e-2, 32),
    ]
    (problem,) = refusal(params | {"data.batch_size": "range(1, 4)"}, zip=[["optimizer.lr", "data.batch_size"]])
    assert "must list the same number of values" in problem.rule
    (problem,) = refusal(params, zip=[["optimizer.lr", "model.dropout"]])
    assert problem.rule == "names a key that is not part of the search"


def test_explicit_points_are_run_as_listed_once_each():
    points = [
        {"optimizer.lr": 1e-3, "method": "lora"},
        {"optimizer.lr": 1e-2},
        {"method": "lora", "optimizer.lr": 1e-3},
    ]
    space = space_of(explicit=points)
    assert space.points() == points[:2]
    (problem,) = refusal({"method": "choice(full, lora)"}, explicit=points)
    assert problem.where == "hydra.sweeper.explicit"


def test_when_makes_a_key_active_for_some_values_of_another():
    space = space_of({"method": "choice(full, lora)", "method.r": {"space": "choice(4, 8)", "when": "method=lora"}})
    assert space.points() == [{"method": "full"}, {"method": "lora", "method.r": 4}, {"method": "lora", "method.r": 8}]


def test_conditions_chain():
    params = {
        "method": "choice(full, lora)",
        "method.r": {"space": "choice(4, 8)", "when": "method=lora"},
        "method.alpha": {"space": "choice(1, 2)", "when": "method.r=8"},
    }
    assert space_of(params).points() == [
        {"method": "full"},
        {"method": "lora", "method.r": 4},
        {"method": "lora", "method.r": 8, "method.alpha": 1},
        {"method": "lora", "method.r": 8, "method.alpha": 2},
    ]
    upside_down = dict(reversed(params.items()))
    assert {identity_of_value(point) for point in space_of(upside_down).points()} == {
        identity_of_value(point) for point in space_of(params).points()
    }, "the order of the file has no say in it"


def test_a_condition_may_name_a_key_that_is_not_varied():
    with_lora = {"optimizer.lr": "choice(1, 2)", "method.r": {"space": "choice(4, 8)", "when": "method=lora"}}
    assert space_of(with_lora).points() == [{"optimizer.lr": 1}, {"optimizer.lr": 2}], "the method is full"
    with_full = {"optimizer.lr": "choice(1, 2)", "model.dropout": {"space": "choice(0.1, 0.2)", "when": "method=full"}}
    assert len(space_of(with_full).points()) == 4


def test_a_condition_takes_several_values_and_intervals():
    params = {
        "data.batch_size": "choice(8, 16, 32)",
        "model.dropout": {"space": "choice(0.1, 0.2)", "when": "data.batch_size=8,32"},
        "optimizer.weight_decay": {"space": "choice(0.3, 0.4)", "when": "data.batch_size=interval(10, 20)"},
    }
    keys = {point["data.batch_size"]: set(point) - {"data.batch_size"} for point in space_of(params).points()}
    assert keys == {8: {"model.dropout"}, 16: {"optimizer.weight_decay"}, 32: {"model.dropout"}}


def test_exclude_leaves_points_out():
    params = {"optimizer.lr": "choice(1e-3, 1e-2)", "data.batch_size": "choice(8, 16, 32)"}
    space = space_of(params, exclude=[{"optimizer.lr": 1e-2, "data.batch_size": "8,32"}])
    assert [p for p in space.points() if p["optimizer.lr"] == 1e-2] == [{"optimizer.lr": 1e-2, "data.batch_size": 16}]
    assert len(space.points()) == 4
    space = space_of(params, exclude=[{"data.batch_size": "interval(10, 40)"}, {"optimizer.lr": 1e-3}])
    assert space.points() == [{"optimizer.lr": 1e-2, "data.batch_size": 8}]
    (problem,) = refusal(params, exclude=[{"model.dropout": 0.1}])
    assert (problem.where, problem.received) == ("hydra.sweeper.exclude", "model.dropout")


def test_a_list_of_values_excludes_each_of_them():
    space = space_of({"data.batch_size": "choice(8, 16, 32)"}, exclude=[{"data.batch_size": [8, 32]}])
    assert space.points() == [{"data.batch_size": 16}]


def test_the_command_line_replaces_the_values_of_the_file():
    space = space_of({"optimizer.lr": "choice(1e-3, 1e-2)", "method": "choice(full, lora)"}, ["optimizer.lr=5e-4,6e-4"])
    assert [*space.parameters] == ["optimizer.lr", "method"]
    assert space.parameters["optimizer.lr"].values == (5e-4, 6e-4)


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("seed", "Replicate it instead: hydra.sweeper.repeats=3"),
        ("data.split.seed", "The split is the same for all trials"),
        ("data.split.val_fraction", "The split is the same for all trials"),
        ("evaluation.test", "never looks at the test split"),
        ("run.name", "A trial's directory is its own"),
        ("logger", "A trial's tracker run is its own"),
        ("trainer.threads", "last bits"),
    ],
)
def test_keys_that_are_no_hyperparameters_are_refused_with_advice(key, advice):
    for problems in (
        refusal({key: "choice(1, 2)"}),
        refusal(swept=[f"{key}=1,2"]),
        refusal(explicit=[{key: 1}, {key: 2}]),
    ):
        (problem,) = problems
        assert (problem.where, problem.rule) == (key, "cannot be searched")
        assert advice in problem.hint


def test_every_fault_is_named_at_once():
    params = {
        "seed": "choice(1, 2)",
        "optimizer.lr": "interval(1e-3, 1e-5)",
        "data.batch_size": [16, 32],
        "data.max_length": "32",
        "model.dropout": "interval(0.0",
        "optimizer.weight_decay": "tag(log, interval(0.0, 0.1))",
        "method": {"space": "choice(full, lora)", "when": "nonsense"},
    }
    problems = refusal(params, zip=[["a.b", "c.d"]], exclude=[{"x.y": 1}])
    text = "\n".join(map(str, problems))
    for wanted in (
        "cannot be searched",
        "lower end of an interval must be below its upper end",
        "choice(16, 32)",
        "has a single value, so nothing is varied",
        "cannot be read",
        "must be above 0",
        "must be KEY=VALUE",
        "names a key that is not part of the search",
    ):
        assert wanted in text
    assert len(problems) == 9


def test_nothing_varied_is_refused():
    (problem,) = refusal()
    assert problem.rule == "nothing is varied"


def test_a_condition_on_itself_or_in_a_ring_is_refused():
    (problem,) = refusal({"method": {"space": "choice(full, lora)", "when": "method=lora"}})
    assert "depends on the key itself" in problem.rule
    ring = {
        "data.batch_size": {"space": "choice(8, 16)", "when": "data.max_length=32"},
        "data.max_length": {"space": "choice(16, 32)", "when": "data.batch_size=8"},
    }
    assert ["in a cycle" in problem.rule for problem in refusal(ring)] == [True, True]


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
scalars = st.one_of(
    texts,
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
keys = st.text("abcdefgh_", min_size=1, max_size=6)
values = st.one_of(scalars, st.lists(scalars, max_size=4), st.dictionaries(keys, scalars, max_size=3))


@given(st.dictionaries(st.sampled_from(["a.b", "c", "d_e.f", "g"]), values, min_size=1))
def test_a_point_survives_hydras_grammar(point):
    parsed = OverridesParser.create().parse_overrides(overrides(point))
    found = {override.key_or_group: _plain(override._value) for override in parsed}
    assert found == point
    assert identity_of_value(found) == identity_of_value(point), "types too: 1 is not 1.0 and not true"
