import math
import subprocess
import sys

from tunesmith.storage import read_points
from tunesmith.tracking.metrics_file import JsonlLogger


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


def test_reading_curves_needs_neither_torch_nor_wandb():
    script = (
        "import sys, tunesmith.storage, tunesmith.provenance.surroundings, tunesmith.tracking.wandb.run\n"
        "print({'torch', 'pytorch_lightning', 'wandb'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
