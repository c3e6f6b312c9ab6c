"""Edit distance and the nearest names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.suggest import as_yaml, distance, nearest, nearest_key

WORDS = st.text(alphabet="abc", max_size=6)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_zero_only_for_equals(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)
    assert distance(left, right) <= max(len(left), len(right))


@pytest.mark.parametrize(
    ("left", "right", "edits"), [("lr", "rl", 1), ("modle", "model", 1), ("a", "", 1), ("kitten", "sitting", 3)]
)
def test_known_distances(left: str, right: str, edits: int) -> None:
    assert distance(left, right) == edits


def test_nothing_near_is_none() -> None:
    assert nearest("banana", ["model", "data"]) is None
    assert nearest_key("banana", ["model.path", "data.path"]) is None


def test_a_sibling_comes_before_a_stranger() -> None:
    keys = ["data.split.seed", "seed", "data.path", "optimizer.lr"]
    assert nearest_key("data.split.sed", keys) == "data.split.seed"
    assert nearest_key("lr", keys) == "optimizer.lr"
    assert nearest_key("sed", keys) == "seed"


def test_shown_values_tell_text_from_numbers() -> None:
    assert (as_yaml("1"), as_yaml(1), as_yaml(None), as_yaml(True), as_yaml("é")) == ('"1"', "1", "null", "true", '"é"')
