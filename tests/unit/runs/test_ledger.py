import subprocess
import sys

import pytest

from tunesmith.errors import FilesError
from tunesmith.runs.ledger import FILE_NAME, looks, record_look

LOOK = """
import sys, pathlib
from tunesmith.runs.ledger import record_look
for number in range(25):
    run = pathlib.Path(sys.argv[2] * 200)
    record_look(pathlib.Path(sys.argv[1]), data_fingerprint="d", run=run, reason="train")
"""


def look(root, fingerprint="d"):
    return record_look(root, data_fingerprint=fingerprint, run=root / "run", reason="train")


def test_looks_are_counted_per_data_set(tmp_path):
    assert [look(tmp_path, name) for name in "ababb"] == [1, 1, 2, 2, 3]
    found = looks(tmp_path, "b")
    assert [entry["data_fingerprint"] for entry in found] == ["b"] * 3
    assert found[0].keys() == {"time", "data_fingerprint", "run", "reason"}
    assert looks(tmp_path, "c") == looks(tmp_path / "elsewhere", "a") == []


def test_simultaneous_looks_are_all_kept(tmp_path):
    processes = [subprocess.Popen([sys.executable, "-c", LOOK, str(tmp_path), letter]) for letter in "wxyz"]
    assert [process.wait() for process in processes] == [0] * 4
    found = looks(tmp_path, "d")
    assert len(found) == 100
    assert all(found.count(entry) >= 1 and len(set(entry["run"])) == 1 for entry in found)


def test_a_damaged_line_hides_no_other_look(tmp_path):
    look(tmp_path)
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"cut\n3\nnull\n')
    assert look(tmp_path) == 2


def test_a_look_after_a_line_cut_by_a_kill_is_counted(tmp_path):
    look(tmp_path)
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"time": "2026')
    assert look(tmp_path) == 2


def test_a_path_with_odd_line_ends_is_one_look(tmp_path):
    root = tmp_path / "a\u2028b\x85c"
    assert [look(root), look(root)] == [1, 2]


def test_without_a_ledger_there_must_be_no_look(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(FilesError, match="cannot write the ledger of test looks"):
        look(tmp_path)
