"""A source that fails is told with the line of the data, and what is no record is refused."""

import pytest

from tunesmith.data.sources.records import records_of
from tunesmith.data.sources.source import Source
from tunesmith.errors import DataError


class Lines(Source):
    """A line is a record; what is made of it is up to a function."""

    def __init__(self, make):
        self.make = make

    def read(self, file, path):
        for number, line in enumerate(file, 1):
            yield self.make(number, line.rstrip())


class Whole(Source):
    """Fails at the third record, with the file read whole before."""

    def read(self, file, path):
        for number, line in enumerate(list(file), 1):
            yield number, {"text": line[0], "second": line[1]}


class Returning(Source):
    def __init__(self, value):
        self.value = value

    def read(self, file, path):
        return self.value


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("1x\n2x\n\n4x\n")
    return path


def refusal(source, path):
    with pytest.raises(DataError) as caught:
        list(records_of(source, path))
    return str(caught.value)


def test_an_error_is_told_with_the_line_that_was_read_last(path):
    message = refusal(Lines(lambda number, line: (number, {"text": line[0]})), path)
    assert message.startswith(f"{path}:3: ")
    assert "Lines fails: IndexError: string index out of range" in message
    assert "of test_watched.py)" in message


def test_of_a_file_read_whole_with_the_last_record(path):
    assert refusal(Whole(), path).startswith(f"{path}:2: ")


def test_an_error_before_the_first_record_names_the_file(path):
    assert refusal(Returning(None), path).startswith(f"{path}: ")


@pytest.mark.parametrize("kind", [ValueError, OSError, KeyError, RuntimeError, UnicodeEncodeError])
def test_whatever_it_raises(path, kind):
    def fail(number, line):
        raise kind("utf-8", "x", 0, 1, "odd") if kind is UnicodeEncodeError else kind("odd")

    message = refusal(Lines(fail), path)
    assert message.startswith(f"{path}:1: ")
    assert kind.__name__ in message
    assert "odd" in message


def test_a_data_error_is_left_as_it_is(path):
    def fail(number, line):
        raise DataError(f"{path}:{number}: no number. Write one")

    assert refusal(Lines(fail), path) == f"{path}:1: no number. Write one"


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"text": "a"},
        "ab",
        (1, "a"),
        ("1", {"text": "a"}),
        (True, {"text": "a"}),
        (1, {2: "a"}),
        [1, {"text": ""}],
    ],
)
def test_what_is_no_record_is_refused_as_it_is(path, value):
    message = refusal(Lines(lambda number, line: value), path)
    assert message.startswith(f"{path}:1: ")
    assert f"yields {value!r}, which is no record" in message


def test_what_is_long_is_shown_in_part(path):
    assert "x" * 60 + "" in refusal(Lines(lambda number, line: "x" * 1000), path)
    assert "x" * 100 not in refusal(Lines(lambda number, line: "x" * 1000), path)


def test_nothing_is_said(path):
    assert "Returning yields no record" in refusal(Returning([]), path)
