from typing import Annotated

import pytest
from pydantic import Field

from tunesmith.config.keys import _words, describe_type, takes_value


@pytest.mark.parametrize(
    ("key", "taken", "refused"),
    [
        ("model.dropout", [0, 0.5, None], [1, 1.0, -0.1, "much"]),
        ("data.batch_size", [1, 64], [0, -1, 1.5]),
        ("seed", [0, 2**32 - 1], [-1, 2**32]),
        ("optimizer.betas", [[0.9, 0.95], "anything"], []),
        ("no.such.key", [0, "x", None], []),
    ],
)
def test_a_key_takes_what_its_field_takes(key, taken, refused):
    assert all(takes_value(key, value) for value in taken)
    assert not any(takes_value(key, value) for value in refused)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("data.delimiter", r"one of comma, semicolon, tab, pipe, \t, or text of exactly one character"),
        ("data.label_separator", "text of at least one character"),
        ("data.path", "text, or a list of text, or a mapping of keys to values, or null"),
        ("data.id_column", "text, or null"),
        ("data.batch_size", "a whole number of at least 1"),
        ("model.dropout", "a number of at least 0 and less than 1, or null"),
    ],
)
def test_what_a_key_takes_in_words(key, words):
    assert describe_type(key) == words


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_length": 3}, "text of at most 3 characters"),
        ({"min_length": 2, "max_length": 3}, "text of at least 2 characters and at most 3 characters"),
        ({"min_length": 2, "max_length": 2}, "text of exactly 2 characters"),
    ],
)
def test_the_length_of_a_text_in_words(limits, words):
    assert _words(Annotated[str, Field(**limits)], []) == words
