"""What a config may expand to: aliases and references are counted before anything is built from them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from tunesmith.config import limits
from tunesmith.config.limits import TooLargeError, bounded, check_aliases, parse_yaml, read_yaml
from tunesmith.errors import ConfigError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{key}: &{key} [{','.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)
"""449 bytes for 10^9 values."""
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{key}: &{key} {{<<: [{','.join([f'*{before}'] * 9)}]}}\n"
    for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)


def doubling(first: str, line: str, count: int = 29) -> dict[str, object]:
    """`x0` and then keys that each refer to the one before as often as `line` does."""
    written = "".join(f"x{i}: {line.replace('BEFORE', f'${{x{i - 1}}}')}\n" for i in range(1, count))
    return yaml.safe_load(f"x0: {first}\n{written}")


@pytest.mark.parametrize("text", [BOMB, MERGES, "a: &a [*a]", "a: &a {b: *a}"])
def test_aliases_that_stand_for_too_much_are_refused(text, tmp_path):
    for read in (check_aliases, parse_yaml):
        with pytest.raises(TooLargeError, match="aliases"):
            read(text)
    (tmp_path / "bomb.yaml").write_text(text)
    with pytest.raises(TooLargeError):
        read_yaml(tmp_path / "bomb.yaml")


def test_a_file_longer_than_any_config_is_not_read(tmp_path):
    (tmp_path / "long.yaml").write_text("a: " + "x" * limits.MAX_BYTES)
    with pytest.raises(TooLargeError, match="bytes"):
        read_yaml(tmp_path / "long.yaml")


LEAVES = st.integers() | st.sampled_from(["*", "&", "a & b *"])


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4), max_leaves=30))
def test_what_has_no_alias_is_read_as_plain_yaml_reads_it(value):
    text = yaml.safe_dump({"value": value})
    assert parse_yaml(text) == {"value": value}


def test_a_few_aliases_are_as_good_as_their_values():
    assert parse_yaml("a: &a [1, 2]\nb: [*a, *a]\nc: {<<: {d: *a}}") == {
        "a": [1, 2],
        "b": [[1, 2]] * 2,
        "c": {"d": [1, 2]},
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "line"),
    [("abcdefghij", '"BEFOREBEFORE"'), ("[1, 2]", '["BEFORE", "BEFORE"]'), ("[1]", '{a: "BEFORE", b: "BEFORE"}')],
)
def test_references_that_double_are_refused(first, line):
    config = OmegaConf.create(doubling(first, line))
    with pytest.raises(ConfigError, match="references"), bounded():
        OmegaConf.to_container(config, resolve=True)
    with pytest.raises(ConfigError, match="references"), bounded():
        OmegaConf.resolve(config)


def test_a_long_text_is_not_multiplied():
    config = OmegaConf.create({"a": "x" * 10_000, "b": "${a}" * 1000})
    with pytest.raises(ConfigError, match="references"), bounded():
        str(config.b)


@pytest.mark.slow
def test_within_the_bound_nothing_changes_and_the_bound_ends_with_its_block():
    small, large = (OmegaConf.create(doubling("ab", '"BEFOREBEFORE"', count)) for count in (5, 13))
    with bounded():
        assert small.x4 == "ab" * 16
    assert large.x12 == "ab" * 2**12
    with pytest.raises(KeyError), bounded():  # an error of the block's own stays
        raise KeyError("mine")
