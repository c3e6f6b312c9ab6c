"""What may change when a sweep goes on, and the sentences where it may not."""

import pytest

from tunesmith.errors import ConfigError
from tunesmith.sweeping.resume import _changed

THEN = {"n_trials": 4, "sampler": "tpe", "pruner": {"name": "asha", "rungs": [0.5]}, "params": {"optimizer.lr": "1,2"}}


def test_keys_change_as_a_whole():
    found = _changed(THEN, ["hydra.sweeper.n_trials=9", "hydra.sweeper.sampler={name:qmc,scramble:true}"])
    assert found == THEN | {"n_trials": 9, "sampler": {"name": "qmc", "scramble": True}}


@pytest.mark.parametrize(
    ("change", "rule", "hint"),
    [
        ("hydra.sweeper.n_trials=1,2", "has several values", "hydra.sweeper.n_trials=VALUE"),
        ("hydra.sweeper.n_trials=choice(1,2)", "has several values", "hydra.sweeper.n_trials=VALUE"),
        (
            "hydra.sweeper.sampler.name=qmc",
            "names a part of hydra.sweeper.sampler",
            "'hydra.sweeper.sampler={name:qmc}'",
        ),
        (
            "hydra.sweeper.pruner.reduction=4",
            "names a part of hydra.sweeper.pruner",
            "'hydra.sweeper.pruner={name:asha,rungs:[0.5],reduction:4}'",
        ),
        ("hydra.sweeper.params.optimizer.lr=1", "names a part of hydra.sweeper.params", "as a whole"),
        ("~hydra.sweeper.n_trials", "only hydra.sweeper keys may change", "Start a new sweep"),
        ("optimizer.lr=1,2", "only hydra.sweeper keys may change", "Start a new sweep"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(change, rule, hint):
    with pytest.raises(ConfigError) as caught:
        _changed(THEN, [change])
    (problem,) = caught.value.problems
    assert problem.where == change
    assert problem.rule.startswith(rule)
    assert hint in problem.hint
    assert problem.received is None
