import json
import os
import subprocess
import sys

import pytest

from tunesmith import load_run
from tunesmith.errors import FilesError
from tunesmith.runs.record import process_identity
from tunesmith.storage import write_lines


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 0\n", encoding="utf-8")

    def make(**results):
        (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
        return load_run(tmp_path)

    return make


def test_a_running_process_is_running_and_a_killed_one_is_dead(run):
    assert run(status="running", **process_identity()).status == "running"
    program = "import json, sys\nfrom tunesmith.runs.record import process_identity\n"
    program += "print(json.dumps(process_identity()), flush=True)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", program + "sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    other = json.loads(process.stdout.readline())
    assert run(status="running", **other).status == "running"
    process.kill()
    process.wait()
    assert run(status="running", **other).status == "dead"


@pytest.mark.parametrize(
    "identity_of_another",
    [{}, {"boot_id": "of another day"}, {"pid": None}, {"pid": "x"}, {"pid": 2**40}, {"pid": -1}, {"pid": 0}],
)
def test_what_cannot_be_a_living_process_is_dead(run, identity_of_another):
    known = {} if identity_of_another == {} else process_identity()
    assert run(status="running", **(known | identity_of_another)).status == "dead"


@pytest.mark.parametrize("status", ["completed", "failed", "pruned", "interrupted"])
def test_an_end_is_what_was_written(run, status):
    assert run(status=status, pid=os.getpid()).status == status


def test_a_run_killed_before_its_first_word_is_dead(run, tmp_path):
    assert load_run(tmp_path).status == "dead"
    assert load_run(tmp_path).metrics == {}
    assert load_run(tmp_path).provenance == {}


@pytest.mark.parametrize("path", ["nowhere", "empty", "file"])
def test_what_is_no_run_is_said_to_be_none(tmp_path, path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(FilesError, match=f"{path} is not a run directory: it has no config.yaml"):
        load_run(tmp_path / path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.json", b'{"status": "comp'),
        ("results.json", b"[1, 2]"),
        ("results.json", b""),
        ("results.json", b'{"calibration": {"temperature": 1.0}}'),
        ("results.json", b'{"calibration": {"temperature": 0, "splits": {}}}'),
        ("results.json", b'{"calibration": {"temperature": null, "splits": {"val": {"ece": 0.1}}}}'),
        ("results.json", b"\xff\xfe"),
        ("config.yaml", b"a: [1\n"),
        ("config.yaml", b"just words"),
        ("config.yaml", b"a: \x00"),
    ],
)
def test_a_damaged_file_is_named(run, tmp_path, name, content):
    run(status="completed")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FilesError, match=f"{name} is damaged: "):
        load_run(tmp_path)


def test_curves_and_predictions_are_read_up_to_a_line_that_a_kill_cut(run, tmp_path):
    points = [{"step": 1, "train/loss": 0.5}, {"step": 2, "train/loss": 0.25}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points) + '{"step": 3, "tr')
    assert run().curves() == points


def test_predictions_come_back_by_split_with_any_text(run, tmp_path):
    rows = [
        {"id": "a\u2028b\x85", "split": "val", "label": "naïve 😀", "logits": [0.1, -1e-30]},
        {"id": "1", "split": "test", "label": "x\ny", "logits": [3.4028234663852886e38, 5e-324]},
    ]
    write_lines(tmp_path / "predictions.jsonl", rows)
    assert run().predictions() == rows
    assert run().predictions("val") == rows[:1]
    assert run().predictions("train") == []
