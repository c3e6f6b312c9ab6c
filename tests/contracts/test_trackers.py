"""What holds of every tracker, asked of ours."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
import wandb
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

from tunesmith.testing.trackers import Recorded, TrackerContract
from tunesmith.tracking.mlflow import DATABASE, MLflow
from tunesmith.tracking.tensorboard import TensorBoard
from tunesmith.tracking.tracker import TrackedRun
from tunesmith.tracking.wandb.run import WandbTracker


@pytest.mark.slow
class TestWandb(TrackerContract):
    opened_before = False

    @pytest.fixture(autouse=True)
    def no_account(self, monkeypatch, tmp_path):
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("NETRC", str(tmp_path / "home" / "netrc"))
        yield
        if wandb.run is not None:
            wandb.run.finish()

    def tracker(self):
        if self.opened_before:
            time.sleep(1)  # the client names its folders by the second
        self.opened_before = True
        return WandbTracker()

    def recorded(self, directory):
        return wandb_recorded(directory)


class TestTensorBoard(TrackerContract):
    def tracker(self):
        return TensorBoard()

    def recorded(self, directory):
        events = EventAccumulator(str(directory / "tensorboard"), size_guidance={SCALARS: 0}).Reload()
        points = [
            (name, event.step, event.value) for name in events.Tags()["scalars"] for event in events.Scalars(name)
        ]

        def text(name):
            return events.Tensors(f"{name}/text_summary")[-1].tensor_proto.string_val[0].decode()

        status, _, code = text("status").removesuffix(")").partition(" (exit code ")
        return Recorded(points, status, int(code), text("config"), len(events.Tensors("run/text_summary")))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    tracker = MLflow(project="another")
    tracker.open(TrackedRun(directory=folder, name="n", config={}))
    tracker.finish("completed", 0)
    return folder / "mlruns" / DATABASE


@pytest.mark.slow
class TestMLflow(TrackerContract):
    @pytest.fixture
    def directory(self, tmp_path, store):
        """The tables are there already: making them takes seconds."""
        folder = tmp_path / "run" / "mlruns"
        folder.mkdir(parents=True)
        shutil.copy(store, folder)
        return folder.parent

    def tracker(self):
        return MLflow(log_model=True)

    def recorded(self, directory):
        client = MlflowClient(tracking_uri=f"sqlite:///{directory / 'mlruns' / DATABASE}")
        runs = client.search_runs([client.get_experiment_by_name("tunesmith").experiment_id])
        tags, run = runs[0].data.tags, runs[0].info.run_id
        history = [client.get_metric_history(run, name) for name in runs[0].data.metrics]
        points = [(point.key, point.step, point.value) for curve in history for point in curve]
        (file,) = directory.glob(f"mlruns/artifacts/{run}/artifacts/config.yaml")
        return Recorded(points, tags["status"], int(tags["exit_code"]), file.read_text(encoding="utf-8"), len(runs))


def wandb_recorded(directory):
    """A resumed run that is offline has a folder for each of its processes, to be sent in their order."""
    files = sorted(directory.glob("wandb/offline-run-*/run-*.wandb"))
    records = [json.loads(line) for file in files for line in inspect(file).splitlines()]
    items = [record["history"]["item"] for record in records if record["type"] == "history"]
    points = [
        (name, item[axis], float(value))
        for item in items
        for axis in ("sweep/num_completed" if "sweep/num_completed" in item else "trainer/global_step",)
        for name, value in item.items()
        if axis in item and (isinstance(value, int | float) or value == "NaN")
    ]
    last = json.loads(inspect(files[-1], "--summary"))
    ids = {file.stem for file in files}
    return Recorded(points, last["summary"]["status"], last["exit_code"], json.dumps(last["config"]), len(ids))


def inspect(file, *flags):
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", *flags, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
