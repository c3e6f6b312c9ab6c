"""Rows from memory: whatever holds them, a run reads the same, and finds them again."""

import tempfile

import datasets
import pandas
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import save_rows
from tunesmith.config.composing.compose import compose
from tunesmith.data.reading import read_rows
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ROWS = [{"text": f"film {i}", "label": "good" if i % 2 else "bad"} for i in range(6)]


def read(path):
    return read_rows(compose(["data=arrow", f"data.path={path}"]).config.data, CLASSIFICATION)


def test_every_holder_gives_the_same_rows_and_the_same_file_each_time(tmp_path):
    frame = pandas.DataFrame(ROWS, index=range(10, 16))
    holders = [ROWS, iter(ROWS), frame, datasets.Dataset.from_list(ROWS), pyarrow.Table.from_pylist(ROWS)]
    files = [save_rows(holder, tmp_path) for holder in holders]
    assert files[0] == files[1] == save_rows(ROWS, tmp_path)
    assert save_rows(ROWS[::-1], tmp_path) not in files
    for file in files:
        rows = read(file)
        assert list(zip(rows.texts, rows.labels, strict=True)) == [(row["text"], row["label"]) for row in ROWS]
    parts = [pyarrow.Table.from_pylist(part) for part in (ROWS[:2], ROWS[2:])]
    assert save_rows(pyarrow.concat_tables(parts), tmp_path) == files[4]


def test_names_of_classes_are_kept(tmp_path):
    kinds = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features({"text": datasets.Value("string"), "label": kinds})
    whole = datasets.Dataset.from_list([{"text": f"film {i}", "label": i % 2} for i in range(6)], features=features)
    rows = read(save_rows(whole.select([3, 0, 1]), tmp_path))
    assert (rows.texts, list(rows.labels)) == (["film 3", "film 0", "film 1"], ["good", "bad", "good"])


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.none() | texts, min_size=1), min_size=1, max_size=5))
def test_dicts_are_read_back_with_null_where_a_key_is_missing(rows):
    with tempfile.TemporaryDirectory() as folder, pyarrow.OSFile(str(save_rows(rows, folder))) as file:
        read_back = pyarrow.ipc.open_file(file).read_all().to_pylist()
    names = {name for row in rows for name in row}
    assert read_back == [{name: row.get(name) for name in names} for row in rows]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([], "no rows"),
        ("text", "not a str"),
        (3, "not a int"),
        ({"train": ROWS}, r"such as rows\['train'\]"),
        (datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)}), r"such as rows\['train'\]"),
        ({"text": ["a"], "label": [1]}, r"pandas.DataFrame\(rows\)"),
        (pandas.Series(["a", "b"]), "row 1 is no dict but a str"),
        ([ROWS[0], "film"], "row 2 is no dict but a str"),
        ([{"text": "a", "label": 1}, {"text": "b", "label": "x"}], "values of one type"),
    ],
)
def test_what_is_no_rows_is_refused(tmp_path, rows, fault):
    with pytest.raises(DataError, match=fault):
        save_rows(rows, tmp_path)
