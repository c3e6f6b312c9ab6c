"""What people write for a search elsewhere is refused with what there is here, and what is advised is taken."""

import re

import pytest

from tunesmith.config.checking.other_names import SWEEPER
from tunesmith.errors import ConfigError
from tunesmith.sweeping.settings import read_settings


def refusal(**settings):
    with pytest.raises(ConfigError) as caught:
        read_settings(settings)
    return str(caught.value)


@pytest.mark.parametrize("name", ["tpe", "random", "gp", "qmc"])
def test_a_sampler_has_no_seed_of_its_own(name):
    assert "Use hydra.sweeper.seed=1" in refusal(sampler={"name": name, "seed": 1})
    read_settings({"sampler": name, "seed": 1})


@pytest.mark.parametrize(
    ("kind", "name", "options"), [("sampler", "brute_force", {}), ("pruner", "percentile", {"percentile": 25.0})]
)
def test_a_class_of_optuna_s_without_a_short_name_is_told_and_taken(kind, name, options):
    (target,) = re.findall(r"_target_: ([\w.]+)\}", refusal(**{kind: name}))
    taken = read_settings({kind: {"_target_": target, **options}}).model_dump()
    assert target in str(taken[kind])


def test_a_sampler_that_is_refused_is_not_advised():
    assert "CmaEsSampler unpickles its state on resume. Use tpe" in refusal(sampler="cma-es")
    assert "_target_" not in refusal(pruner="patient")


def test_options_that_fail_are_told_with_those_that_work():
    message = refusal(pruner={"name": "hyperband", "reduction_factor": 1})
    (value,) = re.findall(r"Optuna's own are reduction_factor=(\d+)", message)
    taken = read_settings({"pruner": {"name": "hyperband", "reduction_factor": int(value)}}).model_dump()
    assert taken["pruner"]["reduction_factor"] == int(value) > 1


@pytest.mark.parametrize("key", [key for key in SWEEPER if key != "seed"])
def test_a_key_of_others_is_answered_with_ours(key):
    assert SWEEPER[key] in refusal(**{key: 1})
