"""What rows show of themselves: copies, contradictions and single answers, counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.findings import counted_labels, findings
from tunesmith.data.rows import Rows, inputs_of
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")


def rows_of(texts, labels, first_line=None, **more):
    ids = [f"{texts[0]}-{number}" for number in range(len(texts))] if texts else []
    lines = None if first_line is None else list(range(first_line, first_line + len(texts)))
    return Rows(ids, list(texts), list(labels), lines=lines, **more)


def test_copies_are_counted_for_each_pair_of_splits_by_the_whole_input():
    splits = {
        "train": rows_of(["a", "b", "c", "d"], "xyxy", 2),
        "val": rows_of(["e", " b "], "xy", 10),
        "test": rows_of(["b", "d", "f", "a"], "yyxx", 20),
    }
    told = findings(splits, CLASSIFICATION)
    assert len(told) == 3
    assert told[0].startswith("1 of 2 val rows stand in train word for word (lines 11 and 3): ")
    assert told[1].startswith("3 of 4 test rows stand in train word for word (lines 20 and 3, 21 and 5, 23 and 2): ")
    assert told[2].startswith("1 of 4 test rows stand in val word for word (lines 20 and 11): ")
    pairs = {
        name: Rows(rows.ids, rows.texts, rows.labels, pairs=[f"{name} pair"] * len(rows))
        for name, rows in splits.items()
    }
    assert findings(pairs, CLASSIFICATION) == [], "the same text beside another is another input"


@given(
    splits=st.dictionaries(
        st.sampled_from(["train", "val", "test"]),
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8),
        min_size=2,
    )
)
def test_what_is_said_of_copies_is_what_sets_say(splits):
    rows = {name: rows_of(texts, texts) for name, texts in splits.items()}
    told = [text for text in findings(rows, task_named("language_modeling"))]
    names = list(splits)
    counts = [
        (sum(text in splits[first] for text in splits[second]), second, first)
        for i, first in enumerate(names)
        for second in names[i + 1 :]
    ]
    expected = [
        f"{count} of {len(splits[second])} {second} rows stand in {first} " for count, second, first in counts if count
    ]
    assert len(told) == len(expected)
    assert all(text.startswith(start) for text, start in zip(told, expected, strict=True))


@pytest.mark.parametrize(
    ("task", "labels", "words"),
    [
        (CLASSIFICATION, ["x", "y", "y", "x"], "1 text has more than one label (lines 2 and 4): 2 of 4 rows"),
        (
            task_named("regression"),
            [1.0, 2.0, 1.5, 2.0],
            "1 text has more than one number (lines 2 and 4): 2 of 4 rows",
        ),
        (
            task_named("multi_label"),
            [("x",), ("y",), ("x", "y"), ("y",)],
            "more than one label (lines 2 and 4)",
        ),
    ],
)
def test_a_text_with_two_answers_is_a_contradiction(task, labels, words):
    (told,) = findings({"train": rows_of(["a", "b", "a", "c"], labels, 2)}, task)
    assert words in told


def test_what_is_no_contradiction():
    same = [("x", "y"), ("z",), ("y", "x"), ("z",)]
    assert findings({"train": rows_of(["a", "b", "a", "c"], same)}, task_named("multi_label")) == []
    assert findings({"train": rows_of(["a", "a"], ["one", "two"])}, task_named("text_to_text")) == [], (
        "several are right"
    )
    tagged = [("O", "B"), ("B", "O")]
    rows = Rows(["0", "1"], ["a b", "a b"], tagged, words=[("a", "b")] * 2)
    assert (
        "more than one list of tags (ids 0 and 1)" in findings({"train": rows}, task_named("token_classification"))[0]
    )


def test_a_contradiction_between_splits_is_one_too():
    splits = {"train": rows_of(["a", "b"], "xy", 2), "test": rows_of(["a", "c"], "yx", 4)}
    assert any(
        "1 text has more than one label (lines 2 and 4): 2 of 4 rows" in text
        for text in findings(splits, CLASSIFICATION)
    )


def test_a_split_with_one_answer_is_told_of_where_it_is_measured():
    splits = {"train": rows_of(["a", "b"], "xx"), "val": rows_of(["c", "d", "e"], "xxx"), "test": rows_of(["f"], "y")}
    told = findings(splits, CLASSIFICATION)
    assert [text.split(":")[0] for text in told] == [
        "all 3 val rows have the label 'x'",
        "the only test row has the label 'y'",
    ]
    numbers = {"train": rows_of(["a", "b"], [1.0, 2.0]), "val": rows_of(["c", "d"], [3.0, 3.0])}
    assert findings(numbers, task_named("regression")) == [
        "all 2 val rows have the number 3.0: correlations are undefined there"
    ]
    words = [("a", "b"), ("c",)]
    tags = Rows(["0", "1"], ["a b", "c"], [("O", "O"), ("O",)], words=words)
    (told,) = findings({"train": rows_of([], []), "val": tags}, task_named("token_classification"))
    assert told.startswith("all 2 val rows have the tag 'O' for every word")


def test_labels_are_counted_by_split():
    splits = {"train": rows_of(["a", "b", "c"], [("x", "y"), ("x",), ()]), "val": rows_of(["d"], [("y",)])}
    assert dict(counted_labels(splits, ["x", "y"])) == {"x": {"train": 2, "val": 0}, "y": {"train": 1, "val": 1}}


def test_inputs_are_what_a_model_is_given():
    assert inputs_of(rows_of([" a ", "b"], "xy")) == ["a", "b"]
    turns = ({"role": "user", "content": "a"},)
    both = Rows(["0", "1"], ["a", "a"], ["x", "y"], messages=[turns, (*turns, *turns)])
    assert len(set(inputs_of(both))) == 2
