"""What people write for a search elsewhere is refused with what there is here, and what is advised is taken."""

import re

import pytest

from tunesmith.config.checking.other_names import SWEEPER
from tunesmith.config.trust import trusting
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


@pytest.fixture
def my_module(tmp_path, monkeypatch):
    """A module of the user's own beside the command."""
    (tmp_path / "my_plugins.py").write_text(
        "from tunesmith.sweeping.search.judge import Judge\n"
        "from tunesmith.sweeping.execution.executors.executor import Executor\n"
        "class Mine(Judge):\n"
        "    def __init__(self, fractions, margin: float = 0.0): ...\n"
        "class Cluster(Executor):\n"
        "    def __init__(self, n_jobs, entry, queue: str): ...\n"
        "class Other: ...\n"
    )
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"pruner": {"_target_": "my_plugins.Other"}}, "must derive from tunesmith.sweeping.search.judge.Judge"),
        ({"pruner": {"_target_": "my_plugins.Mine", "margni": 1.0}}, "my_plugins.Mine takes no margni"),
        (
            {"pruner": {"_target_": "my_plugins.Mine", "margin": "wide"}},
            "hydra.sweeper.pruner.margin: must be a number",
        ),
        ({"pruner": {"_target_": "my_plugins.Mine", "fractions": [0.5]}}, "derived from hydra.sweeper.pruner.rungs"),
        ({"pruner": {"_target_": "my_plugins.Mine", "rungs": [2]}}, "must be ascending fractions"),
        ({"pruner": {"_target_": "my_plugins.None_"}}, "there is no such class"),
        ({"executor": {"_target_": "my_plugins.Other"}}, "must derive from tunesmith.sweeping.execution.executors"),
        ({"executor": {"_target_": "my_plugins.Cluster"}}, "Set it: hydra.sweeper.executor.queue=VALUE"),
        ({"executor": {"_target_": "my_plugins.Cluster", "queue": "a", "n_jobs": 2}}, "use hydra.sweeper.n_jobs"),
        ({"executor": {"queue": "a"}}, "does not name a class"),
        ({"executor": "slurm"}, "must be local, inprocess, or a mapping with a class in _target_ and its options"),
    ],
    ids=str,
)
def test_a_class_of_one_s_own_is_held_to_its_protocol(my_module, settings, rule):
    with trusting(["my_plugins"]), pytest.raises(ConfigError) as caught:
        read_settings(settings)
    assert rule in str(caught.value)


@pytest.mark.parametrize("key", ["pruner", "executor"])
def test_a_class_of_one_s_own_needs_trust(key, my_module):
    node = {
        "pruner": {"_target_": "my_plugins.Mine", "margin": 0.5},
        "executor": {"_target_": "my_plugins.Cluster", "queue": "a"},
    }[key]
    assert "add --trust my_plugins" in refusal(**{key: node})
    with trusting(["my_plugins"]):
        assert getattr(read_settings({key: node}), key) == node
