import json
import math

import pytest
from synthetic_sweep import write_facts, write_sweep, write_trial

from tunesmith.reporting.sweep.advice import edges, noise
from tunesmith.runs.sweep_record import load_sweep


def searched(tmp_path, space, name, value, **attributes):
    """What is advised where `value` won a sweep of the key `a.b` alone."""
    distribution = json.dumps({"name": f"{name}Distribution", "attributes": attributes})
    write_trial(tmp_path, 0, state="completed", values=[0.5], params={"a.b": value})
    write_facts(tmp_path, space={"a.b": space}, distributions={"a.b": distribution})
    record = load_sweep(tmp_path)
    return edges(record, record.best())


LR = {"low": 1e-5, "high": 1e-3, "log": True, "step": None}
UNIT = {"low": 0.1, "high": 0.5, "log": False, "step": None}
FROM_ZERO = {"low": 0.0, "high": 0.3, "log": False, "step": None}
RANK = {"low": 4, "high": 64, "log": True, "step": 1}
LAYERS = {"low": 1, "high": 11, "log": False, "step": 1}


@pytest.mark.parametrize(
    ("space", "name", "attributes", "value", "end", "advice"),
    [
        ("tag(log, interval(1e-5, 1e-3))", "Float", LR, 9e-4, "high", "tag(log, interval(9e-5, 0.009))"),
        ("tag(log, interval(1e-5, 1e-3))", "Float", LR, 1.2e-5, "low", "tag(log, interval(1.2e-6, 0.00012))"),
        ("interval(0.1, 0.5)", "Float", UNIT, 0.48, "high", "interval(0.28, 0.68)"),
        ("interval(0.1, 0.5)", "Float", UNIT, 0.1, "low", "interval(0, 0.3)"),
        ("interval(0.0, 0.3)", "Float", FROM_ZERO, 0.01, "low", "interval(0, 0.09)"),
        ("tag(log, int(interval(4, 64)))", "Int", RANK, 64, "high", "tag(log, int(interval(16, 260)))"),
        ("range(1, 12)", "Int", LAYERS, 11, "high", "range(6, 17)"),
        ("range(1, 12, 2)", "Int", LAYERS, 1, "low", "range(1, 5, 2)"),
        ("choice(16, 32, 64)", "Categorical", {"choices": [16, 32, 64]}, 64, "high", "choice(32, 64, 128)"),
        ("choice(64, 16, 32)", "Categorical", {"choices": [64, 16, 32]}, 16, "low", "choice(8, 16, 32)"),
        ("choice(1, 2, 3)", "Categorical", {"choices": [1, 2, 3]}, 3, "high", "choice(2, 3, 4)"),
        ("choice(0.0, 0.1)", "Categorical", {"choices": [0.0, 0.1]}, 0.0, "low", "choice(0, 0.05, 0.1)"),
        ("choice(4, 8) when m=x", "Categorical", {"choices": [4, 8]}, 8, "high", "choice(4, 8, 16) when m=x"),
        ("1e-5,3e-5", "Categorical", {"choices": [1e-5, 3e-5]}, 3e-5, "high", "choice(1e-5, 3e-5, 9e-5)"),
        ("", "Float", LR, 1e-3, "high", "tag(log, interval(0.0001, 0.01))"),
    ],
)
def test_a_winner_at_an_end_moves_the_range(tmp_path, space, name, attributes, value, end, advice):
    (edge,) = searched(tmp_path, space, name, value, **attributes)
    assert (edge.key, edge.value, edge.end, edge.searched) == ("a.b", value, end, space)
    assert edge.advice == advice


@pytest.mark.parametrize("advice", ["tag(log, interval(9e-5, 0.009))", "tag(log, int(interval(16, 260)))"])
def test_advice_is_in_the_grammar_of_the_command_line(advice):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    override = OverridesParser.create().parse_override(f"a.b={advice}")
    assert override.is_sweep_override()
    assert override.value().tags == {"log"}


@pytest.mark.parametrize(
    ("space", "name", "attributes", "value"),
    [
        ("…", "Float", LR, 1e-4),
        ("…", "Float", LR, 1.7e-5),  # 11.5% of the way in decades, though 0.7% in plain numbers
        ("…", "Float", UNIT, 0.45),
        ("…", "Float", UNIT, 0.7),  # given by hand, outside of the range
        ("…", "Categorical", {"choices": [16, 32, 64]}, 32),
        ("…", "Categorical", {"choices": ["a", "b"]}, "b"),
        ("…", "Categorical", {"choices": [True, False]}, True),
        ("…", "Categorical", {"choices": [1, 2]}, 1),  # nothing lies below
        ("…", "Categorical", {"choices": [5]}, 5),
        ("…", "Int", {"low": 3, "high": 3, "log": False}, 3),
        ("…", "Unknown", {}, 3),
    ],
)
def test_a_winner_inside_is_left_in_peace(tmp_path, space, name, attributes, value):
    assert searched(tmp_path, space, name, value, **attributes) == []


@pytest.mark.parametrize(
    ("values", "warned"), [((64, 64), True), ((64, 16), False), ((64, 32), False), ((64, None), True)]
)
def test_equals_that_are_elsewhere_take_the_warning_back(tmp_path, values, warned):
    for number, value in enumerate(values):
        params = {} if value is None else {"data.batch_size": value}
        write_trial(tmp_path, number, state="completed", values=[0.5], params=params)
    record = load_sweep(write_facts(tmp_path))
    assert bool(edges(record, record.best())) is warned


def test_a_broken_or_missing_distribution_is_no_reason_to_fail(tmp_path):
    write_trial(tmp_path, 0, state="completed", values=[0.5], params={"a": 1, "b": 2, "c": 3})
    write_facts(tmp_path, space={}, distributions={"a": "not json", "b": "[]"})
    record = load_sweep(tmp_path)
    assert edges(record, record.best()) == []


def repeated(tmp_path, *trials, **facts):
    for number, values in enumerate(trials):
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
        each = [[value] for value in values]
        write_trial(tmp_path, number, state="completed", values=[mean], repeat_values=each, spread=spread)
    write_facts(tmp_path, **facts)
    return noise(load_sweep(tmp_path))


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_margin_is_that_of_the_textbook(tmp_path, direction):
    sign = 1 if direction == "maximize" else -1
    # Pooled variance (0.0002 + 0.0002 + 0.0008) / 3 = 0.0004; Student's t for 95% and 3 degrees of freedom is 3.1824.
    rows = [(0.79, 0.81), (0.77, 0.79), (0.70, 0.74)]
    found = repeated(tmp_path, *[[sign * value for value in row] for row in rows], directions=[direction])
    assert found.margin == pytest.approx(3.182446 * math.sqrt(0.0004 * 2 / 2), rel=1e-6)
    assert found.repeats == 2
    assert [trial.number for trial in found.within] == [1], "0.78 is within 0.0636 of 0.80, and 0.72 is not"


def test_without_repeats_nothing_is_said_about_noise(tmp_path):
    assert noise(load_sweep(write_sweep(tmp_path / "a", 12))) is None
    assert noise(load_sweep(write_sweep(tmp_path / "b", 12, objectives=2))) is None
    assert repeated(tmp_path / "c", [0.5, 0.6]) is None, "one trial has nobody to be compared with"
