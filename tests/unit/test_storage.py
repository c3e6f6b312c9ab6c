"""Files are whole or as they were, lines survive a kill, and what is damaged is named."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import FilesError
from tunesmith.storage import LineAppender, append_line, make_folder, read_lines, read_points, replace_file

records = st.lists(
    st.dictionaries(st.text(max_size=8).map(lambda name: f"train/{name}"), st.floats() | st.integers(), max_size=3),
    max_size=5,
)


def refuse(constant):
    raise AssertionError(f"{constant} is not strict JSON")


@given(written=records)
def test_records_come_back_as_they_were_written(written, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    writer = LineAppender(path)
    for record in written:
        writer.write(record)
    writer.close()
    read = read_points(path)
    assert repr(read) == repr(written)
    for line in path.read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=refuse)


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_line_cut_by_a_kill_is_ignored_and_then_replaced(tmp_path, cut):
    path = tmp_path / "metrics.jsonl"
    whole = '{"step": 1}\n'
    path.write_text(whole + '{"step": 2, "train/loss": 0.5}'[:cut], encoding="utf-8")
    assert read_points(path) == [{"step": 1}]
    writer = LineAppender(path)
    writer.write({"step": 2})
    writer.close()
    assert read_points(path) == [{"step": 1}, {"step": 2}]


def test_a_broken_line_in_the_middle_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"st\n{"step": 3}\n', encoding="utf-8")
    with pytest.raises(FilesError, match=r"metrics\.jsonl:2"):
        read_points(path)


def test_no_file_is_a_run_without_points(tmp_path):
    assert read_points(tmp_path / "metrics.jsonl") == []


def test_every_line_survives_a_kill(tmp_path):
    script = (
        "import os, signal, sys, pathlib\n"
        "from tunesmith.storage import LineAppender\n"
        "writer = LineAppender(pathlib.Path(sys.argv[1]))\n"
        "for step in range(100): writer.write({'step': step})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "metrics.jsonl"
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == -9
    assert [record["step"] for record in read_points(path)] == list(range(100))


def test_a_write_that_fails_leaves_the_previous_file_and_nothing_else(tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"good")

    def fail(temporary):
        temporary.write_bytes(b"half")
        raise RuntimeError("unexpected pos 64 vs 0")

    with pytest.raises(FilesError, match="is the disk full"):
        replace_file(path, fail, failures=(RuntimeError,))
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("record", [{"a": "ä\u2028", "b": [1, {"c": None}]}, {}])
def test_shared_lines_come_back_also_behind_one_that_was_cut(tmp_path, record):
    path = tmp_path / "shared.jsonl"
    path.write_text('{"half', encoding="utf-8")
    append_line(path, record)
    append_line(path, {"last": 1})
    assert read_lines(path, skip_damaged=True) == [record, {"last": 1}]
    with pytest.raises(FilesError, match=r"shared\.jsonl:1 is damaged"):
        read_lines(path)


def test_a_folder_is_seen_whole_or_not_at_all(tmp_path):
    place = tmp_path / "cache" / "model"

    def fill(folder):
        assert not place.exists()
        (folder / "weights").write_text("whole", encoding="utf-8")

    def fail(folder):
        (folder / "weights").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        make_folder(place, fail)
    assert list(place.parent.iterdir()) == []
    make_folder(place, fill)
    assert [path.name for path in place.iterdir()] == ["weights"]
    make_folder(place, lambda folder: (folder / "other").touch())
    assert [path.name for path in place.parent.iterdir()] == ["model"]
    assert [path.name for path in place.iterdir()] == ["weights"], "the first to come stays"
