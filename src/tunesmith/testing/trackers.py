"""Properties of every tracker."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tunesmith.tracking.guarded import Guarded
from tunesmith.tracking.tracker import Status, SweepSummary, TrackedRun, Tracker

SECRET = "5up3r-s3cret-value"
CONFIG = {"seed": 17, "optimizer": {"lr": 0.0625, "betas": [0.9, 0.999]}, "hub": "${oc.env:HF_TOKEN}", "none": None}
LABELS = ["neg", "pos"]
TABLE: list[list[Any]] = [["model", "value", "low"], ["a | b\n<c>", 0.5, None], ["none", None, 0.25]]
ROWS = [{"id": 1, "split": "val", "text": "fine", "label": "pos", "prediction": "neg", "logits": [0.5, 0.25]}]


@dataclass(frozen=True)
class Recorded:
    """What a tracker recorded about one run, read back by the tracker's own means."""

    points: Sequence[tuple[str, int, float]]
    """Name, step and value of every point; for a sweep, the step is the number of completed trials."""
    status: str
    exit_code: int
    config: str
    """The configuration as kept by the tracker, as text in any form."""
    num_runs: int = 1
    """The number of runs that the tracker shows."""


class TrackerContract(ABC):
    """Subclass it as `class TestMine(TrackerContract)`, fill in the two methods, and run pytest."""

    @abstractmethod
    def tracker(self) -> Tracker:
        """Create a tracker, not yet open, that keeps what it writes inside a run's directory."""

    @abstractmethod
    def recorded(self, directory: Path) -> Recorded:
        """Read back what the trackers of a run wrote, over all its processes."""

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        """An empty run directory."""
        folder = tmp_path / "run"
        folder.mkdir()
        return folder

    def test_every_point_arrives_once_and_at_its_step(self, directory: Path) -> None:
        """Names unchanged, values in single precision, including a NaN."""
        tracker = self._opened(directory)
        points = [
            (name, step, value / step) for step in (1, 2, 7) for name, value in (("train/loss", 1), ("val/a b", 3))
        ]
        for step in (1, 2, 7):
            tracker.log_metrics({"epoch": 0.0, **{name: value for name, at, value in points if at == step}}, step)
        tracker.log_metrics({"val/empty": math.nan}, 7)
        tracker.finish("completed", 0)
        recorded = self.recorded(directory)
        assert _curves(recorded, {"train/loss", "val/a b"}) == _single(points)
        assert [math.isnan(value) for name, _, value in recorded.points if name == "val/empty"] == [True]

    @pytest.mark.parametrize(
        ("status", "exit_code"),
        [("completed", 0), ("failed", 4), ("pruned", 0), ("interrupted", 130), ("stopped", 143)],
    )
    def test_status_and_exit_code_arrive(self, directory: Path, status: Status, exit_code: int) -> None:
        """Whatever the ending."""
        self._opened(directory).finish(status, exit_code)
        recorded = self.recorded(directory)
        assert (recorded.status, recorded.exit_code) == (status, exit_code)

    def test_the_config_arrives(self, directory: Path) -> None:
        """Its values, with references as written."""
        self._opened(directory).finish("completed", 0)
        config = self.recorded(directory).config
        assert all(word in config for word in ("0.0625", "17", "${oc.env:HF_TOKEN}"))

    def test_a_second_finish_does_nothing(self, directory: Path) -> None:
        """For the tracker itself, without the guard around it."""
        tracker = self.tracker()
        tracker.open(_run(directory))
        tracker.finish("completed", 0)
        tracker.finish("failed", 1)
        recorded = self.recorded(directory)
        assert (recorded.status, recorded.exit_code) == ("completed", 0)

    def test_a_resumed_run_goes_on(self, directory: Path) -> None:
        """In the same run of the tracker, with the latest ending and every point once."""
        for steps, status, exit_code in (((1, 2, 3), "interrupted", 130), ((4, 5), "completed", 0)):
            tracker = self._opened(directory)
            for step in steps:
                tracker.log_metrics({"train/loss": 1 / step}, step)
            tracker.finish(status, exit_code)  # type: ignore[arg-type]
        recorded = self.recorded(directory)
        assert _curves(recorded, {"train/loss"}) == _single([("train/loss", step, 1 / step) for step in range(1, 6)])
        assert (recorded.num_runs, recorded.status, recorded.exit_code) == (1, "completed", 0)

    def test_a_sweep_that_grows_shows_each_trial_once(self, directory: Path) -> None:
        """Its curves continue where they stopped."""
        points = [{"sweep/trial": float(number), "sweep/best": number / 8} for number in range(1, 5)]
        for count in (2, 4):
            shown = SweepSummary(
                ["number", "value"], [[1, "a|b"], [2, None]], points[:count], summary={"best/trial": 1}
            )
            tracker = self._opened(directory, job_type="sweep", group="a 'group'")
            tracker.log_sweep(shown)
            tracker.finish("completed", 0)
        recorded = self.recorded(directory)
        best = [("sweep/best", number, number / 8) for number in range(1, 5)]
        assert _curves(recorded, {"sweep/best"}) == _single(best)
        assert recorded.num_runs == 1

    def test_no_secret_is_written(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither from the environment nor from the config, from names or from a sweep's rows."""
        monkeypatch.setenv("MY_API_KEY", SECRET)
        config = {**CONFIG, "extra": {"api_key": SECRET}, "note": f"with {SECRET}", "seed": 17}
        about = {"name": f"by-{SECRET}", "tags": [SECRET], "group": SECRET, "config": config}
        tracker = self._opened(directory, **about)
        tracker.log_sweep(SweepSummary(["a"], [[SECRET]], [], summary={"note": SECRET}))
        tracker.finish("completed", 0)
        files = [file for file in directory.rglob("*") if file.is_file()]
        assert files
        assert not [file for file in files if SECRET.encode() in file.read_bytes()]

    def test_a_tracker_that_fails_in_everything_is_told_of_once(
        self, directory: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """And no failure reaches the run."""
        whole = type(self.tracker())
        names = [name for name in vars(Tracker) if not name.startswith("_") and name not in ("open", "refuse")]
        broken = type("Broken", (whole,), {name: _failing(vars(Tracker)[name]) for name in names})
        tracker = self.tracker()
        tracker.__class__ = broken
        guarded = Guarded(tracker)
        with caplog.at_level(logging.WARNING):
            guarded.open(_run(directory))
            guarded.logger.log_metrics({"train/loss": 1.0}, 1)
            guarded.summarise({"test/accuracy": 1.0})
            guarded.log_predictions(ROWS, LABELS)
            guarded.log_table("result", TABLE[0], TABLE[1:])
            guarded.log_model(directory)
            guarded.log_sweep(SweepSummary([], [], []))
            guarded.finish("completed", 0)
            assert (guarded.farewell, guarded.experiment) == (None, None)
        whole.finish(tracker, "completed", 0)
        warnings = [record.getMessage() for record in caplog.records if record.name.startswith("tunesmith")]
        assert warnings == [
            "the tracker Broken cannot take metrics, the run continues: RuntimeError: the store is gone"
        ]

    def test_predictions_a_table_and_a_model_are_taken(self, directory: Path, caplog: pytest.LogCaptureFixture) -> None:
        """By trackers that keep them and by those that do not."""
        folder = directory / "model"
        folder.mkdir()
        (folder / "config.json").write_text("{}", encoding="utf-8")
        tracker = self._opened(directory)
        with caplog.at_level(logging.WARNING):
            tracker.log_predictions(ROWS, LABELS)
            tracker.log_table("result", TABLE[0], TABLE[1:])
            tracker.log_model(folder)
            tracker.finish("completed", 0)
        assert not [record for record in caplog.records if record.name.startswith("tunesmith")]
        assert self.recorded(directory).status == "completed"

    def _opened(self, directory: Path, **about: Any) -> Guarded:
        tracker = Guarded(self.tracker())
        tracker.open(_run(directory, **about))
        return tracker


def _run(directory: Path, **about: Any) -> TrackedRun:
    return TrackedRun(**{"directory": directory, "name": "a name", "config": CONFIG, "tags": ["x"], **about})


def _failing(member: Any) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the store is gone")

    return property(fail) if isinstance(member, property) else fail


def _curves(recorded: Recorded, names: set[str]) -> list[tuple[str, int, float]]:
    return _single([point for point in recorded.points if point[0] in names])


def _single(points: Sequence[tuple[str, int, float]]) -> list[tuple[str, int, float]]:
    """Sort the points, with six digits of each value."""
    return sorted((name, step, float(f"{value:.6g}")) for name, step, value in points)
