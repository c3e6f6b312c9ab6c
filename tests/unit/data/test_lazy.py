"""Rows that lie in a file are the rows that are in memory, however they are taken, joined and divided."""

import copy
import json
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.data.test_kept_rows import CASES, TURNS, as_it_is, jsonl, written
from tests.unit.data.test_templates import KINDS, byte_level
from tunesmith.data import collected, reading, tokenization
from tunesmith.data.encoding import encode
from tunesmith.data.examples import Example
from tunesmith.data.lazy import LazyColumn
from tunesmith.data.prepared import read_prepared
from tunesmith.data.repeated import first_repeated
from tunesmith.data.row_files import load_rows, save_rows_read
from tunesmith.data.rows import join, rows_of
from tunesmith.data.splits import data_fingerprint, divided
from tunesmith.data.splitting.split_file import split_record
from tunesmith.data.splitting.units import _shares, divide_units
from tunesmith.errors import DataError
from tunesmith.seeding import derive_seed
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")
STEPS = {
    "markup": "markup.Markup",
    "whitespace": "whitespace.Whitespace",
    "duplicates": "duplicates.ExactDuplicates",
}
TARGETS = {"target_column": "answer", "max_target_length": 16}


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
    keys = [{}, {"group_column": "user"}, {"duplicates": "apart"}, {"folds": 3, "fold": 1}]
    splits = [{"method": method, **more} for method in ("stratified", "random", "hash") for more in keys]
    fingerprints = []
    for together in (1000, 7):
        monkeypatch.setattr(collected, "ROWS_IN_MEMORY", together)
        read = {
            key: reading.read_rows(jsonl(path, split={"group_column": key}), CLASSIFICATION) for key in (None, "user")
        }
        datas = [jsonl(path, split=split) for split in splits]
        parts = [divided(read[data.split.group_column], data, CLASSIFICATION) for data in datas]
        fingerprints.append(list(map(data_fingerprint, parts)))
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints[0])) > 6, "the methods differ"


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


def test_texts_that_cleaning_changes_are_put_down_too(tmp_path, monkeypatch):
    rows = [{"text": f" <b>text</b> {row // 2}  x", "label": "ab"[row // 2 % 2], "key": f"k{row}"} for row in range(40)]
    path = written(tmp_path / "a.jsonl", rows)
    steps = {name: {"_target_": f"tunesmith.data.cleaning.{target}"} for name, target in STEPS.items()}
    data = jsonl(path, cleaning=steps, id_column="key", split={"method": "random", "duplicates": "apart"})
    results = []
    for together in (1000, 7):
        monkeypatch.setattr(collected, "ROWS_IN_MEMORY", together)
        for on_leak in ("warn", "remove"):
            results.append(read_prepared(data.model_copy(update={"on_leak": on_leak}), CLASSIFICATION))
    assert isinstance(results[2].splits["train"].texts, LazyColumn)
    for in_memory, lazy in zip(results[:2], results[2:], strict=True):
        assert {name: as_it_is(rows) for name, rows in lazy.splits.items()} == {
            name: as_it_is(rows) for name, rows in in_memory.splits.items()
        }
        assert lazy.cleaned == in_memory.cleaned
        assert lazy.cleaned["whitespace"]["changed"]
    assert len(results[3].splits["train"]) < len(results[2].splits["train"]), "some leak"
    assert not [file for file in (tmp_path / "cache").iterdir() if file.suffix == ".tmp"]


def test_the_file_of_a_split_is_what_json_writes(tmp_path):
    rows = rows_of(["0", 'é"', "2"], [Example("a", "x"), Example("a", "y"), Example("b", "x")])
    splits = {"train": rows.take([0, 1]), "val": rows.take([2]), "test": rows.take([])}
    for id_column in (None, "key"):
        record = split_record(splits, jsonl(tmp_path / "a.jsonl", id_column=id_column))
        whole = {"content_ids": record.content_ids} | ({"ids": record.ids} if id_column else {})
        assert "".join(record.pieces()) == json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


ENCODED = {
    "turns": ("language_modeling", [{"chat": TURNS}] * 2, {"messages_column": "chat"}),
    "words": CASES["words"],
    "answers": ("text_to_text", [{"text": "2 + 2?", "answer": "4"}, {"text": "3?", "answer": "3"}], TARGETS),
}


@pytest.mark.parametrize("case", ENCODED)
def test_samples_of_rows_that_are_put_down_are_those_of_rows_in_memory(case, tmp_path, monkeypatch):
    task, records, keys = ENCODED[case]
    path, tokenizer = written(tmp_path / "a.jsonl", records * 5), byte_level(KINDS["chatml"][0])
    data, samples = jsonl(path, max_length=64, **keys), []
    monkeypatch.setattr(tokenization, "TEXTS_TOGETHER", 4)
    for together in (1000, 3):
        monkeypatch.setattr(collected, "ROWS_IN_MEMORY", together)
        rows = reading.read_rows(data, task_named(task))
        names = ["X", "Y"] if case == "words" else ()
        own = data.model_copy(update={"cache_dir": str(tmp_path / str(together))})
        samples.append(encode(rows, names, tokenizer, own, task_named(task), "causal"))
        monkeypatch.setattr(tokenization, "TEXTS_TOGETHER", 100)
    one, other = samples
    assert one.references == other.references
    pairs = [(one.tokens, other.tokens), (one.labels, other.labels)]
    for mine, its in pairs if one.prompts is None else [*pairs, (one.prompts, other.prompts)]:
        assert np.array_equal(mine.ids, its.ids)
        assert np.array_equal(mine.offsets, its.offsets)
    assert [limit.facts() for limit in one.limits] == [limit.facts() for limit in other.limits]
