import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import FilesError
from tunesmith.storage import read_points
from tunesmith.tracking.jsonl import JsonlWriter
from tunesmith.tracking.local import JsonlLogger

records = st.lists(
    st.dictionaries(st.text(max_size=8).map(lambda name: f"train/{name}"), st.floats() | st.integers(), max_size=3),
    max_size=5,
)


def refuse(constant):
    raise AssertionError(f"{constant} is not strict JSON")


@given(written=records)
def test_records_come_back_as_they_were_written(written, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    writer = JsonlWriter(path)
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
    writer = JsonlWriter(path)
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


def test_a_point_holds_step_epoch_time_and_values(tmp_path):
    logger = JsonlLogger(tmp_path)
    logger.log_metrics({"train/loss": math.nan, "epoch": 1.0, "step": 77, "hp_metric": -1}, step=10)
    logger.log_metrics({"val/loss": 0.25, "epoch": 1}, step=10)
    logger.log_metrics({"epoch": 1}, step=11)
    first, second = read_points(logger.path)
    assert first.keys() == {"step", "epoch", "time_s", "train/loss"}
    assert first["step"] == 10
    assert math.isnan(first["train/loss"])
    assert second["val/loss"] == 0.25
    assert 0 <= first["time_s"] <= second["time_s"]


def test_a_resumed_run_goes_on_in_the_same_file_and_time(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 10, "epoch": 0, "time_s": 1000.0, "train/loss": 1.0}\n', encoding="utf-8")
    logger = JsonlLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.5, "epoch": 0}, step=20)
    logger.finalize("success")
    logger.log_metrics({"test/loss": 0.5, "epoch": 0}, step=20)
    records = read_points(path)
    assert [record["step"] for record in records] == [10, 20, 20]
    assert [record["time_s"] >= 1000 for record in records] == [True] * 3


def test_every_line_survives_a_kill(tmp_path):
    script = (
        "import os, signal, sys, pathlib\n"
        "from tunesmith.tracking.jsonl import JsonlWriter\n"
        "writer = JsonlWriter(pathlib.Path(sys.argv[1]))\n"
        "for step in range(100): writer.write({'step': step})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "metrics.jsonl"
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == -9
    assert [record["step"] for record in read_points(path)] == list(range(100))


def test_reading_curves_needs_neither_torch_nor_wandb():
    script = (
        "import sys, tunesmith.tracking.jsonl, tunesmith.tracking.provenance, tunesmith.tracking.wandb\n"
        "print({'torch', 'pytorch_lightning', 'wandb'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
