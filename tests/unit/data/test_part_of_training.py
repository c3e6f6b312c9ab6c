"""A part of the training rows lies in every larger part, and keeps the labels' proportions."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import compose
from tunesmith.data.prepared import read_prepared
from tunesmith.data.splitting.part import nested_order
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_of


@given(st.lists(st.sampled_from("aaab c"), min_size=1, max_size=60), st.integers(0, 5))
def test_every_beginning_holds_labels_in_proportion(labels, seed):
    order = nested_order(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    counts = Counter(labels)
    for size in range(1, len(labels) + 1):
        part = Counter(labels[place] for place in order[:size])
        for label, count in counts.items():
            assert abs(part[label] - size * count / len(labels)) <= len(counts)


def train_and_val(tiny, *more):
    config = compose([*tiny, *more]).config
    splits = read_prepared(config.data, task_of(config.task)).splits
    return splits["train"], splits["val"].ids


def test_parts_lie_in_one_another_and_validation_stays(tiny):
    whole, val = train_and_val(tiny)
    some, same_val = train_and_val(tiny, "data.train_rows=40")
    few, _ = train_and_val(tiny, "data.train_rows=10")
    assert (len(few), len(some)) == (10, 40)
    assert set(few.ids) < set(some.ids) < set(whole.ids)
    assert some.ids == [row for row in whole.ids if row in set(some.ids)], "in the order of the file"
    assert val == same_val
    assert Counter(few.labels) == {"good": 5, "bad": 5}


def test_more_rows_than_there_are_are_refused_with_the_most(tiny):
    whole, _ = train_and_val(tiny)
    with pytest.raises(DataError, match=f"At most data.train_rows={len(whole)}"):
        train_and_val(tiny, "data.train_rows=5000")
    assert train_and_val(tiny, f"data.train_rows={len(whole)}")[0].ids == whole.ids
