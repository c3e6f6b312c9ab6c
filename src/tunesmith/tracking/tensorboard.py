"""Track a run or a sweep in TensorBoard event files."""

from __future__ import annotations

import hashlib
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tunesmith.config.folders import expand
from tunesmith.tracking.extras import NOT_CURVES, numbers_of, require_package, single_values
from tunesmith.tracking.tracker import Status, SweepSummary, TrackedRun, Tracker

FOLDER = "tensorboard"
FLUSH_S = 1
"""Longest that a point is buffered; a killed process loses at most this much."""


class TensorBoard(Tracker):
    """Writes curves, the config and the ending of a run in a place that `tensorboard --logdir` finds.

    Numbers are stored in single precision, as TensorBoard does; `metrics.jsonl` has all digits.

    Args:
        folder: Holds a folder for each run, with a sweep's runs in a folder of the sweep; if None, writes to
            `tensorboard/` in the run's directory.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._path = Path()
        self._writer: Any = None
        self._known: set[tuple[str, int]] = set()
        self._step = 0

    def refuse(self) -> None:
        """Raise if the package is missing.

        Raises:
            ConfigError: The package is missing.
        """
        require_package("tensorboard", "tensorboard")

    def open(self, run: TrackedRun) -> None:
        """Open a new event file, beside those of earlier processes of the run.

        Raises:
            ConfigError: The package is missing.
        """
        self.refuse()
        from torch.utils.tensorboard import FileWriter

        self._path = self._place(run)
        before = any(self._path.glob("events.out.tfevents.*"))
        self._known = _points(self._path) if before else set()
        self._step = max((step for _, step in self._known), default=0)
        self._writer = FileWriter(str(self._path), flush_secs=FLUSH_S)
        if before:
            return
        about = {"name": run.name, "tags": list(run.tags), "group": run.group, "job_type": run.job_type}
        self._write_text("run", _fenced(about))
        self._write_text("config", _fenced(run.config))
        self._write_session(_session_start(run))

    def _place(self, run: TrackedRun) -> Path:
        if self._folder is None:
            return run.directory / FOLDER
        # Two runs may have the same name, and would be drawn as one curve.
        unique = hashlib.sha256(str(run.directory.resolve()).encode()).hexdigest()[:6]
        return expand(self._folder) / (run.group or "") / f"{run.name}-{unique}"

    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Write one point of each curve, unless an earlier process of the run already has."""
        self._step = self._step if step is None else step
        self._write_numbers({name: value for name, value in metrics.items() if name not in NOT_CURVES})

    def summarise(self, metrics: Mapping[str, Any]) -> None:
        """Write the final metrics below `final/`, at the last step."""
        self._write_numbers({f"final/{name}": value for name, value in numbers_of(metrics).items()})

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write a table as text."""
        self._write_text(name, _table(columns, rows))

    def log_sweep(self, shown: SweepSummary) -> None:
        """Write the sweep's curves and final numbers, and its tables."""
        super().log_sweep(shown)
        for name, (columns, rows) in {"trials": (shown.columns, shown.rows), **shown.tables}.items():
            self._write_text(name, _table(columns, rows))

    def finish(self, status: Status, exit_code: int) -> None:
        """Write how the run ended, as text and for the HPARAMS tab, and close the file."""
        if self._writer is None:
            return
        from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

        ended = STATUS_SUCCESS if exit_code == 0 else STATUS_FAILURE
        self._write_text("status", f"{status} (exit code {exit_code})")
        end = SessionEndInfo(status=ended, end_time_secs=time.time())
        self._write_session(HParamsPluginData(session_end_info=end))
        writer, self._writer = self._writer, None
        writer.close()

    @property
    def farewell(self) -> str:
        """How to view the run."""
        return f"to view it: tensorboard --logdir {shlex.quote(str(self._path))}"

    def _write_numbers(self, numbers: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        new = {name: value for name, value in numbers.items() if (name, self._step) not in self._known}
        self._known |= {(name, self._step) for name in new}
        # Built here: torch's own function changes characters in names, which could merge two labels.
        values = [Summary.Value(tag=name, simple_value=value) for name, value in new.items()]
        if values:
            self._writer.add_summary(Summary(value=values), self._step)

    def _write_session(self, data: Any) -> None:
        """Write what the HPARAMS tab shows: the start or the end of a run."""
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams import metadata

        tag = f"_hparams_/{data.WhichOneof('data')}"
        value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
        self._writer.add_summary(Summary(value=[value]))

    def _write_text(self, name: str, markdown: str) -> None:
        from torch.utils.tensorboard.summary import text

        summary = text(name, markdown)  # type: ignore[no-untyped-call,unused-ignore]
        self._writer.add_summary(summary, self._step)


def _session_start(run: TrackedRun) -> Any:
    """The config in the form that the HPARAMS tab reads."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    start = SessionStartInfo(start_time_secs=time.time())
    for key, value in single_values(run.config):
        kind = "bool_value" if isinstance(value, bool) else "string_value" if isinstance(value, str) else "number_value"
        setattr(start.hparams[key], kind, value)
    return HParamsPluginData(session_start_info=start)


def _points(folder: Path) -> set[tuple[str, int]]:
    """Name and step of every number in a folder's event files."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0}).Reload()
    return {(name, event.step) for name in events.Tags()[SCALARS] for event in events.Scalars(name)}


def _fenced(values: Mapping[str, Any]) -> str:
    return f"```yaml\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}```"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Format a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
