"""What reaches a terminal is only shown by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tunesmith.terminal import printable


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left_and_the_rest_stays(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(0 <= ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown if c != "\n")
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert all(a in (b, " ") for a, b in zip(shown, text, strict=True))
    assert printable(shown) == shown


def test_words_of_any_language_stay():
    for text in ("señal", "میخواهم", "मराठी", "中文", "a\nb", "🙂"):
        assert printable(text) == text
