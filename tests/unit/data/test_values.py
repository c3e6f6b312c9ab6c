import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.config.schema import Data
from tunesmith.data.malformed import MalformedError
from tunesmith.data.reading import read_rows
from tunesmith.data.values import label_of, labels_of, structure, text_in
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")

MULTI = task_named("multi_label")
DATA = Data(path="-", format="csv")

words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=6)


@given(st.lists(words, max_size=4))
def test_a_list_is_read_from_its_text_as_json_python_and_numpy_write_it(names):
    assert structure(json.dumps(names)) == names
    assert structure(json.dumps(names, ensure_ascii=False)) == names
    assert structure(str(names)) == names
    if names:
        with np.printoptions(threshold=10**6, linewidth=10**6):
            assert structure(str(np.array(names, dtype=object))) == names


@pytest.mark.parametrize("text", ["[draft", "(other)", "[see below]", "{x}", "art", "", "[1 + 1]", "[a, b]", "a, b]"])
def test_a_text_with_a_bracket_is_no_list(text):
    assert structure(text) is None


def test_an_array_that_numpy_cut_and_a_set_are_seen_as_what_they_are():
    assert structure("[ 101 2023 ...  102]") == [101, 2023, ..., 102]
    assert structure("{'law', 'art'}") == ["art", "law"], "the order of a set is by chance"
    assert structure("[1. 0. 0.]") == [1, 0, 0]
    assert structure('{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    "topics",
    ['["art", "law"]', "['art', 'law']", "('art', 'law')", "['art' 'law']", "art|law", " art | law ", "art|law|art"],
)
def test_several_labels_come_in_every_form_that_tools_write(topics):
    assert labels_of(topics, "topics", DATA)[:2] == ("art", "law")


def test_no_labels_are_none_and_a_missing_list_is_missing():
    assert [labels_of(value, "topics", DATA) for value in ("", "  ", "[]", [], None)] == [()] * 5
    assert [labels_of(value, "topics", DATA) for value in ("nan", float("nan"), "NA")] == [None] * 3


@pytest.mark.parametrize("value", [{"art": 1}, [["art"]], [float("nan")], '["art", null]', [{"name": "art"}]])
def test_labels_of_another_form_are_refused(value):
    with pytest.raises(MalformedError):
        labels_of(value, "topics", DATA)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ([{"role": "user", "content": "x"}], "data.messages_column=body takes conversations"),
        ([{"from": "human", "value": "x"}], "data.messages_column=body takes conversations"),
        ([101, 2023, 102], "provide the text instead"),
        (["two", "words"], "task=token_classification takes lists of words"),
        ({"en": "x"}, "Put the text in its own column"),
        (float("inf"), "infinite number"),
    ],
)
def test_what_is_no_text_is_refused_with_what_takes_it(value, advice):
    with pytest.raises(MalformedError, match=advice):
        text_in(value, "body", DATA)


def test_what_stands_for_a_missing_value_is_one_unless_it_is_named():
    assert [text_in(value, "body", DATA) for value in (None, float("nan"), "nan", "NaN", "NA", "<NA>", " ")] == [""] * 7
    assert text_in("NA", "body", DATA.model_copy(update={"missing": []})) == "NA"
    assert label_of("NA", "label", ["NA"]) is None
    assert label_of("NA", "label", []) == "NA"
    assert text_in("nano", "body", DATA) == "nano"


def table(path, values, column="topics"):
    path.write_text("".join(json.dumps({"text": f"t{i}", column: value}) + "\n" for i, value in enumerate(values)))
    return {"path": str(path), "format": "jsonl", "label_column": column}


VECTORS = {
    "whole numbers": [[1, 0, 0], [0, 1, 1], [0, 0, 0]],
    "floats": [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]],
    "booleans": [[True, False, False], [False, True, True], [False, False, False]],
    "the text of lists": ["[1, 0, 0]", "[0, 1, 1]", "[0, 0, 0]"],
    "as numpy prints them": ["[1 0 0]", "[0 1 1]", "[0 0 0]"],
    "commas": ["1,0,0", "0,1,1", "0,0,0"],
    "spaces": ["1 0 0", "0 1 1", "0 0 0"],
    "the separator": ["1|0|0", "0|1|1", "0|0|0"],
}


@pytest.mark.parametrize("form", VECTORS)
def test_a_vector_of_zeros_and_ones_means_the_names_at_its_ones(tmp_path, form):
    names = {"0": "art", "1": "law", "2": "tech"}
    asked = table(tmp_path / "a.jsonl", VECTORS[form])
    rows = read_rows(Data(**asked, label_names=names), MULTI)
    assert rows.labels == [("art",), ("law", "tech"), ()]
    for wrong in ({}, {"0": "art", "1": "law"}, names | {"3": "x"}):
        with pytest.raises(DataError, match=r"'data.label_names=\{0: label_0, 1: label_1, 2: label_2\}'"):
            read_rows(Data(**asked, label_names=wrong), MULTI)


def test_a_vector_of_another_length_is_refused_with_its_line(tmp_path):
    asked = table(tmp_path / "a.jsonl", [[1, 0, 0], [0, 0]])
    with pytest.raises(DataError, match=r"a.jsonl:2: a vector of 2 zeros and ones, where the first row has 3"):
        read_rows(Data(**asked), MULTI)


def test_lists_of_the_numbers_of_labels_are_no_vectors(tmp_path):
    asked = table(tmp_path / "a.jsonl", [[0], [1], [0, 1], []])
    assert read_rows(Data(**asked), MULTI).labels == [("0",), ("1",), ("0", "1"), ()]


def test_a_column_of_the_sources_of_lists_is_no_label_and_one_bracket_is(tmp_path):
    lists = table(tmp_path / "a.jsonl", ["['art']", "['law', 'art']"])
    with pytest.raises(DataError, match=r"every row of 'topics' holds the text of a list .* task=multi_label"):
        read_rows(Data(**lists), CLASSIFICATION)
    names = table(tmp_path / "b.jsonl", ["['art']", "law"])
    assert read_rows(Data(**names), CLASSIFICATION).labels == ["['art']", "law"]


@pytest.mark.parametrize(
    ("texts", "advice"),
    [
        (["[101, 5]", "[7]"], "provide the text instead"),
        (["[101 5]", "[ 7 ... 8]"], "provide the text instead"),
        (['[{"role": "user", "content": "x"}]'] * 2, "data.messages_column=body"),
        (["[{'role': 'user', 'content': 'x'}]"] * 2, "data.messages_column=body"),
    ],
)
def test_a_column_of_the_sources_of_token_ids_or_messages_is_no_text(tmp_path, texts, advice):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"body": text, "label": i % 2}) + "\n" for i, text in enumerate(texts)))
    for task in (CLASSIFICATION, task_named("language_modeling")):
        with pytest.raises(DataError, match=advice):
            read_rows(Data(path=str(path), format="jsonl", text_column="body"), task)


@pytest.mark.parametrize("separator", ["|", ","])
def test_a_list_without_quotes_is_one_if_every_row_has_one(tmp_path, separator):
    lists = table(tmp_path / "a.jsonl", ["[art, law]", "[]", "[tech]"])
    assert read_rows(Data(**lists, label_separator=separator), MULTI).labels == [("art", "law"), (), ("tech",)]
    names = table(tmp_path / "b.jsonl", ["[draft]", "art"])
    assert read_rows(Data(**names, label_separator=separator), MULTI).labels == [("[draft]",), ("art",)]


@pytest.mark.parametrize("value", [10**400, 1e39, "1e39", "-1e400"])
def test_a_number_beyond_fp32_is_refused(tmp_path, value):
    with pytest.raises(DataError, match=r"a.jsonl:2: .* needs a number of at most 3.4e\+38"):
        read_rows(Data(**table(tmp_path / "a.jsonl", [1, value])), task_named("regression"))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1.7e9 + i for i in range(9)], True),
        ([1.7e9 * i for i in range(9)], False),
        ([0.1, 0.2, 0.30000000000000004], False),
    ],
)
def test_numbers_whose_differences_fp32_loses_are_told(tmp_path, caplog, values, told):
    read_rows(Data(**table(tmp_path / "a.jsonl", values)), task_named("regression"))
    assert ["rounded by up to" in record.getMessage() for record in caplog.records] == [True] * told


def test_a_number_that_is_missing_is_an_empty_row_and_an_infinite_one_a_fault(tmp_path):
    regression = task_named("regression")
    asked = table(tmp_path / "a.jsonl", [1.5, float("nan"), None, "NaN", "2"])
    with pytest.raises(DataError, match=r"3 rows have no text or no number \(lines 2, 3, 4\); 'NaN' stands in 1 of"):
        read_rows(Data(**asked), regression)
    assert read_rows(Data(**asked, on_empty="drop"), regression).labels == [1.5, 2.0]
    for value in (float("inf"), "1,5", True, [1.0]):
        with pytest.raises(DataError, match="needs a number of at most"):
            read_rows(Data(**table(tmp_path / "b.jsonl", [value])), regression)


def test_tags_come_as_the_text_of_a_list_too(tmp_path):
    path = tmp_path / "a.jsonl"
    forms = [['["Ada", "slept"]', '["B-PER", "O"]'], ["['Ada', 'slept']", "['B-PER' 'O']"], [["Ada", "slept"], [1, 0]]]
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in forms))
    rows = read_rows(Data(path=str(path), format="jsonl"), task_named("token_classification"))
    assert rows.words == [("Ada", "slept")] * 3
    assert rows.labels == [("B-PER", "O"), ("B-PER", "O"), ("1", "0")]
