"""A real run's event files, read back with TensorBoard's own reader."""

import numpy as np
import pytest
import yaml
from synthetic_sweep import write_sweep
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tunesmith import compose, train
from tunesmith.config.schema import Logger
from tunesmith.errors import ConfigError
from tunesmith.reporting.sweep.leaderboard import leaderboard_rows
from tunesmith.reporting.sweep.tracking import log_sweep
from tunesmith.runs.sweep_record import load_sweep
from tunesmith.tracking.tensorboard import TensorBoard
from tunesmith.tracking.tracker import TrackedRun

TARGET = "tunesmith.tracking.tensorboard.TensorBoard"


def read(folder):
    return EventAccumulator(str(folder), size_guidance={SCALARS: 0}).Reload()


def text(events, name):
    return events.Tensors(f"{name}/text_summary")[-1].tensor_proto.string_val[0].decode()


def curves(events):
    names = [name for name in events.Tags()["scalars"] if not name.startswith("final/")]
    return {name: [(event.step, event.value) for event in events.Scalars(name)] for name in names}


def single(points):
    """The curves of `metrics.jsonl` in single precision."""
    found = {}
    for point in points:
        for name in point.keys() - {"step", "epoch", "time_s"}:
            found.setdefault(name, []).append((point["step"], float(np.float32(point[name]))))
    return found


@pytest.mark.slow
def test_a_run_holds_the_points_of_metrics_jsonl_its_config_and_its_end(tiny):
    record = train(compose([*tiny, "logger=tensorboard"]))
    events = read(record.path / "tensorboard")
    assert curves(events) == single(record.curves())
    config = yaml.safe_load(text(events, "config").removeprefix("```yaml\n").removesuffix("```"))
    assert config["optimizer"] == record.config["optimizer"]
    assert text(events, "status") == "completed (exit code 0)"
    (final,) = events.Scalars("final/test/accuracy")
    assert final.value == float(np.float32(record.metrics["test/accuracy"]))
    baselines = record.baselines["test/accuracy"]
    assert f"| test/accuracy | majority | {baselines['majority']} |  |  |" in text(events, "result")
    start = HParamsPluginData.FromString(events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
    assert start.session_start_info.hparams["optimizer.lr"].number_value == record.config["optimizer"]["lr"]


def test_a_torn_file_is_gone_on_with_and_a_point_written_before_is_not_written_again(tmp_path):
    for steps in ((1, 2, 3), (3, 4)):
        before = {*tmp_path.rglob("events*")}
        tracker = TensorBoard()
        tracker.open(TrackedRun(directory=tmp_path, name="n", config={}))
        for step in steps:
            tracker.log_metrics({"train/loss": step / 8}, step)
        tracker._writer.flush()
        (file,) = {*tmp_path.rglob("events*")} - before
        with file.open("ab") as end:
            end.write(b"half a record")
    assert curves(read(tmp_path / "tensorboard")) == {"train/loss": [(step, step / 8) for step in (1, 2, 3, 4)]}


def test_runs_of_one_name_below_a_folder_are_two(tmp_path):
    for number in (1, 2):
        tracker = TensorBoard(folder=str(tmp_path / "all"))
        tracker.open(TrackedRun(directory=tmp_path / str(number), name="n", config={}, group="g"))
        tracker.log_metrics({"train/loss": number}, 1)
        tracker.finish("completed", 0)
    folders = sorted((tmp_path / "all" / "g").iterdir())
    assert sorted(curves(read(folder))["train/loss"] for folder in folders) == [[(1, 1.0)], [(1, 2.0)]]


def test_a_sweep_shows_every_trial_and_its_best(tmp_path):
    path = write_sweep(tmp_path / "sweep", 8, prune=False)
    record = load_sweep(path)
    farewell = log_sweep(record, Logger(target=TARGET), status="completed", exit_code=0)
    events = read(path / "tensorboard")
    header, _, *rows = [
        [cell.strip() for cell in line[2:-2].split(" | ")] for line in text(events, "trials").splitlines()
    ]
    expected = leaderboard_rows(record)
    assert header == list(expected[0])
    assert [row[0] for row in rows] == [str(row[0]) for row in expected[1:]]
    assert events.Scalars("final/best/trial")[-1].value == record.best().number
    assert farewell == f"to view it: tensorboard --logdir {path / 'tensorboard'}"


def test_without_the_package_nothing_is_started(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"logger=tensorboard: requires the package.*pip install 'tunesmith\[tensorboard\]'"
    ):
        train(compose([*tiny, "logger=tensorboard"]))
    assert not (tmp_path / "runs").exists()
