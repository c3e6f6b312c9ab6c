"""`tunesmith cache` counts what is there, and removes what is made again, nothing else."""

import os
import time

import pytest

DAY = 86_400


@pytest.fixture
def folder(tmp_path):
    """A cache with entries of 1 and 40 days, and files that are none."""
    sizes = {"rows-a.arrow": 2_000_000, "tokens-a.npz": 1000, "tokens-b.npz": 500, "baselines-a.npz": 10}
    sizes |= {"rows/mine.arrow": 7000, "notes.txt": 5, "gguf-1-x/model.bin": 300}
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
        days = 40 if name in ("tokens-a.npz", "gguf-1-x/model.bin") else 1
        os.utime(tmp_path / name, (time.time() - days * DAY - 60,) * 2)
    return tmp_path


def left(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_it_counts_by_kind(inside, folder):
    done = inside("cache", "--folder", folder)
    lines = {line.split("  ")[1]: line.split() for line in done.stdout.splitlines()[1:]}
    assert (done.returncode, set(lines)) == (
        0,
        {"rows as they were read", "tokens of texts", "answers of linear baselines", "models converted from GGUF"}
        | {"rows given to save_rows"},
    )
    assert lines["tokens of texts"][3:] == ["2", "1.5", "kB", "last", "used", "1", "day", "ago"]
    assert lines["rows as they were read"][5:8] == ["1", "2.0", "MB"]
    assert len(left(folder)) == 7


def test_it_removes_what_was_not_used_for_so_long(inside, folder):
    done = inside("cache", "clear", "--folder", folder, "--older-than", "30")
    assert done.returncode == 0
    assert left(folder) == ["baselines-a.npz", "notes.txt", "rows-a.arrow", "rows/mine.arrow", "tokens-b.npz"]
    assert "tokens of texts                     1" in done.stdout
    inside("cache", "clear", "--folder", folder)
    assert left(folder) == ["notes.txt", "rows/mine.arrow"], "what is made again goes; what a run reads stays"
    assert inside("cache", "clear", "--folder", folder).stdout.splitlines()[1] == "  nothing"


def test_a_folder_that_is_missing_is_told(inside, tmp_path):
    done = inside("cache", "--folder", tmp_path / "none")
    assert (done.returncode, "no such folder" in done.stderr) == (5, True)
