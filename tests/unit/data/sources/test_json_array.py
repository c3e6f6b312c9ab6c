import json
import logging

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.sources.json_array import JsonArray
from tunesmith.data.sources.records import records_of
from tunesmith.errors import DataError

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
value = st.recursive(st.none() | st.booleans() | st.integers() | text, lambda inner: st.lists(inner, max_size=3))
objects = st.lists(st.dictionaries(text, value, max_size=3), max_size=6)
INDENTS = st.sampled_from([None, 0, 1, "\t"])


def refused(path, content):
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as refusal:
        list(records_of(JsonArray(), path))
    return str(refusal.value)


@given(rows=objects, indent=INDENTS, ascii_only=st.booleans())
def test_objects_come_back_as_json_wrote_them(rows, indent, ascii_only, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps(rows, indent=indent, ensure_ascii=ascii_only), encoding="utf-8", newline="")
    assert [record for _, record in records_of(JsonArray(), path)] == rows


@given(rows=objects.filter(bool), beside=st.dictionaries(text, value, max_size=3), indent=INDENTS, key=text)
def test_the_only_list_of_objects_is_read_wherever_it_stands(rows, beside, indent, key, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "a.json"
    items = list(beside.items())
    whole = dict(items[: len(items) // 2]) | {key: None} | dict(items[len(items) // 2 :]) | {key: rows}
    path.write_text(json.dumps(whole, indent=indent), encoding="utf-8", newline="")
    assert [record for _, record in records_of(JsonArray(), path)] == rows


@given(rows=objects)
def test_lines_are_those_that_the_objects_begin_in(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "a.json"
    parts = [json.dumps(row, indent=1) for row in rows]
    path.write_text("[\n" + "\n,\n".join(parts) + "\n]", encoding="utf-8", newline="")
    expected = [2 + sum(part.count("\n") + 2 for part in parts[:i]) for i in range(len(parts))]
    assert [line for line, _ in records_of(JsonArray(), path)] == expected


def test_pandas_reads_the_same_rows(tmp_path):
    frame = pandas.DataFrame({"text": ["ä b", 'c "d"\n', "[1, 2]"], "label": [1, 2, 3]})
    frame.to_json(tmp_path / "a.json", orient="records", indent=2)
    assert [record for _, record in records_of(JsonArray(), tmp_path / "a.json")] == frame.to_dict("records")


def test_what_stands_beside_the_rows_is_told(tmp_path, caplog):
    (tmp_path / "a.json").write_text('{"version": 1, "data": [{"text": "a"}], "licence": []}')
    with caplog.at_level(logging.INFO, "tunesmith"):
        list(records_of(JsonArray(), tmp_path / "a.json"))
    assert caplog.messages == [
        f"{tmp_path / 'a.json'}: the rows are in 'data'; what is in 'version', 'licence' is not read"
    ]


def test_one_of_several_lists_is_named_as_the_message_says(tmp_path):
    said = refused(tmp_path / "a.json", '{"train": [{"text": "a"}],\n "test": [{"text": "b"}]}')
    assert said.endswith("in 'train', 'test'. Name the one with the rows: data.format.rows=train")
    assert list(records_of(JsonArray("train"), tmp_path / "a.json")) == [(1, {"text": "a"})]
    assert list(records_of(JsonArray("test"), tmp_path / "a.json")) == [(2, {"text": "b"})]
    with pytest.raises(DataError, match=r"no list of objects in 'val'; there is one in 'train', 'test'"):
        list(records_of(JsonArray("val"), tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (" \n", "a.json: the file is empty"),
        ('[{"text": "a"},\n {"text": "b"', "a.json:2: not valid JSON: Expecting ',' delimiter, and the file ends here"),
        (
            '{"text": "a"}\n{"text": "b"}\n',
            "a.json:2: not valid JSON: Extra data; an object in each line is data=jsonl",
        ),
        ('{"text": "a"}', "a.json: one JSON object without a list of objects in it"),
        ('{"text": ["a"], "label": [1]}', "in pandas, read_json(FILE).to_json(NEW_FILE, orient='records')"),
        ('"a"', "a.json: not a list of JSON objects but a str"),
        ('[{"text": "a"},\n\n "b"]', "a.json:3: not a JSON object but a str"),
        ('[\n{"text": "a", "text": "b"}]', "a.json:2: not valid JSON: the key 'text' stands twice"),
        ('[\n{"text": "\\ud83d"}]', "a.json:2: not valid JSON:"),
        ("[" * 100_000, "a.json: not valid JSON:"),
    ],
)
def test_what_is_no_list_of_objects_is_refused_with_its_line(tmp_path, content, message):
    assert message in refused(tmp_path / "a.json", content)
