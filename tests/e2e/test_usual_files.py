"""Files as other tools write them, from the command line to the finished run."""

import gzip
import json

import pytest
from conftest import reviews

from tunesmith import load_run

SHORT = ("trainer=cpu", "trainer.threads=1", "trainer.max_epochs=null", "trainer.max_steps=2", "data.batch_size=8")
ROWS = [{"text": text, "label": label} for text, label in reviews(60)]


@pytest.fixture
def line(tmp_path, cache_dir):
    return ["model=tiny_encoder", *SHORT, f"data.cache_dir={cache_dir}", "logger=none", f"run.root={tmp_path / 'runs'}"]


def fingerprint(done):
    assert done.returncode == 0, done.stderr
    return load_run(done.stdout.split()[-1]).results["data_fingerprint"]


@pytest.mark.slow
def test_one_data_set_is_the_same_however_it_was_written(tmp_path, line, command):
    """The fingerprint is of the rows: a packed file, an array and lines are the same data."""
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=1))
    files = {"a.jsonl": "jsonl", "a.jsonl.gz": "jsonl", "a.json": "json"}
    seen = {
        fingerprint(command("train", f"data={kind}", f"data.path={tmp_path / name}", *line))
        for name, kind in files.items()
    }
    assert len(seen) == 1


@pytest.mark.slow
def test_plain_text_is_modelled(tmp_path, line, command):
    (tmp_path / "a.txt").write_text("".join(row["text"] + "\n" for row in ROWS))
    done = command("train", "data=text", f"data.path={tmp_path / 'a.txt'}", *line, "model=tiny_causal")
    assert done.returncode == 0, done.stderr
    rows = load_run(done.stdout.split()[-1]).results["num_rows"]
    assert rows == {"train": 48, "val": 6, "test": 6}


def test_a_file_cut_off_ends_the_run_before_its_directory(tmp_path, line, inside):
    packed = gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[:-20])
    done = inside("train", "data=jsonl", f"data.path={tmp_path / 'a.jsonl.gz'}", *line)
    assert done.returncode == 3
    assert "a.jsonl.gz: packed with gzip, and cut off or damaged" in done.stderr
    assert not (tmp_path / "runs").exists()
