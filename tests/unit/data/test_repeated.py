"""Inputs that several rows have are found as a count over all inputs finds them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.repeated import repeated_inputs
from tunesmith.data.rows import Rows, inputs_of

texts = st.lists(st.tuples(st.sampled_from(["a", " a", "b", "c", "ab", ""]), st.sampled_from("xy")), max_size=12)


def rows_with(pairs, paired):
    firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
    return Rows([str(i) for i in range(len(pairs))], firsts, ["l"] * len(pairs), pairs=seconds if paired else None)


@given(texts, texts, st.booleans())
def test_they_are_those_that_a_count_finds_in_order(first, second, paired):
    splits = {"train": rows_with(first, paired), "val": rows_with(second, paired)}
    counts = Counter(text for rows in splits.values() for text in inputs_of(rows))
    expected = {
        name: {row: text for row, text in enumerate(inputs_of(rows)) if counts[text] > 1}
        for name, rows in splits.items()
    }
    repeated = repeated_inputs(splits)
    assert repeated == expected
    assert all(list(rows) == sorted(rows) for rows in repeated.values())


def test_no_splits_repeat_nothing():
    assert repeated_inputs({}) == {}
