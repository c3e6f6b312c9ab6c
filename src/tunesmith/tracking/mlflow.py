"""Track a run or a sweep in an MLflow store."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tunesmith.redaction import redact_values
from tunesmith.storage import write_text
from tunesmith.tracking.extras import NOT_CURVES, numbers_of, require_package, single_values
from tunesmith.tracking.tracker import Status, SweepSummary, TrackedRun, Tracker

_log = logging.getLogger(__name__)

FOLDER = "mlruns"
DATABASE = "mlflow.db"
ID_FILE = Path(FOLDER, "run-id")
"""File in a run directory with the ID of its MLflow run, for a resume."""
FLUSH_S = 1.0
"""Longest that a point is buffered while points arrive; a killed process loses at most this much."""
MOST_METRICS, MOST_PARAMS, MOST_CHARACTERS = 1000, 100, 6000
"""The limits of a store per request, and per value."""
REFUSED = re.compile(r"[^\w./ :-]")
"""Characters that a store rejects in names."""
VARIABLE = "MLFLOW_TRACKING_URI"
ENDS: dict[Status, str] = {
    "completed": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
    "pruned": "FINISHED",
    "stopped": "KILLED",
}
"""MLflow's names for an ending; the tag `status` has ours."""


class MLflow(Tracker):
    """Writes curves, config, final metrics and ending of a run into MLflow.

    Args:
        project: The experiment that holds the run.
        tracking_uri: URI of a server or a database; if None, writes to a SQLite file in `mlruns/` in the run's
            directory, or in the sweep's for all its trials.
        log_model: Keep the best weights as artifacts.
    """

    def __init__(self, project: str = "tunesmith", tracking_uri: str | None = None, log_model: bool = False) -> None:
        self._project = project
        self._tracking_uri = tracking_uri
        self._log_model = log_model
        self._client: Any = None
        self._id = ""
        self._group: str | None = None
        self._local: Path | None = None
        self._known: set[tuple[str, int]] = set()
        self._waiting: list[Any] = []
        self._flushed = time.monotonic()
        self._step = 0
        self._warned = False

    def refuse(self) -> None:
        """Raise if the package is missing.

        Raises:
            ConfigError: The package is missing.
        """
        require_package("mlflow", "mlflow")

    def open(self, run: TrackedRun) -> None:
        """Start a run in the store, or continue the one that an earlier process started.

        Raises:
            ConfigError: The package is missing.
        """
        self.refuse()
        if self._tracking_uri is None:
            if os.environ.get(VARIABLE) and run.job_type != "trial":  # its sweep reports it once
                _log.warning("%s: has no effect; logger.tracking_uri decides where a run is tracked", VARIABLE)
            self._local = (run.sweep or run.directory) / FOLDER
            self._local.mkdir(parents=True, exist_ok=True)
        with _held(self._local):  # trials start at the same time, and each would create the tables
            client = _client(self._uri)
            experiment = self._experiment(client)
        self._group = run.group
        known = _known_run(client, run.directory / ID_FILE)
        if known is None:
            self._id = _new_run(client, experiment, run)
            (run.directory / FOLDER).mkdir(parents=True, exist_ok=True)
            write_text(run.directory / ID_FILE, f"{self._id}\n")
        else:
            self._id = known
            client.update_run(known, status="RUNNING")
            self._known = _points(client, known)
            self._step = max((step for _, step in self._known), default=0)
        self._client = client

    @property
    def _uri(self) -> str:
        return self._tracking_uri or f"sqlite:///{(self._local or Path()).absolute() / DATABASE}"

    def _experiment(self, client: Any) -> str:
        """The ID of the project's experiment, created if missing."""
        from mlflow.exceptions import MlflowException

        name = redact_values(self._project)
        place = (self._local.absolute() / "artifacts").as_uri() if self._local is not None else None
        known = client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException:  # another process created it first
            return str(client.get_experiment_by_name(name).experiment_id)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Write one point of each curve, unless an earlier process of the run already has."""
        self._step = self._step if step is None else step
        self._add({name: value for name, value in metrics.items() if name not in NOT_CURVES})
        if time.monotonic() - self._flushed > FLUSH_S or len(self._waiting) >= MOST_METRICS:
            self._flush()

    def summarise(self, metrics: Mapping[str, Any]) -> None:
        """Write the final metrics below `final/`, at the last step; in a sweep, non-numeric values become tags."""
        numbers = numbers_of(metrics)
        self._add({f"final/{name}": value for name, value in numbers.items()})
        self._flush()
        for name in metrics.keys() - numbers.keys():
            self._client.set_tag(self._id, name, str(metrics[name]))

    def log_model(self, folder: Path) -> None:
        """Keep the best weights as artifacts below `model/`, if configured."""
        if self._log_model:
            self._client.log_artifacts(self._id, str(folder), "model")

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write a table as an artifact, column by column."""
        self._log_columns(name, columns, rows)

    def log_sweep(self, shown: SweepSummary) -> None:
        """Write the sweep's curves and final numbers and its tables, and nest their runs below its own."""
        super().log_sweep(shown)
        for name, (columns, rows) in {"trials": (shown.columns, shown.rows), **shown.tables}.items():
            self._log_columns(name, columns, rows)
        for name, figure in shown.figures.items():
            self._client.log_text(self._id, figure.to_html(include_plotlyjs="cdn"), f"{name}.html")
        for trial in self._trials():
            self._client.set_tag(trial, "mlflow.parentRunId", self._id)

    def _log_columns(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        table = {column: [_plain(row[place]) for row in rows] for place, column in enumerate(columns)}
        self._client.log_dict(self._id, table, f"{name}.json")

    def _trials(self) -> Iterator[str]:
        """IDs of the runs of the sweep's trials."""
        experiment, page = self._client.get_run(self._id).info.experiment_id, None
        quote = '"' if "'" in str(self._group) else "'"
        while page != "":
            words = f"tags.job_type = 'trial' and tags.group = {quote}{self._group}{quote}"
            runs = self._client.search_runs([experiment], words, page_token=page)
            yield from [run.info.run_id for run in runs]
            page = runs.token or ""

    def finish(self, status: Status, exit_code: int) -> None:
        """Close the run with MLflow's name for its ending, and ours in the tags `status` and `exit_code`."""
        client = self._client
        if client is None:
            return
        try:
            self._flush()
            client.set_tag(self._id, "status", status)
            client.set_tag(self._id, "exit_code", str(exit_code))
        finally:
            self._client = None
            client.set_terminated(self._id, ENDS[status])

    @property
    def farewell(self) -> str | None:
        """How to view the run, if it is in a file; the extra does not include a server."""
        if self._local is None:
            return None
        return f"to view it, with the full mlflow package: mlflow ui --backend-store-uri {shlex.quote(self._uri)}"

    @property
    def experiment(self) -> Any:
        """MLflow's client."""
        return self._client

    def _add(self, numbers: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        renamed = {name: REFUSED.sub("_", name) for name in numbers}
        self._warn_of_names({name for name in numbers if renamed[name] != name})
        new = {name: value for name, value in numbers.items() if (renamed[name], self._step) not in self._known}
        self._known |= {(renamed[name], self._step) for name in new}
        now = int(time.time() * 1000)
        self._waiting += [Metric(renamed[name], value, now, self._step) for name, value in new.items()]

    def _warn_of_names(self, names: set[str]) -> None:
        if names and not self._warned:
            self._warned = True
            _log.warning("MLflow shows %s with _ in place of characters that it rejects", ", ".join(sorted(names)))

    def _flush(self) -> None:
        waiting, self._waiting, self._flushed = self._waiting, [], time.monotonic()
        for start in range(0, len(waiting), MOST_METRICS):
            self._client.log_batch(self._id, metrics=waiting[start : start + MOST_METRICS])


@contextlib.contextmanager
def _held(folder: Path | None) -> Iterator[None]:
    """Let one process at a time into a folder; does nothing without a folder."""
    if folder is None:
        yield
        return
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _client(uri: str) -> Any:
    """Create MLflow's client, without telemetry and without log messages about the tables that it creates."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _known_run(client: Any, file: Path) -> str | None:
    """The ID in a file, if the store has that run."""
    from mlflow.exceptions import MlflowException

    name = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    if not name:
        return None
    try:
        return str(client.get_run(name).info.run_id)
    except MlflowException:  # the store has changed since
        return None


def _new_run(client: Any, experiment: str, run: TrackedRun) -> str:
    """Create a run with its config, as parameters and as `config.yaml`."""
    from mlflow.entities import Param

    tags = {"job_type": run.job_type, "tags": ",".join(run.tags), "directory": str(run.directory)}
    tags |= {"group": run.group} if run.group else {}
    made = str(client.create_run(experiment, tags=tags, run_name=run.name).info.run_id)
    params = [Param(REFUSED.sub("_", key), str(value)[:MOST_CHARACTERS]) for key, value in single_values(run.config)]
    for start in range(0, len(params), MOST_PARAMS):
        client.log_batch(made, params=params[start : start + MOST_PARAMS])
    client.log_text(made, yaml.safe_dump(dict(run.config), sort_keys=False, allow_unicode=True), "config.yaml")
    return made


def _points(client: Any, run: str) -> set[tuple[str, int]]:
    """Name and step of every number of a run."""
    names = client.get_run(run).data.metrics
    return {(name, point.step) for name in names for point in client.get_metric_history(run, name)}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else str(value)
