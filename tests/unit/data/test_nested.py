import json
import logging

import pandas
import pytest

from tunesmith.config.schema import Data
from tunesmith.data.reading import read_rows
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")
ROWS = [{"summary": {"challenge": f"a {i}", "more": {"mood": "xy"[i % 2]}}, "year": {"of": 2000 + i}} for i in range(4)]


def data(path, rows, **keys):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"text_column": "summary.challenge", "label_column": "summary.more.mood"}
    return Data(**{"path": str(path), "format": "jsonl", **columns, **keys})


def test_fields_are_those_that_pandas_flattens_to(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "tunesmith"):
        rows = read_rows(data(tmp_path / "a.jsonl", ROWS, where={"year.of": 2001}, id_column="year.of"), CLASSIFICATION)
    frame = pandas.json_normalize(ROWS)
    expected = frame[frame["year.of"] == 2001]
    assert (rows.texts, rows.labels) == ([*expected["summary.challenge"]], [*expected["summary.more.mood"]])
    assert rows.ids == ["2001"]
    assert not caplog.messages, "the columns are used"


def test_a_column_of_exactly_that_name_wins(tmp_path):
    rows = [row | {"summary.challenge": "the column"} for row in ROWS]
    assert read_rows(data(tmp_path / "a.jsonl", rows), CLASSIFICATION).texts == ["the column"] * 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"summary": [{"challenge": "a"}]}, r"a\.jsonl:5: 'summary.challenge' leads through a list"),
        ({"summary": {"other": "a"}}, r"a\.jsonl:5: no column 'summary.challenge'; the columns are 'summary'"),
        ({"summary": "a"}, r"a\.jsonl:5: no column 'summary.challenge'"),
        ({"summary": None}, r"1 row has no text or no label \(line 5\)"),
        ({"summary": {"challenge": ["a"], "more": {"mood": "x"}}}, r"a\.jsonl:5: 'summary.challenge' holds a list"),
    ],
)
def test_what_leads_to_no_text_is_refused_with_its_line(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        read_rows(data(tmp_path / "a.jsonl", [*ROWS, row]), CLASSIFICATION)


def test_an_item_of_a_list_is_named_by_its_position(tmp_path):
    rows = [{"text": f"a {i}", "answers": {"text": [f"yes {i}", "no"]}} for i in range(3)]
    read = read_rows(
        data(tmp_path / "a.jsonl", rows, text_column="text", label_column="answers.text.1"), CLASSIFICATION
    )
    assert read.labels == ["no", "no", "no"]
    rows[1]["answers"]["text"] = ["alone"]
    with pytest.raises(DataError, match=r"no text or no label \(line 2\)"):
        read_rows(data(tmp_path / "a.jsonl", rows, text_column="text", label_column="answers.text.1"), CLASSIFICATION)
