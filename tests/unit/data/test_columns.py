import bz2
import gzip
import json
import logging
import os
import re
import subprocess

import pytest

from tunesmith.config.schema import Data
from tunesmith.data.columns import equal
from tunesmith.data.reading import read_rows
from tunesmith.data.sources.records import read_records
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        *[(value, True) for value in ("True", "true", "TRUE", True)],
        *[(value, 1) for value in ("1", "1.0", "+1", " 1 ", "1e0", 1, 1.0)],
        *[(value, 0.1) for value in ("0.1", "0.10", ".1", "1e-1", 0.1)],
        ("1e5", 100000.0),
        ("100000", 100000.0),
        (True, "True"),
        ("01234", "01234"),
        (12345678901234567890, 12345678901234567890),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_a_filter_compares_numbers_as_numbers_and_booleans_in_any_case(value, wanted):
    assert equal(value, wanted)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        *[("1", True), ("True", 1), ("1.0", "1"), ("01234", 1234), ("en", "EN"), ("yes", True)],
        *[("12345678901234567891", 12345678901234567890), ("nan", 1), ("", 0), (None, 0)],
    ],
)
def test_a_filter_does_not_take_one_thing_for_another(value, wanted):
    assert not equal(value, wanted)


def test_a_filter_that_keeps_nothing_lists_what_there_is(tmp_path):
    rows = "".join(f"t{i},{i % 2},{i},x\n" for i in range(20))
    path = written(tmp_path / "a.csv", f"text,label,number,kind\n{rows}")
    asked = {"path": str(path), "format": "csv"}
    with pytest.raises(DataError, match=r"column 'number' has '0' \(1 rows\), .* and 15 more values"):
        read_rows(Data(**asked, where={"number": 99, "kind": "x"}), CLASSIFICATION)
    with pytest.raises(DataError, match="each is there, but in no row together"):
        read_rows(Data(**asked, where={"number": 2, "label": 1}), CLASSIFICATION)


def test_rows_that_are_left_out_are_counted_with_their_lines(tmp_path, caplog):
    path = written(tmp_path / "a.csv", "text,label\na,1\n,1\nb,0\nnan,0\n")
    read = read_rows(Data(path=str(path), format="csv", on_empty="drop"), CLASSIFICATION)
    assert read.texts == ["a", "b"]
    (record,) = caplog.records
    assert "2 rows without a text or a label (lines 3, 5) dropped; 'nan' stands in 1 of them" in record.getMessage()


def test_a_word_for_what_is_missing_can_be_a_word_again_as_the_message_says(tmp_path):
    path = written(tmp_path / "a.csv", "text,label\na,NA\nb,ZA\nc,NA\n")
    asked = {"path": str(path), "format": "csv"}
    with pytest.raises(
        DataError, match=r"2 rows have .* \(lines 2, 4\); 'NA' stands in 2 .*'data.missing=\[\"nan\","
    ) as told:
        read_rows(Data(**asked), CLASSIFICATION)
    words = json.loads(str(told.value).partition("data.missing=")[2].partition("'")[0])
    assert words == ["nan", "NaN", "<NA>"]
    assert read_rows(Data(**asked, missing=words), CLASSIFICATION).labels == ["NA", "ZA", "NA"]
    assert read_rows(Data(**asked, label_names={"NA": "Namibia"}), CLASSIFICATION).labels == [
        "Namibia",
        "ZA",
        "Namibia",
    ]


def test_columns_that_nobody_reads_are_listed_and_an_input_among_them_is_warned_of(tmp_path, caplog):
    rows = [{"instruction": "do", "input": "x" * (i % 2), "output": "y", "source": "web"} for i in range(10)]
    path = written(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    data = Data(path=str(path), format="jsonl", text_column="instruction", target_column="output")
    with caplog.at_level(logging.INFO, "tunesmith"):
        read_rows(data, task_named("text_to_text"))
    listed, warned = caplog.records
    assert listed.getMessage() == "columns that the model does not see: 'input', 'source'"
    assert "the column 'input' holds something in 5 of 10 rows, and the model never sees it" in warned.getMessage()


FOREIGN = {
    "bzip2": (lambda text: bz2.compress(text), "a.jsonl.bz2", "compressed with bzip2", "bzip2 -dc"),
    "UTF-16 in gzip": (
        lambda text: gzip.compress(text.decode().encode("utf-16")),
        "a b.jsonl.gz",
        "text in UTF-16",
        "gzip -dc",
    ),
    "UTF-16": (lambda text: text.decode().encode("utf-16"), "a.jsonl", "text in UTF-16", "iconv"),
    "NUL": (lambda text: text.replace(b"\n", b"\n\0"), "a.jsonl", "NUL", "tr"),
}


@pytest.mark.parametrize("case", [case for case in FOREIGN if case != "NUL"])
def test_a_file_of_another_kind_is_told_as_what_it_is_and_the_command_makes_it_readable(tmp_path, case):
    make, name, what, command = FOREIGN[case]
    lines = b'{"text": "one", "label": 1}\n{"text": "two", "label": 0}\n'
    path = written(tmp_path / name, make(lines))
    with pytest.raises(DataError) as refusal:
        read_rows(Data(path=str(path), format="jsonl"), CLASSIFICATION)
    said = str(refusal.value)
    assert what in said
    advice, _, target = said.partition("Write it out: ")[2].partition(", and take data.path=")
    assert advice.startswith(command)
    subprocess.run(advice, shell=True, check=True)
    assert read_rows(Data(path=target.strip("'"), format="jsonl"), CLASSIFICATION).texts == ["one", "two"]


ARRAYS = {
    "a JSON array": lambda rows: json.dumps(rows),
    "a JSON array over lines": lambda rows: json.dumps(rows, indent=1),
    "one JSON object with the rows in 'data'": lambda rows: json.dumps({"data": rows}, indent=1),
}


@pytest.mark.parametrize("case", list(ARRAYS))
def test_a_json_array_is_read_as_the_advice_on_it_says(tmp_path, case):
    path = written(tmp_path / "a.json", ARRAYS[case]([{"text": "one", "label": 1}, {"text": "two", "label": 0}]))
    with pytest.raises(DataError, match=f"{case.removesuffix(' over lines')}.* Read it with data=json$"):
        read_rows(Data(path=str(path), format="jsonl"), CLASSIFICATION)
    assert read_rows(
        Data(path=str(path), format={"_target_": "tunesmith.data.sources.json_array.JsonArray"}), CLASSIFICATION
    ).texts == ["one", "two"]


def test_one_object_over_lines_becomes_a_line_by_the_command_told(tmp_path):
    path = written(tmp_path / "a.jsonl.gz", gzip.compress(b'{\n "text": "one",\n "label": 1}\n'))
    with pytest.raises(DataError, match="one JSON object spread over lines") as refusal:
        read_rows(Data(path=str(path), format="jsonl"), CLASSIFICATION)
    advice, _, target = str(refusal.value).partition("Write it out: ")[2].partition(", and take data.path=")
    subprocess.run(advice, shell=True, check=True)
    assert read_rows(Data(path=target, format="jsonl"), CLASSIFICATION).texts == ["one"]


def test_objects_over_lines_are_told(tmp_path):
    path = written(tmp_path / "a.json", '{\n "text": "a",\n "label": 1\n}\n{\n "text": "b",\n "label": 0\n}\n')
    with pytest.raises(DataError, match="JSON objects that are spread over lines"):
        read_rows(Data(path=str(path), format="jsonl"), CLASSIFICATION)


@pytest.mark.parametrize(
    ("head", "name", "what"),
    [
        (b"PK\x03\x04....", "a.zip", "compressed with zip"),
        (b"PK\x03\x04....", "a.xlsx", "a spreadsheet"),
        (b"PAR1....", "a.parquet", "a Parquet file"),
    ],
)
def test_other_kinds_are_known_by_their_first_bytes(tmp_path, head, name, what):
    with pytest.raises(DataError, match=what):
        list(read_records(written(tmp_path / name, head), "csv"))


def test_a_pipe_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(DataError, match="not a regular file but a pipe"):
        list(read_records(tmp_path / "a.csv", "csv"))


@pytest.mark.parametrize("keys", [{"messages_column": "messages"}, {"convert": "messages"}, {"text_column": "plain"}])
def test_a_column_that_says_elsewhere_what_is_learned_is_warned_of(tmp_path, caplog, keys):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"messages": turns, "plain": "a", "weight": 0, "date": "today"}) + "\n")
    read_rows(Data(path=str(path), format="jsonl", **keys), task_named("language_modeling"))
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    told_of = ["'weight' holds something in 1 of 1 rows, and every row is learned alike" in text for text in told]
    assert told_of == [True] * ("text_column" not in keys)


def test_labels_in_columns_of_their_own_are_pointed_out(tmp_path):
    path = written(tmp_path / "a.csv", "text,art,law\na,1,0\n")
    with pytest.raises(DataError, match=r"If 'art', 'law' are labels with zeros and ones: .* such as art\|law"):
        read_rows(Data(path=str(path), format="csv"), task_named("multi_label"))


@pytest.mark.parametrize(("option", "head"), [("parquet", b"PAR1...."), ("arrow", b"ARROW1..")])
def test_a_table_is_told_with_the_option_that_reads_it(tmp_path, option, head):
    with pytest.raises(DataError, match=f"Read it with data={option}$"):
        list(read_records(written(tmp_path / "a.data", head), "csv"))


@pytest.mark.parametrize("name", ["dataset_info.json", "dataset_dict.json"])
def test_a_folder_of_hugging_face_s_is_told_as_one(tmp_path, name):
    written(tmp_path / name, "{}")
    with pytest.raises(DataError, match="a data set of Hugging Face's, not a file") as refusal:
        list(read_records(tmp_path, "csv"))
    assert str(refusal.value).endswith(f"Read it with data=arrow data.path={tmp_path}")


@pytest.mark.parametrize(
    ("record", "advice"),
    [
        (
            {"turns": [{"from": "human", "value": "a"}]},
            "task=language_modeling data.convert=sharegpt data.columns.conversations=turns",
        ),
        ({"turns": [{"role": "user", "content": "a"}]}, "task=language_modeling data.messages_column=turns"),
        ({"instruction": "a", "output": "b"}, "task=language_modeling data.convert=alpaca"),
        ({"prompt": "a", "answer": "b"}, "data.text_column=..., with data.target_column=..."),
    ],
)
def test_the_advice_on_a_record_without_a_text_fits_what_it_holds(tmp_path, record, advice):
    path = written(tmp_path / "a.jsonl", json.dumps(record) + "\n")
    with pytest.raises(DataError, match=re.escape(advice)):
        read_rows(Data(path=str(path), format="jsonl"), task_named("language_modeling"))
