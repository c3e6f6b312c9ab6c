import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from tunesmith.config.schema import Data, Split
from tunesmith.data.rows import Rows
from tunesmith.data.splits import data_fingerprint, read_splits
from tunesmith.data.splitting.split import SPLITS, Basis, draw, split_rows
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")

labels_of_some_rows = st.lists(st.sampled_from("abc"), min_size=30, max_size=120)
fractions = st.floats(0.1, 0.3)
seeds = st.integers(0, 1000)
plain_methods = st.sampled_from(["stratified", "random"])


def common(labels):
    """Whether every label is there often enough for any of the fractions above."""
    return min(Counter(labels).values()) >= 4


@given(labels_of_some_rows, fractions, fractions, seeds, plain_methods)
def test_splits_are_disjoint_complete_in_file_order_and_seeded(labels, val, test, seed, method):
    assume(common(labels))
    split = Split(method=method, val_fraction=val, test_fraction=test, seed=seed)
    parts = split_rows(labels, split)
    assert tuple(parts) == SPLITS
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(labels)))
    assert all((np.diff(part) > 0).all() for part in parts.values())
    assert len(parts["test"]) == round(len(labels) * test)
    assert len(parts["val"]) == round(len(labels) * val)
    again = split_rows(labels, split)
    assert all(np.array_equal(parts[name], again[name]) for name in SPLITS)


@given(labels_of_some_rows, fractions, fractions, seeds)
def test_stratified_parts_keep_the_proportions_within_rounding(labels, val, test, seed):
    assume(common(labels))
    split = Split(method="stratified", val_fraction=val, test_fraction=test, seed=seed)
    for part in split_rows(labels, split).values():
        found = Counter(labels[i] for i in part)
        for label, count in Counter(labels).items():
            exact = count * len(part) / len(labels)
            assert abs(found[label] - exact) < 2, "two divisions in turn, each rounded to a row"


def test_the_test_rows_are_those_of_scikit_learn():
    labels = [str(i % 3) for i in range(90)]
    _, expected = train_test_split(np.arange(90), test_size=9, random_state=7, stratify=labels)
    assert split_rows(labels, Split(seed=7))["test"].tolist() == sorted(expected.tolist())


def test_another_seed_gives_another_split():
    labels = ["a", "b"] * 50
    drawn = {tuple(split_rows(labels, Split(seed=seed))["test"]) for seed in range(5)}
    assert len(drawn) == 5


@pytest.mark.parametrize(("val", "test"), [(0.0, 0.2), (0.2, 0.0), (0.0, 0.0)])
def test_a_fraction_of_zero_is_an_empty_split(val, test):
    parts = split_rows(["a", "b"] * 10, Split(val_fraction=val, test_fraction=test))
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 20 - round(20 * val) - round(20 * test),
        "val": round(20 * val),
        "test": round(20 * test),
    }


def test_the_file_s_own_column_decides():
    column = ["train", "test", "val", "train", "test"]
    parts = split_rows(list("abaab"), Split(method="column", column="part"), Basis(column))
    assert {name: part.tolist() for name, part in parts.items()} == {"train": [0, 3], "val": [2], "test": [1, 4]}


@pytest.mark.parametrize(
    ("labels", "split", "column", "message"),
    [
        (
            "aab" * 7 + "c",
            Split(),
            None,
            r"1 of 3 labels have a single row left to split \(first: 'c'\).*data.split.method=random",
        ),
        (
            ["good", "fine"] * 9 + ["godo"],
            Split(),
            None,
            r"If they are misspelt: 'data.label_names=\{\"godo\": good\}'. Is data.label_column right",
        ),
        ("abcdefgh" * 2, Split(), None, r"a split of 2 rows cannot hold all 8 labels.*data.split.method=random"),
        (
            "aba",
            Split(test_fraction=0),
            None,
            r"the val split has no rows: too few rows \(there are 3\) for data.split.val_fraction=0.1. Add rows, or",
        ),
        (
            "ab",
            Split(method="random", val_fraction=0.5),
            None,
            "the test split has no rows: .* set a larger data.split.test_fraction",
        ),
        (
            "ab",
            Split(val_fraction=0.45, test_fraction=0.5),
            None,
            "the train split has no rows: .*val_fraction=0.45 and data.split.test_fraction=0.5. .* smaller fractions",
        ),
        ("ab" * 3, Split(method="column", column="p"), ["train"] * 5 + ["dev"], "holds 'dev'; it may hold 'train'"),
        ("ab", Split(method="column", column="p"), ["train", "test"], "puts no row into 'val'"),
    ],
)
def test_what_cannot_be_split_says_why(labels, split, column, message):
    with pytest.raises(DataError, match=message):
        split_rows(list(labels), split, Basis(column or ()))


@given(labels_of_some_rows, st.data(), plain_methods)
def test_a_sample_has_its_size_and_its_proportions(labels, data, method):
    assume(common(labels))
    num_rows = data.draw(st.integers(3, len(labels)))
    chosen = draw(labels, num_rows, Split(method=method))
    assert len(set(chosen.tolist())) == num_rows
    assert (np.diff(chosen) > 0).all()
    if method == "stratified" and len(labels) - num_rows >= len(set(labels)):
        found = Counter(labels[i] for i in chosen)
        for label, count in Counter(labels).items():
            assert abs(found[label] - count * num_rows / len(labels)) < 1.5


@pytest.mark.parametrize("num_rows", range(95, 101))
def test_a_sample_may_leave_out_fewer_rows_than_there_are_labels(num_rows):
    assert len(draw(list("abcd") * 25, num_rows, Split())) == num_rows


def test_a_sample_of_more_rows_than_there_are_is_refused():
    with pytest.raises(DataError, match=r"only 3 rows \(received 4\). At most data.num_rows=3"):
        draw(list("aab"), 4, Split())


def rows_of(labels):
    numbers = [str(number) for number in range(len(labels))]
    return Rows(numbers, [f"text {number}" for number in numbers], list(labels))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "-1", "2"], ["-1", "2", "9", "10"]),
        (["10", "9", "b"], ["10", "9", "b"]),
        (["good", "bad", "Ugly"], ["Ugly", "bad", "good"]),
        (["1.5", "10", "9"], ["1.5", "10", "9"]),
        (["--1", "10", "9"], ["--1", "10", "9"]),
        (["01", "1"], ["01", "1"]),
        (["٣", "12"], ["12", "٣"]),
    ],
)
def test_whole_numbers_are_ordered_by_value_and_anything_else_by_name(labels, expected):
    splits = {"train": rows_of(labels), "val": rows_of(labels[:1]), "test": rows_of([])}
    assert CLASSIFICATION.label_names(splits, "label") == expected


def test_a_label_that_cannot_be_learned_is_refused():
    with pytest.raises(DataError, match="the label 'c' occurs in val but never in train"):
        CLASSIFICATION.label_names({"train": rows_of("ab"), "val": rows_of("abc")}, "label")
    only_one = r"at least two labels; the data has only \['a'\] in column 'mood'. Name another with data.label_column="
    with pytest.raises(DataError, match=only_one):
        CLASSIFICATION.label_names({"train": rows_of("aa"), "val": rows_of("a")}, "mood")


def test_reading_keeps_ids_texts_and_labels_together(tmp_path):
    path = tmp_path / "a.jsonl"
    everything = [{"key": f"k{i}", "text": f"text {i}", "label": i % 2} for i in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in everything), encoding="utf-8")
    splits = read_splits(Data(path=str(path), format="jsonl", id_column="key", num_rows=30), CLASSIFICATION)
    found = [row for part in splits.values() for row in zip(part.ids, part.texts, part.labels, strict=True)]
    assert len(found) == len(set(found)) == 30
    assert set(found) <= {(row["key"], row["text"], str(row["label"])) for row in everything}


@pytest.mark.parametrize(
    ("fields", "message"),
    [({}, "the val split has no rows"), ({"num_rows": 4}, "there are only 3 rows (received 4)")],
)
def test_what_cannot_be_divided_is_named_by_its_file(tmp_path, fields, message):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\nb,0\nc,1\n")
    with pytest.raises(DataError) as refusal:
        read_splits(Data(path=str(path), format="csv", **fields), CLASSIFICATION)
    assert str(refusal.value).startswith(f"{path}: {message}")


def identity(lines, tmp_path, **fields):
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["text,label,lang", *lines]) + "\n", encoding="utf-8")
    return data_fingerprint(read_splits(Data(path=str(path), format="csv", **fields), CLASSIFICATION))


LINES = [f"text {i},{i % 2},{'en' if i < 40 else 'de'}" for i in range(50)]


@pytest.mark.slow
@given(data=st.data())
def test_any_changed_byte_or_moved_row_is_another_data_set(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    original = identity(LINES, folder)
    assert identity(LINES, folder) == original
    row = data.draw(st.integers(0, 49))
    text, label, lang = LINES[row].split(",")
    position = data.draw(st.integers(0, len(text) - 1))
    changed = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
    assert identity([*LINES[:row], f"{changed},{label},{lang}", *LINES[row + 1 :]], folder) != original
    other = data.draw(st.integers(0, 49).filter(lambda number: number != row))
    moved = list(LINES)
    moved.insert(other, moved.pop(row))
    assert identity(moved, folder) != original
    flipped = data.draw(st.integers(0, 49))
    relabelled = [
        line.replace(f",{i % 2},", f",{1 - i % 2},") if i == flipped else line for i, line in enumerate(LINES)
    ]
    assert identity(relabelled, folder) != original


def test_identity_sees_the_rows_in_use_and_how_they_are_divided(tmp_path):
    english = identity(LINES, tmp_path, where={"lang": "en"})
    german_changed = [line.replace("text", "Text") if line.endswith("de") else line for line in LINES]
    assert identity(german_changed, tmp_path, where={"lang": "en"}) == english
    assert identity(LINES, tmp_path) != english
    assert identity(LINES, tmp_path, split=Split(seed=1)) != identity(LINES, tmp_path)
    other_batches = identity(LINES, tmp_path, where={"lang": "en"}, batch_size=4, max_length=8, order="random")
    assert other_batches == english


def test_fields_do_not_run_into_one_another():
    one, other = Rows(["1"], ["ab"], ["c"]), Rows(["1"], ["a"], ["bc"])
    assert one.sha256() != other.sha256()


def test_splits_that_are_numbers_are_told_by_their_names_here():
    with pytest.raises(
        DataError, match="'0' is called 'train' here, '1' is called 'val' here, '2' is called 'test' here"
    ):
        split_rows(["a"] * 3, Split(method="column", column="p"), Basis(["0", "1", "2"]))
