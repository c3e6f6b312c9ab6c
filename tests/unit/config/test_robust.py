"""Whatever is written, the answer is a config or a list of problems, never another exception."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunesmith.config.composing.compose import compose
from tunesmith.config.folders import group_options
from tunesmith.config.outline import leaves
from tunesmith.config.schema import RunConfig
from tunesmith.errors import ConfigError

SOME = settings(
    deadline=None, derandomize=True, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
KEYS = [
    *leaves(),
    *group_options(),
    "callbacks.x",
    "callbacks.x._target_",
    "evaluation.metrics.f1",
    "hydra",
    "hydra.sweeper",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from(["", "a", "???", "${seed}", "${", "${x}"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "_target_", "lr"]), inner, max_size=2)
    ),
)
ODD = st.text(alphabet="ab1.,=:/~+@'\"()[]{}$\\ ?*#%ü-", max_size=8)


def settles(overrides: list[str], *folders: Path) -> bool:
    """Whether it ends in a config, or in problems that each name a rule."""
    try:
        return isinstance(compose(overrides, config_dirs=folders).config, RunConfig)
    except ConfigError as error:
        return bool(error.problems) and all(problem.rule for problem in error.problems)


@pytest.mark.slow
@given(st.sampled_from(["", "+", "++", "~"]), st.sampled_from(KEYS), ODD)
@SOME
def test_any_override(sign: str, key: str, value: str) -> None:
    assert settles([f"{sign}{key}={value}"])


@pytest.mark.slow
@given(ODD)
@SOME
def test_any_argument(text: str) -> None:
    assert settles([text])


@pytest.mark.slow
@given(st.sampled_from(KEYS), VALUES)
@SOME
def test_any_value_in_a_file(tmp_path: Path, key: str, value: object) -> None:
    for part in reversed(key.replace("/", ".").split(".")):
        value = {part: value}
    file = tmp_path / "experiment" / "x.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"# @package _global_\n{json.dumps(value)}\n")
    assert settles(["experiment=x"], tmp_path)


@pytest.mark.slow
@given(st.text(alphabet="a: -\n{}[]'\"&*!|>%@#${", max_size=30))
@SOME
def test_any_text_as_a_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "experiment" / "x.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    assert settles(["experiment=x"], tmp_path)
