import json
import logging
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.config.schema import Data, Task
from tunesmith.data import kept_rows, reading
from tunesmith.data.examples import Example
from tunesmith.data.row_files import load_rows, save_rows_read
from tunesmith.data.rows import rows_of
from tunesmith.data.turns import one_at_a_time
from tunesmith.tasks.registry import task_named, task_of

CLASSIFICATION = task_named("classification")
REVIEWS = [{"text": f"text {row}", "label": "good" if row % 2 else "bad", "site": "a"} for row in range(20)]
TURNS = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
CASES = {
    "labels": ("classification", REVIEWS, {}),
    "split": ("classification", REVIEWS, {"id_column": "text", "split": {"column": "label", "group_column": "site"}}),
    "numbers": ("regression", [{"text": "a", "label": 0.1}, {"text": "b", "label": -0.0}], {}),
    "words": ("token_classification", [{"text": ["a", "b"], "label": ["X", "Y"]}, {"text": ["c"], "label": ["X"]}], {}),
    "turns": ("language_modeling", [{"chat": TURNS, "tools": [{"name": "f"}]}] * 2, {"messages_column": "chat"}),
    "texts": ("language_modeling", [{"text": "one"}, {"text": "two"}], {}),
}


@pytest.fixture(autouse=True)
def kept_at_any_size(monkeypatch):
    monkeypatch.setattr(kept_rows, "LEAST_BYTES", 0)


@pytest.fixture
def readings(monkeypatch):
    """What was read from files since the test began."""
    calls = []
    monkeypatch.setattr(reading, "_rows_in", lambda *args, own=reading._rows_in: calls.append(args) or own(*args))
    return calls


def written(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def jsonl(path, **keys):
    return Data(path=str(path), format="jsonl", cache_dir=str(path.parent / "cache"), **keys)


def as_it_is(rows):
    """Every value with its type; a line with all that it knows."""
    lines = [line if type(line) is int else line.__getnewargs__() for line in rows.lines or ()]
    return {field.name: repr(getattr(rows, field.name)) for field in fields(rows)}, lines


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_kept_rows_are_the_rows_that_are_read(case, files, tmp_path, readings):
    task, records, keys = CASES[case]
    written(tmp_path / "a.jsonl", records[:1] if files == 2 else records)
    if files == 2:
        written(tmp_path / "b.jsonl", records[1:])
    data = jsonl(tmp_path / "*.jsonl", **keys)
    cold, warm = (reading.read_rows(data, task_named(task)) for _ in range(2))
    (tmp_path / "cache").rename(tmp_path / "gone")
    (tmp_path / "cache").write_text("no folder")
    without = reading.read_rows(data, task_named(task))
    assert as_it_is(warm) == as_it_is(cold) == as_it_is(without)
    assert warm.sha256() == cold.sha256()
    assert len(readings) == 2


def test_notices_of_reading_are_given_each_time(tmp_path, readings, caplog):
    caplog.set_level(logging.DEBUG, "tunesmith")
    data = jsonl(written(tmp_path / "a.jsonl", [*REVIEWS, {"text": "", "label": "Good", "site": "b"}]), on_empty="drop")
    told = []
    for _ in range(2):
        caplog.clear()
        reading.read_rows(data, CLASSIFICATION)
        told.append([(one.levelno, one.getMessage(), getattr(one, "once", False)) for one in caplog.records])
    assert told[0] == told[1]
    assert len(readings) == 1
    assert any("dropped" in message for _, message, _ in told[1])
    assert any("does not see" in message for _, message, _ in told[1])


def test_a_file_of_the_same_size_and_time_with_other_bytes_is_read(tmp_path, readings):
    data = jsonl(written(tmp_path / "a.jsonl", REVIEWS))
    reading.read_rows(data, CLASSIFICATION)
    state = (tmp_path / "a.jsonl").stat()
    written(tmp_path / "a.jsonl", [{**REVIEWS[0], "text": "TEXT 0"}, *REVIEWS[1:]])
    os.utime(tmp_path / "a.jsonl", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (tmp_path / "a.jsonl").stat().st_size == state.st_size
    assert reading.read_rows(data, CLASSIFICATION).texts[0] == "TEXT 0"
    assert len(readings) == 2


@pytest.mark.parametrize(
    ("keys", "again"),
    [
        ({"label_names": {"good": "GOOD"}}, True),
        ({"where": {"label": "good"}}, True),
        ({"template": "{{site}}: {{text}}"}, True),
        ({"split": {"column": "site"}}, True),
        ({"batch_size": 8, "num_rows": 10, "on_leak": "remove"}, False),
    ],
)
def test_what_decides_rows_is_read_with_other_rows(keys, again, tmp_path, readings):
    path = written(tmp_path / "a.jsonl", REVIEWS)
    reading.read_rows(jsonl(path), CLASSIFICATION)
    rows = reading.read_rows(jsonl(path, **keys), CLASSIFICATION)
    assert len(readings) == 1 + again
    (tmp_path / "cache").rename(tmp_path / "gone")
    assert as_it_is(rows) == as_it_is(reading.read_rows(jsonl(path, **keys), CLASSIFICATION))


def test_another_task_and_other_code_read_anew(tmp_path, readings, monkeypatch):
    data = jsonl(written(tmp_path / "a.jsonl", REVIEWS))
    reading.read_rows(data, CLASSIFICATION)
    reading.read_rows(data, task_of(Task(name="classification", multi_label=True)))
    assert len(readings) == 2
    monkeypatch.setattr(kept_rows, "_code", lambda: "edited")
    reading.read_rows(data, CLASSIFICATION)
    assert len(readings) == 3


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_an_entry_that_was_cut_short_is_made_again(kept, tmp_path, readings):
    data = jsonl(written(tmp_path / "a.jsonl", REVIEWS))
    rows = reading.read_rows(data, CLASSIFICATION)
    (entry,) = (tmp_path / "cache").iterdir()
    whole = entry.read_bytes()
    entry.unlink()  # rows that were read lie in the file: it may be replaced, but not written to
    entry.write_bytes(whole[: int(kept * len(whole))])
    assert as_it_is(reading.read_rows(data, CLASSIFICATION)) == as_it_is(rows)
    assert len(readings) == 2
    assert load_rows(entry) is not None


def test_an_entry_with_a_flipped_bit_is_refused_wherever_it_is(tmp_path):
    reading.read_rows(jsonl(written(tmp_path / "a.jsonl", REVIEWS)), CLASSIFICATION)
    (entry,) = (tmp_path / "cache").iterdir()
    whole = entry.read_bytes()
    assert load_rows(entry) is not None
    for place in range(0, len(whole), 29):
        entry.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert load_rows(entry) is None


def test_a_file_that_is_written_to_meanwhile_is_not_kept(tmp_path, monkeypatch):
    path = written(tmp_path / "a.jsonl", REVIEWS)
    own = reading._rows_in
    monkeypatch.setattr(reading, "_rows_in", lambda *args: (own(*args), path.write_text(path.read_text() + "\n"))[0])
    reading.read_rows(jsonl(path), CLASSIFICATION)
    assert not list((tmp_path / "cache").iterdir())


def test_several_at_once_read_once_and_say_that_they_wait(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "tunesmith")
    data, own, readings = jsonl(written(tmp_path / "a.jsonl", REVIEWS)), reading._rows_in, []

    def slow(*args):
        readings.append(args)
        time.sleep(0.5)
        return own(*args)

    monkeypatch.setattr(reading, "_rows_in", slow)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: as_it_is(reading.read_rows(data, CLASSIFICATION)), range(4)))
    assert len(readings) == 1
    assert all(result == results[0] for result in results)
    assert "another process makes the rows of the same files" in caplog.text
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".arrow"]


def test_a_killed_writer_keeps_nobody_waiting(tmp_path):
    entry = tmp_path / "rows.arrow"
    code = """
import os, sys
from pathlib import Path
from tunesmith.data.turns import one_at_a_time
with one_at_a_time(Path(sys.argv[1]), "them"):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code, str(entry)], check=False).returncode == -9
    assert (tmp_path / "rows.arrow.lock").exists()
    with one_at_a_time(entry, "them"):
        pass
    assert not list(tmp_path.iterdir())


def test_small_data_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_rows, "LEAST_BYTES", 1 << 20)
    reading.read_rows(jsonl(written(tmp_path / "a.jsonl", REVIEWS)), CLASSIFICATION)
    assert not (tmp_path / "cache").exists()


texts = st.text(st.characters(), max_size=4)
labels = st.text(max_size=3) | st.floats() | st.none() | st.lists(st.text(max_size=3), max_size=2).map(tuple)


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(texts, labels), min_size=1, max_size=5))
def test_any_rows_come_back_as_they_are_or_are_not_kept(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.arrow"
    made = rows_of([str(row) for row in range(len(rows))], [Example(text, label) for text, label in rows])
    if save_rows_read(path, made, [(20, "said", True)]):
        loaded = load_rows(path)
        assert loaded is not None
        assert as_it_is(loaded[0]) == as_it_is(made)
        assert loaded[1] == [(20, "said", True)]
    else:
        assert any("\ud800" <= sign <= "\udfff" for text, label in rows for sign in f"{text}{label}")
