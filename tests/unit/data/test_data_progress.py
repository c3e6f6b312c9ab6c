"""A bar for long steps of the data: on a terminal alone, and the items stay what they are."""

import io
import sys

import pytest

from tunesmith.data import progress as module
from tunesmith.data.nearness import near_copies
from tunesmith.data.progress import progress
from tunesmith.data.sources.jsonl import JsonLines
from tunesmith.data.sources.records import records_in


class Terminal(io.StringIO):
    def isatty(self):
        return True


def a_terminal(monkeypatch):
    monkeypatch.setattr(module, "DELAY_S", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    return sys.stderr


def test_a_terminal_sees_step_and_number_until_the_step_has_ended(monkeypatch):
    terminal = a_terminal(monkeypatch)
    rows = progress(range(0, 10_000, 100), "reading [red]a\x1b[31m.csv", 10_000, each=100)
    assert [next(rows) for _ in range(51)] == list(range(0, 5_100, 100))
    assert list(rows) == list(range(5_100, 10_000, 100))
    seen = terminal.getvalue()
    assert "reading [red]a [31m.csv" in seen, "what a file is called is text"
    assert "/10000" in seen
    assert seen.rstrip().endswith("\x1b[2K"), "the line is cleared"


def test_a_step_within_a_step_shows_nothing_and_a_fault_gives_the_terminal_back(monkeypatch):
    terminal = a_terminal(monkeypatch)
    reciprocals = (1 / number for number in [1, 0])
    outer = progress(reciprocals, "outer")
    assert next(outer) == 1
    assert list(progress("ab", "inner")) == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        next(outer)
    assert "outer" in terminal.getvalue()
    assert "inner" not in terminal.getvalue()
    assert list(progress("ab", "next")) == ["a", "b"]
    assert "next" in terminal.getvalue()


def test_elsewhere_nothing_is_written(monkeypatch):
    monkeypatch.setattr(module, "DELAY_S", 0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert list(progress(range(3), "reading")) == [0, 1, 2]
    assert sys.stderr.getvalue() == ""


def test_reading_and_near_copies_are_steps(monkeypatch, tmp_path):
    terminal = a_terminal(monkeypatch)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 3)
    assert len(list(records_in(JsonLines(), [tmp_path / "a.jsonl"]))) == 3
    assert near_copies(["some words of a text", "some words of a text!"], 0.7) == {1: [0]}
    seen = terminal.getvalue()
    assert all(step in seen for step in ("reading a.jsonl", "looking for near copies", "comparing near copies"))
