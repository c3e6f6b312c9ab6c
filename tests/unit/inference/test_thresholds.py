"""`evaluate --fail-below` and `--fail-above`: what they take, and when they refuse."""

import pytest

from tunesmith.errors import ConfigError, TrainingError
from tunesmith.inference.thresholds import Threshold, refuse_beyond, thresholds_of

NAMES = ["loss", "accuracy", "f1/a=b"]


def test_a_metric_is_named_with_or_without_the_split():
    assert thresholds_of(["accuracy=0.8", "all/loss=2", "f1/a=b=0.5"], "below", "all", NAMES) == [
        Threshold("all/accuracy", 0.8, "below"),
        Threshold("all/loss", 2.0, "below"),
        Threshold("all/f1/a=b", 0.5, "below"),
    ]


@pytest.mark.parametrize(
    ("text", "rule", "hint"),
    [
        ("val/accuracy=0.8", "measures all, not val", "--fail-above accuracy=0.8"),
        ("acuracy=0.8", "no metric", "Did you mean accuracy?"),
        ("accuracy", "no metric", ""),
        ("accuracy=high", "METRIC=NUMBER", "--fail-above accuracy=0.8"),
        ("accuracy=nan", "METRIC=NUMBER", ""),
    ],
)
def test_what_is_not_there_is_refused_with_what_to_type(text, rule, hint):
    with pytest.raises(ConfigError) as caught:
        thresholds_of([text, "loss=1"], "above", "all", NAMES)
    (problem,) = caught.value.problems
    assert rule in problem.rule
    assert hint in problem.hint


def test_a_value_beyond_its_bound_or_none_at_all_fails_with_4():
    bounds = [Threshold("all/accuracy", 0.8, "below"), Threshold("all/loss", 1.0, "above")]
    refuse_beyond({"all/accuracy": 0.8, "all/loss": 1.0}, bounds)
    for metrics, said in (
        ({"all/accuracy": 0.79, "all/loss": 1.0}, "all/accuracy 0.7900, below 0.8"),
        ({"all/accuracy": 0.9, "all/loss": 1.5}, "all/loss 1.5000, above 1"),
        ({"all/accuracy": 0.9}, "all/loss has no value"),
    ):
        with pytest.raises(TrainingError, match=said) as caught:
            refuse_beyond(metrics, bounds)
        assert caught.value.exit_code == 4
