"""Options that a pruner would fail on at its first decisions are refused before a sweep starts."""

import pytest

from tunesmith.errors import ConfigError
from tunesmith.sweeping.search.samplers import PRUNERS, make_pruner

NEEDED = {"threshold": {"upper": 1.0}}


@pytest.mark.parametrize("name", PRUNERS)
def test_every_shipped_pruner_judges(name):
    assert make_pruner({"name": name, **NEEDED.get(name, {})})


def test_a_reduction_of_one_is_refused():
    with pytest.raises(ConfigError, match="HyperbandPruner fails with these options") as caught:
        make_pruner({"name": "hyperband", "reduction_factor": 1})
    assert "reduction_factor" in str(caught.value)
