"""Rows that lie in a file are the rows that are in memory, however they are taken, joined and divided."""

import copy
import json
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.data.test_kept_rows import CASES, as_it_is, jsonl, written
from tunesmith.data import collected, reading
from tunesmith.data.examples import Example
from tunesmith.data.lazy import LazyColumn
from tunesmith.data.repeated import first_repeated
from tunesmith.data.row_files import load_rows, save_rows_read
from tunesmith.data.rows import join, rows_of
from tunesmith.data.splits import data_fingerprint, divided
from tunesmith.data.splitting.units import _shares, divide_units
from tunesmith.errors import DataError
from tunesmith.seeding import derive_seed
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")


def squares(number):
    return LazyColumn(lambda positions: [int(position) ** 2 for position in positions], np.arange(number))


@given(st.integers(0, 30), st.data())
def test_a_lazy_column_is_a_list_to_all_that_read_it(number, data):
    column, values = squares(number), [place**2 for place in range(number)]
    assert column == values
    assert values == column
    assert column != [*values, 1]
    assert repr(column) == repr(values)
    assert pickle.loads(pickle.dumps(column)) == copy.deepcopy(column) == values
    cut = slice(*data.draw(st.tuples(*[st.none() | st.integers(-35, 35)] * 2)))
    assert column[cut] == values[cut]
    assert column.mapped(str) == list(map(str, values))
    for place in range(-number, number):
        assert column[place] == values[place]
    with pytest.raises(IndexError):
        column[number]
    places = data.draw(st.lists(st.integers(0, number - 1), max_size=9)) if number else []
    assert column.take(np.asarray(places, dtype=np.int64)) == [values[place] for place in places]


@pytest.fixture
def put_down(monkeypatch):
    """Rows are put down in a file three at a time."""
    monkeypatch.setattr(collected, "ROWS_IN_MEMORY", 3)


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_rows_that_are_put_down_are_those_in_memory(case, files, tmp_path, monkeypatch):
    task, records, keys = CASES[case]
    written(tmp_path / "a.jsonl", records * (1 if "id_column" in keys else 5))
    if files == 2:
        written(tmp_path / "b.jsonl", [] if "id_column" in keys else records)
    data = jsonl(tmp_path / ("a.jsonl" if "id_column" in keys else "*.jsonl"), **keys)
    in_memory = reading.read_rows(data, task_named(task))
    monkeypatch.setattr(collected, "ROWS_IN_MEMORY", 3)
    lazy = reading.read_rows(data, task_named(task))
    assert isinstance(lazy.texts, LazyColumn)
    assert as_it_is(lazy) == as_it_is(in_memory)
    places = np.arange(len(lazy))[::-2]
    for one, other in ((lazy.take(places), in_memory.take(places)), (join([lazy, lazy]), join([in_memory, in_memory]))):
        assert as_it_is(one) == as_it_is(other)
        assert one.sha256() == other.sha256()
    assert as_it_is(join([lazy, in_memory])) == as_it_is(join([in_memory, lazy]))
    if "split" not in keys:
        assert not list((tmp_path / "cache").iterdir()), "the file of rows has no name any more"


def test_the_split_of_rows_that_are_put_down_is_that_of_rows_in_memory(tmp_path, monkeypatch):
    rows = [
        {"text": f"text {row // 3 if row % 4 else row}", "label": "abc"[row % 3], "user": row % 31} for row in range(90)
    ]
    path = written(tmp_path / "a.jsonl", rows)
    for method in ("stratified", "random", "hash"):
        for keys in ({}, {"group_column": "user"}, {"duplicates": "apart"}, {"folds": 3, "fold": 1}):
            data = jsonl(path, split={"method": method, **keys})
            fingerprints = set()
            for together in (1000, 7):
                monkeypatch.setattr(collected, "ROWS_IN_MEMORY", together)
                splits = divided(reading.read_rows(data, CLASSIFICATION), data, CLASSIFICATION)
                fingerprints.add(data_fingerprint(splits))
            assert len(fingerprints) == 1


def test_rows_that_cannot_be_put_down_stay_in_memory(tmp_path, monkeypatch, put_down):
    rows = [{"text": f"text {row}" * (row > 1), "label": "abc"[row % 3]} for row in range(20)]
    data = jsonl(written(tmp_path / "a.jsonl", rows), on_empty="drop")
    (tmp_path / "cache").write_text("no folder: the system's own is taken")
    expected, left_out = reading.read_rows(data, CLASSIFICATION), []

    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(collected.RowSpool, "write", full)
    rows = reading.read_rows(data, CLASSIFICATION, left_out)
    assert isinstance(rows.texts, list)
    assert rows == expected
    assert left_out == [1, 2]


def test_an_id_that_is_not_unique_is_named_with_its_second_line(tmp_path, put_down):
    rows = [{"text": f"text {row}", "label": "ab"[row % 2], "key": row if row != 9 else 4} for row in range(12)]
    data = jsonl(written(tmp_path / "a.jsonl", rows), id_column="key")
    with pytest.raises(DataError, match=r"a.jsonl:10: the id '4' in column 'key' is not unique"):
        reading.read_rows(data, CLASSIFICATION)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=9))
def test_the_first_value_that_stands_there_twice(values):
    expected = next((place for place, value in enumerate(values) if value in values[:place]), None)
    assert first_repeated(values) == expected


def test_few_labels_are_in_memory_once(tmp_path):
    made = rows_of(list("0123"), [Example("t", label) for label in (("a", "b"), ("c",), ("a", "b"), ("c",))])
    assert save_rows_read(tmp_path / "rows.arrow", made, [])
    loaded = load_rows(tmp_path / "rows.arrow")
    assert loaded is not None
    labels = list(loaded[0].labels)
    assert labels == made.labels
    assert len(set(map(id, labels))) == 2


def in_turn(rows, labels, units, num_second, seed):
    """Units divided one by one, as they were before rows were many: what a split's bits are held to."""
    members = {}
    for place, unit in enumerate(units):
        members.setdefault(unit, []).append(place)
    order = np.random.default_rng(derive_seed(seed, "units")).permutation(len(members))
    every, left, room, second, waiting = list(members.values()), _shares(labels, num_second), num_second, [], []
    for places in [every[number] for number in order]:
        counts = Counter(labels[place] for place in places)
        if len(places) <= room and all(left[label] >= count for label, count in counts.items()):
            left.subtract(counts)
            room -= len(places)
            second += places
        else:
            waiting.append(places)
    for places in waiting:
        if len(places) <= room:
            room -= len(places)
            second += places
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[second] = True
    return rows[~chosen], rows[chosen]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), min_size=2, max_size=40), st.data())
def test_units_are_divided_as_one_by_one(pairs, data):
    units, labels = [unit for unit, _ in pairs], [label for _, label in pairs]
    rows = np.arange(len(pairs)) * 3
    num_second, seed = data.draw(st.integers(1, len(pairs) - 1)), data.draw(st.integers(0, 5))
    expected, parts = (divide(rows, labels, units, num_second, seed) for divide in (in_turn, divide_units))
    assert all(np.array_equal(one, other) for one, other in zip(expected, parts, strict=True))


def test_rows_of_the_same_file_read_again_are_equal(tmp_path, put_down):
    path = written(tmp_path / "a.jsonl", [{"text": json.dumps(row), "label": "ab"[row % 2]} for row in range(10)])
    assert reading.read_rows(jsonl(path), CLASSIFICATION) == reading.read_rows(jsonl(path), CLASSIFICATION)
