"""Open a tracker from a config's logger node; its failures never become the run's."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.config.checking.signatures import read_signature
from tunesmith.config.construct import construct
from tunesmith.config.schema import Logger as LoggerConfig
from tunesmith.errors import ConfigError, TunesmithError
from tunesmith.redaction import redact, redact_values
from tunesmith.tracking.tracker import Status, SweepSummary, TrackedRun, Tracker

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

_log = logging.getLogger(__name__)


def make_tracker(config: LoggerConfig) -> Tracker | None:
    """Create the tracker that a config names, not yet open; None for local files only.

    Raises:
        ConfigError: Its class rejects its arguments.
    """
    target = config.tracker()
    if target is None:
        return None
    tracker: Tracker = construct("logger", target, _keywords(config, target))
    return tracker


def _keywords(config: LoggerConfig, target: str) -> dict[str, Any]:
    """The keyword arguments for the class, without schema keys that it does not accept, which are at their defaults."""
    signature = read_signature(target)
    taken = signature.by_name if signature is not None else {}
    schema = LoggerConfig.model_fields
    return {key: value for key, value in config.kwargs().items() if key in taken or key not in schema}


def refuse_tracker(config: LoggerConfig) -> None:
    """Raise before the start if the tracker cannot be used here.

    Raises:
        ConfigError: The tracker cannot be used here.
    """
    tracker = make_tracker(config)
    if tracker is not None:
        tracker.refuse()


def open_tracker(config: LoggerConfig, run: TrackedRun) -> Guarded | None:
    """Open the tracker of a run, or of a sweep; None for local files only.

    Args:
        config: The logger node of the run's configuration.
        run: What the tracker receives; secrets in it are masked here, once for every tracker.

    Raises:
        TunesmithError: The tracker reports that the run must not start.
    """
    tracker = make_tracker(config)
    if tracker is None:
        return None
    guarded = Guarded(tracker)
    guarded.open(run)
    return guarded


def _masked(run: TrackedRun) -> TrackedRun:
    return dataclasses.replace(
        run,
        config=redact(dict(run.config)),
        name=redact_values(run.name),
        tags=redact_values(list(run.tags)),
        group=redact_values(run.group),
        job_type=redact_values(run.job_type),
    )


class Guarded(Tracker):
    """A tracker that may fail: the first failure is logged, none is raised, and later calls are still tried.

    Args:
        tracker: The tracker, not yet open.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._logger: Logger | None = None
        self._open = self._opened = False
        self._told = False

    @property
    def logger(self) -> Logger:
        """The logger for the Lightning Trainer: curves against the optimizer step."""
        from tunesmith.tracking.curves import CurveLogger

        if self._logger is None:
            self._logger = CurveLogger(self)
        return self._logger

    def open(self, run: TrackedRun) -> None:
        """Open the tracker with secrets masked; if that fails, nothing else is called.

        Raises:
            ConfigError: The tracker cannot be used here.
            TunesmithError: The run must not start; an unwritable file is not such a reason.
        """
        with self._guard("be opened", raised=(ConfigError, TunesmithError)):
            self._tracker.open(_masked(run))
            self._open = self._opened = True

    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Write one point of each curve."""
        with self._guard("take metrics"):
            if self._open:
                self._tracker.log_metrics(metrics, step)

    def summarise(self, metrics: Mapping[str, Any]) -> None:
        """Write final metrics."""
        with self._guard("take final metrics"):
            if self._open:
                self._tracker.summarise(metrics)

    def log_predictions(self, rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:
        """Show predictions."""
        with self._guard("take predictions"):
            if self._open:
                self._tracker.log_predictions(rows, labels)

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show a table of final results, without its secrets."""
        clean = redact([list(row) for row in rows])
        with self._guard("take a table"):
            if self._open:
                self._tracker.log_table(name, columns, clean)

    def log_model(self, folder: Path) -> None:
        """Keep the best weights, if configured."""
        with self._guard("take the model"):
            if self._open:
                self._tracker.log_model(folder)

    def alert(self, title: str, text: str) -> None:
        """Tell the user, without secrets."""
        with self._guard("send an alert"):
            if self._open:
                self._tracker.alert(redact_values(title), redact_values(text))

    def log_sweep(self, shown: SweepSummary) -> None:
        """Show a finished sweep, without its secrets."""
        rows, summary = redact([list(row) for row in shown.rows]), redact(dict(shown.summary))
        with self._guard("take the sweep"):
            if self._open:
                self._tracker.log_sweep(dataclasses.replace(shown, rows=rows, summary=summary))

    def finish(self, status: Status, exit_code: int) -> None:
        """Close the tracker; a second call does nothing."""
        opened, self._open = self._open, False
        with self._guard("be closed"):
            if opened:
                self._tracker.finish(status, exit_code)

    @property
    def farewell(self) -> str | None:
        """A closing sentence for a run that was opened."""
        with self._guard("report where it wrote"):
            return self._tracker.farewell if self._opened else None
        return None

    @property
    def experiment(self) -> Any:
        """The client's own object; None if there is none."""
        with self._guard("provide its client"):
            return self._tracker.experiment if self._open else None
        return None

    @contextlib.contextmanager
    def _guard(self, what: str, raised: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Log the first failure; signals, not being Exceptions, propagate, as do errors with a type in `raised`."""
        try:
            yield
        except (Exception, SystemExit) as error:
            if type(error) in raised:
                raise
            if not self._told:
                self._told = True
                name = type(self._tracker).__name__
                _log.warning("the tracker %s cannot %s, the run continues: %s", name, what, redact(_reason(error)))
            _log.debug("traceback", exc_info=True)


def _reason(error: BaseException) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
    return f"{type(error).__name__}: {line}"
