"""Rows of training that stand in val or test: told of, taken out, or refused."""

import csv
import random

import pytest

from tunesmith import compose
from tunesmith.data.leaks import leaks
from tunesmith.data.prepared import read_prepared
from tunesmith.data.splits import read_splits
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_of
from tunesmith.testing.cleaning import labelled

LONG = "a long day in the life of a small town and of everybody who has to live there"


@pytest.fixture
def config_of(tmp_path):
    draw = random.Random(0)
    rows = [(f"row {number} of {draw.random()}", "xy"[number % 2], "train") for number in range(20)]
    rows += [
        (f"{name} {number} is {draw.random()}", "xy"[number % 2], name)
        for name in ("val", "test")
        for number in range(4)
    ]
    rows += [
        (" val  twice ", "x", "train"),
        ("val  twice", "y", "val"),
        ("in both", "x", "train"),
        ("in both", "x", "test"),
    ]
    rows += [
        (LONG, "x", "test"),
        (LONG.replace("small", "tiny"), "y", "train"),
        ("a  copy", "x", "val"),
        ("a copy", "x", "train"),
    ]
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "split"), *rows])
    base = ["data=csv", f"data.path={tmp_path / 'rows.csv'}", "data.split.method=column", "data.split.column=split"]
    return lambda *overrides: compose([*base, *overrides]).config


def prepared(config):
    return read_prepared(config.data, task_of(config.task))


def test_positions_are_those_of_equal_and_of_near_texts():
    splits = {
        "train": labelled(["a", "b ", "c", LONG]),
        "val": labelled(["b", f"{LONG}!"]),
        "test": labelled(["c", "b"]),
    }
    assert leaks(splits, None) == {1: "is line 2 of val", 2: "is line 2 of test"}
    assert leaks(splits, 0.7) == leaks(splits, None) | {3: "is nearly line 3 of val"}
    assert leaks({"train": splits["train"]}, 0.7) == {}


def test_rows_are_taken_out_of_training_and_counted(config_of, caplog):
    raw = read_splits(config_of().data, task_of(config_of().task))
    for keys, number in (([], 2), (["data.near=0.7"], 4), (["data/cleaning=whitespace"], 3)):
        caplog.clear()
        result = prepared(config_of("data.on_leak=remove", *keys))
        assert len(result.splits["train"]) == len(raw["train"]) - number
        assert len(result.splits["val"]) == len(raw["val"])
        assert result.facts["cleaned"]["on_leak"] == {"removed": {"train": number}}
        assert leaks(result.splits, None) == {}
        assert f"{number} of {len(raw['train'])} train rows stand in val or test" in caplog.text
        assert "line 30 is line 31 of val" in caplog.text


def test_they_are_refused_with_their_lines_and_the_way_out(config_of):
    config = config_of("data.on_leak=error")
    with pytest.raises(DataError, match=r"2 of 24 train rows .*line 30 is line 31 of val.*data\.on_leak=remove"):
        prepared(config)
    with pytest.raises(DataError, match=r"4 of 24 train rows .*is nearly line 34 of test"):
        prepared(config_of("data.on_leak=error", "data.near=0.7"))


def test_they_are_told_of_and_stay(config_of, caplog):
    raw = read_splits(config_of().data, task_of(config_of().task))
    result = prepared(config_of("data.near=0.7"))
    assert result.splits == raw
    assert result.facts == {}
    assert "at least 70% alike" in caplog.text
    caplog.clear()
    prepared(config_of())
    assert caplog.text == "", "equal texts are told of with all else that is found in rows"


def test_that_nothing_is_left_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    lines = [f"{text},{label},{split}" for split in ("train", "val") for text, label in (("a", "x"), ("b", "y"))]
    path.write_text("\n".join(["text,label,split", *lines]) + "\n", encoding="utf-8")
    overrides = ["data.split.method=column", "data.split.column=split", "data.on_leak=remove"]
    with pytest.raises(DataError, match="leaves nothing to train on"):
        prepared(compose(["data=csv", f"data.path={path}", *overrides]).config)
