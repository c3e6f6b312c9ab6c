import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import FilesError
from tunesmith.runs.directory import RunDirectory, open_directory
from tunesmith.storage import write_json, write_text

OPEN = """
import sys, pathlib
from tunesmith.runs.directory import open_directory
sys.stdin.readline()  # all start together
for _ in range(5):
    print(open_directory(pathlib.Path(sys.argv[1]), "same", "f" * 64).path)
"""


def test_simultaneous_processes_get_directories_of_their_own(tmp_path):
    command = [sys.executable, "-c", OPEN, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    paths = [line for process in processes for line in process.communicate()[0].split()]
    assert len(paths) == len(set(paths)) == 20
    assert all(Path(path).is_dir() for path in paths)


names = st.text(max_size=300) | st.sampled_from(
    ["../../x", "a/b", "/etc/passwd", "..", ".", "", " ", "😀", "\0", "a\nb", "-rf", "~", "C:\\x", "x" * 500, "é" * 300]
)


@given(name=names)
def test_no_name_leaves_the_folder_of_runs(name, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    directory = open_directory(root, name, "abcdef0123").path
    day, run = directory.relative_to(root.resolve()).parts
    assert directory.is_dir()
    assert run.endswith("_abcdef")
    assert not run.startswith((".", "-"))
    assert [path.name for path in root.iterdir()] == [day]


def test_a_name_that_people_can_read_stays(tmp_path):
    assert "_Übung-2+lr1e-4_" in open_directory(tmp_path, "Übung 2+lr1e-4", "0" * 64).path.name


def test_an_exact_directory_is_made_once(tmp_path):
    wanted = tmp_path / "deep" / "mine"
    assert open_directory(tmp_path, "x", "0" * 64, wanted).path == wanted
    (wanted / "kept").write_text("as it was")
    with pytest.raises(FilesError, match=f"run.dir={wanted} already exists; a run directory is never reused"):
        open_directory(tmp_path, "x", "0" * 64, wanted)
    assert [path.name for path in wanted.iterdir()] == ["kept"]
    assert [path.name for path in wanted.parent.iterdir()] == ["mine"]


def test_a_place_that_cannot_hold_directories_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FilesError, match="cannot create the run directory"):
        open_directory(tmp_path / "file", "x", "0" * 64)


def test_every_file_has_a_place_of_its_own(tmp_path):
    directory = RunDirectory(tmp_path)
    places = [getattr(directory, name) for name, value in vars(RunDirectory).items() if isinstance(value, property)]
    assert len(places) == len(set(places))
    assert all(place.parent in (tmp_path, directory.model) for place in places)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_text_is_replaced_whole(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("write") / "file"
    write_text(path, "before")
    write_text(path, text)
    assert path.read_bytes() == text.encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_readers_never_see_half_a_file(tmp_path):
    path = tmp_path / "results.json"
    write_json(path, {"values": [0] * 20_000})
    stop = threading.Event()
    seen = []

    def read():
        while not stop.is_set():
            seen.append(len(set(json.loads(path.read_text())["values"])))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        write_json(path, {"values": [number] * 20_000})
    stop.set()
    reader.join()
    assert seen
    assert set(seen) == {1}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_text(path, "before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FilesError, match=r"cannot write .*/file: No space left on device"):
        write_text(path, "after")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []
