import json
import logging
import shlex
from collections import Counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.config.schema import Data
from tunesmith.data.reading import read_rows
from tunesmith.data.spellings import alike, clean, folded, mapping, override, quoted
from tunesmith.tasks.registry import task_named

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)

SPELLINGS = {
    "very good": ["very good", "Very good", "VERY GOOD", " very good", "very  good", "very\u00a0good"],
    "café": ["café", "cafe\u0301", "CAFÉ", "café ", "ca\u200bfé"],
    "file": ["file", "\ufb01le", "File", "\ufefffile"],
    "not.good: 50%": ["not.good: 50%", "Not.good: 50%", "not.good: 50% ", "not.good:\t50%"],
    "it's": ["it's", "It's", "it's ", "IT'S"],
    "1": ["1", "1.0", "01", " 1", "\uff11"],
}
"""28 spellings of 6 labels."""


def rows_of(tmp_path, labels, **keys):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"t{i}", "label": label}) + "\n" for i, label in enumerate(labels)))
    return read_rows(Data(path=str(path), format="jsonl", **keys), keys.pop("task", task_named("classification")))


def test_spellings_are_one_group_whatever_their_form():
    assert sum(map(len, SPELLINGS.values())) == 28
    counts = Counter(spelling for group in SPELLINGS.values() for spelling in group)
    assert sorted(map(sorted, alike(counts))) == sorted(map(sorted, SPELLINGS.values()))


@pytest.mark.parametrize(
    "pair",
    [
        ("a", "b"),
        ("ja", "já"),
        ("1", "-1"),
        ("10", "1"),
        ("9223372036854775808", "9223372036854775809"),
        ("very good", "verygood"),
    ],
)
def test_other_names_are_other_names(pair):
    assert alike(Counter(pair)) == []


def test_true_and_one_are_alike_where_there_is_nothing_else():
    assert alike(Counter(["true", "1", "false"])) == [["1", "true"]]
    assert alike(Counter(["true", "1", "2"])) == []


@given(st.lists(names, min_size=1, max_size=6))
def test_what_is_advised_is_the_mapping_however_odd_the_names(spellings):
    asked = {spelling: folded(spelling) for spelling in spellings}
    (word,) = shlex.split(override(asked))
    key, _, value = word.partition("=")
    assert key == "data.label_names"
    assert yaml.load(value, yaml.BaseLoader) == asked


@given(names)
def test_a_name_in_quotes_shows_what_cannot_be_seen(name):
    assert quoted(name)[1:-1].isprintable()
    assert folded(clean(name)) == folded(name)


def test_28_spellings_come_down_to_6_labels_by_the_one_mapping_that_is_advised(tmp_path, caplog):
    labels = [spelling for group in SPELLINGS.values() for spelling in group for _ in range(2)]
    labels += [group[0] for group in SPELLINGS.values()]
    rows_of(tmp_path, labels)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    advice = record.getMessage().rpartition(": ")[2] if "'data" not in record.getMessage() else record.getMessage()
    (word,) = shlex.split(advice[advice.index("'data.label_names=") :])
    mapped = yaml.load(word.partition("=")[2], yaml.BaseLoader)
    caplog.clear()
    read = rows_of(tmp_path, labels, label_names=mapped)
    assert set(read.labels) == set(SPELLINGS)
    assert not caplog.records


def test_the_mapping_starts_at_the_file_s_spellings_where_names_are_given_already(tmp_path, caplog):
    rows_of(tmp_path, ["0", "0", "1", "neg"], label_names={"0": "Neg", "1": "pos"})
    (record,) = caplog.records
    assert "'data.label_names={\"neg\": Neg}'" in record.getMessage()
    groups = alike(Counter({"Neg": 1, "neg": 2}))
    assert mapping(groups, {"0": "Neg"}) == {"0": "neg", "Neg": "neg"}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["0.5", "1.5", "0.5"], "look like numbers (2 different ones, such as 0.5)"),
        ([str(number) for number in range(30)], "look like numbers (30 different ones)"),
        (["a", "None", "b"], '"None" (1 row) counts as a label'),
        ([" a", " b", "c"], '\'data.label_names={" a": a, " b": b}\''),
    ],
)
def test_labels_that_are_hardly_meant_are_pointed_out(tmp_path, caplog, labels, said):
    rows_of(tmp_path, labels)
    assert [said in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("labels", [["0", "1"] * 3, ["1", "5", "3", "4"], [*map(str, range(30))] * 5, ["a", "0.5"]])
def test_labels_that_may_well_be_meant_are_not(tmp_path, caplog, labels):
    rows_of(tmp_path, labels)
    assert not caplog.records


def test_a_name_for_a_label_that_no_row_has_is_pointed_out(tmp_path, caplog):
    rows_of(tmp_path, ["a", "b"], label_names={"a": "x", "c": "y"})
    assert ['data.label_names has "c"' in record.getMessage() for record in caplog.records] == [True]


def test_names_that_another_sign_parts_are_pointed_out(tmp_path, caplog):
    path = tmp_path / "a.csv"
    path.write_text('text,label\na,"art, law"\nb,"law, tech"\nc,art\n')
    read_rows(Data(path=str(path), format="csv"), task_named("multi_label"))
    assert "'data.label_separator=\",\"'" in caplog.text


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["art law", "law", "art"], "'data.label_separator=\" \"'"),
        (["art law", "law", "art", "tech"], "'data.label_separator=\" \"'"),
        (["very good", "good", "bad"], None),
        (["101", "010"], "part them: 0|1|0"),
        (["101", "10"], None),
    ],
)
def test_labels_that_look_like_several_are_pointed_out(tmp_path, caplog, labels, said):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)))
    read_rows(Data(path=str(path), format="csv"), task_named("multi_label"))
    assert [said in record.getMessage() for record in caplog.records] == [True] * (said is not None)


@pytest.mark.parametrize(
    ("tags", "meant"),
    [
        (["o", "b-per", "i-per"], {"o": "O", "b-per": "B-per", "i-per": "I-per"}),
        (["O", "B-X", "I-X", "L-X", "U-X"], {"L-X": "E-X", "U-X": "S-X"}),
        (["O", "B-X", "M-X", "E-X", "S-X"], {"M-X": "I-X"}),
        (["O", "B_X", "I_X"], {"B_X": "B-X", "I_X": "I-X"}),
        (["other", "B-X"], {"other": "O"}),
        (["O", "B-X", "I-X", "S-X", "E-X", "PER", "L-X"], {}),
        (["NOUN", "VERB", "I_O"], {}),
        (["O", "none"], {}),
    ],
)
def test_tags_are_advised_to_be_written_as_entity_metrics_know_them(tmp_path, caplog, tags, meant):
    path, task = tmp_path / "a.conll", task_named("token_classification")
    path.write_text("".join(f"word {tag}\n" for tag in tags) + "\n")
    read_rows(Data(path=str(path), format="conll"), task)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [override(meant) in text for text in told] == [True] * bool(meant)
    caplog.clear()
    (row,) = read_rows(Data(path=str(path), format="conll", label_names=meant), task).labels
    assert row == tuple(meant.get(tag, tag) for tag in tags)
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_tags_that_are_numbers_are_told(tmp_path, caplog):
    path = tmp_path / "a.conll"
    path.write_text("Ada 1\nslept 0\n\n")
    read_rows(Data(path=str(path), format="conll"), task_named("token_classification"))
    assert "the tags are numbers" in caplog.text


def test_tags_that_differ_only_in_case_are_pointed_out(tmp_path, caplog):
    path = tmp_path / "a.conll"
    path.write_text("Ada B-PER\nslept O\n\nBob b-per\n")
    read_rows(Data(path=str(path), format="conll"), task_named("token_classification"))
    assert '\'data.label_names={"b-per": "B-PER"}\'' in caplog.text
