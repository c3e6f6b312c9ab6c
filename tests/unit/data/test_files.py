"""Several files as one data set, and files for each split."""

import csv
import logging

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.config.schema import Data
from tunesmith.data.reading import read_rows
from tunesmith.data.splits import data_fingerprint, read_splits
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")


def table(path, num_rows, start=0, header=("text", "label")):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        rows = ((f"film {i}", "xy"[i % 2]) for i in range(start, start + num_rows))
        csv.writer(file).writerows([header, *rows])
    return str(path)


def data(path, **keys):
    return Data(path=path, format="csv", **keys)


@pytest.fixture
def parts(tmp_path):
    return [table(tmp_path / f"part{i}.csv", 10, 10 * i) for i in range(3)]


def test_several_files_are_the_rows_of_all(parts, tmp_path):
    frame = pandas.concat([pandas.read_csv(part) for part in parts])
    for path in (parts, str(tmp_path / "*.csv")):
        rows = read_rows(data(path), CLASSIFICATION)
        assert (rows.texts, rows.labels) == (frame["text"].tolist(), frame["label"].tolist())
        assert rows.ids == [str(i) for i in range(30)]
        assert str(rows.lines[29]) == "11 of part2.csv"


def test_files_are_read_in_the_order_of_a_list_and_of_a_pattern_by_name(parts, tmp_path):
    assert read_rows(data(parts[::-1]), CLASSIFICATION).texts[0] == "film 20"
    assert read_rows(data(f"{tmp_path}/**/*.csv"), CLASSIFICATION).texts[0] == "film 0"


def test_the_rows_of_parts_are_the_data_of_the_whole(parts, tmp_path):
    whole = table(tmp_path / "whole" / "all.csv", 30)
    prints = {data_fingerprint(read_splits(data(path), CLASSIFICATION)) for path in (whole, parts)}
    assert len(prints) == 1


def test_a_pattern_says_how_many_it_found(parts, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "tunesmith"):
        read_rows(data(str(tmp_path / "*.csv")), CLASSIFICATION)
    assert f"{tmp_path}/*.csv: 3 files, from part0.csv to part2.csv" in caplog.messages


def test_a_file_that_is_called_like_a_pattern_is_that_file(tmp_path):
    name = table(tmp_path / "a[1].csv", 4)
    assert len(read_rows(data(name), CLASSIFICATION)) == 4


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("text,mood\na,x\n", r"bad\.csv:2: no column 'label'; the columns are 'text', 'mood'"),
        ("text,label\na,x\nb\n", r"bad\.csv:3: 1 fields where the header has 2"),
        ("text,label\na,x\n,y\n", r"1 row has no text or no label \(line 3 of bad\.csv\)"),
        ("", r"bad\.csv: the file is empty"),
    ],
)
def test_a_fault_is_told_with_the_file_that_has_it(parts, tmp_path, second, message):
    (tmp_path / "bad.csv").write_text(second)
    with pytest.raises(DataError, match=message):
        read_rows(data([parts[0], str(tmp_path / "bad.csv")]), CLASSIFICATION)


def test_ids_are_unique_over_all_files(parts):
    with pytest.raises(DataError, match=r"part1\.csv:2: the id 'x' in column 'label' is not unique|part0\.csv:4"):
        read_rows(data(parts, id_column="label"), CLASSIFICATION)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (["part0.csv", "part0.csv"], "part0.csv: named twice, and would be read twice"),
        ({"train": "part0.csv", "test": ["part1.csv", "part0.csv"]}, "part0.csv: named twice, for train and for test"),
        ("*.tsv", "no file matches"),
        (["part0.csv", "none.csv"], "none.csv: no such file"),
    ],
)
def test_files_that_cannot_be_are_refused(parts, tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        read_rows(data(path), CLASSIFICATION)


def by_split(parts, *names):
    return dict(zip(names, parts, strict=False))


def test_files_for_every_split_are_the_splits(parts):
    splits = read_splits(data(by_split(parts, "train", "val", "test")), CLASSIFICATION)
    assert {name: rows.texts[0] for name, rows in splits.items()} == {
        "train": "film 0",
        "val": "film 10",
        "test": "film 20",
    }
    assert [len(rows) for rows in splits.values()] == [10, 10, 10]
    assert len({row_id for rows in splits.values() for row_id in rows.ids}) == 30


def test_what_has_no_file_is_drawn_from_train_and_said(parts, tmp_path, caplog):
    train = table(tmp_path / "more" / "train.csv", 40, 100)
    with caplog.at_level(logging.INFO, "tunesmith"):
        splits = read_splits(data({"train": train, "test": parts[0]}), CLASSIFICATION)
    assert "no file for val: 4 of the 40 rows of train are taken (data.split.val_fraction=0.1)" in caplog.messages
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 36, "val": 4, "test": 10}
    assert splits["test"].texts == read_rows(data(parts[0]), CLASSIFICATION).texts
    drawn = sorted(splits["train"].texts + splits["val"].texts)
    assert drawn == sorted(read_rows(data(train), CLASSIFICATION).texts)
    assert sorted(splits["val"].labels) == ["x", "x", "y", "y"], "by label, as other splits"


@given(sizes=st.tuples(st.integers(20, 40), st.integers(4, 12)), seed=st.integers(0, 5))
def test_a_row_of_a_test_file_is_never_trained_on(sizes, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    train, test = table(folder / "train.csv", sizes[0]), table(folder / "test.csv", sizes[1], 1000)
    split = {"seed": seed, "val_fraction": 0.2}
    splits = read_splits(data({"train": train, "test": test}, split=split), CLASSIFICATION)
    assert [int(text.split()[1]) >= 1000 for text in splits["test"].texts] == [True] * sizes[1]
    others = splits["train"].texts + splits["val"].texts
    assert len(others) == sizes[0]
    assert all(int(text.split()[1]) < 1000 for text in others)


def test_a_sample_keeps_the_proportions_of_the_files(parts, tmp_path):
    train = table(tmp_path / "more" / "train.csv", 80, 100)
    splits = read_splits(data({"train": train, "val": parts[0], "test": parts[1]}, num_rows=50), CLASSIFICATION)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 40, "val": 5, "test": 5}


def test_a_file_without_rows_is_no_split(parts, tmp_path):
    empty = table(tmp_path / "more" / "empty.csv", 0)
    with pytest.raises(DataError, match=r"no rows for test in data\.path\.test"):
        read_splits(data({"train": parts[0], "val": parts[1], "test": empty}), CLASSIFICATION)
