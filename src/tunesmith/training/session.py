"""The frame of a run: its status on disk, its log, its tracker, and its ending."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.loggers import Logger
from safetensors import SafetensorError
from transformers import PreTrainedTokenizerFast

from tunesmith.config.composing.compose import Composed
from tunesmith.data.splitting.split_file import SplitRecord
from tunesmith.errors import FilesError, NotFiniteError, TrainingError, TunesmithError
from tunesmith.machine import peak_memory_mb, watch_memory
from tunesmith.redaction import redact, redact_values
from tunesmith.reporting.run.diagnosis import diagnose_run
from tunesmith.reporting.run.outcome import RESULT_COLUMNS, interval_metrics, result_rows
from tunesmith.runs.directory import RunDirectory, clear_away
from tunesmith.runs.ledger import record_look
from tunesmith.runs.record import Record, as_argument, process_identity
from tunesmith.runs.sweep_record import sweep_of
from tunesmith.storage import write_json, write_lines, write_pieces
from tunesmith.tracking.guarded import open_tracker
from tunesmith.tracking.metrics_file import JsonlLogger
from tunesmith.tracking.tracker import Status, TrackedRun
from tunesmith.training.callbacks.checkpoints import LAST
from tunesmith.training.callbacks.interruption import Interrupted, Pruned, StopAtStep
from tunesmith.training.ends import save_ends
from tunesmith.training.logs import Warnings, log_to

log = logging.getLogger("tunesmith")

CALIBRATION_NOTE = {
    "use": "probabilities are those of logits / temperature; the logits of this model are as they are without it",
    "fitted_on": "the validation rows of the run (Guo et al. 2017, arXiv:1706.04599)",
}
"""What the file with a temperature says of it."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""How torch reports it, on a GPU and on the CPU; other errors mention memory too."""


class Session:
    """An open run; everything that it writes to disk and to the tracker passes through here.

    Args:
        composed: The run's config.
        directory: Its directory.
        name: Its display name.
        warnings: Collects the warnings of our log, including those so far.
    """

    def __init__(self, composed: Composed, directory: RunDirectory, name: str, warnings: Warnings) -> None:
        clear_away(directory)
        self.warnings = warnings
        self.config = composed.config
        self.argument = as_argument(directory.path, composed.trust)
        """The run on a command line."""
        self.directory = directory
        self.sweep = sweep_of(directory.path)
        self.stop = StopAtStep(directory.checkpoints / LAST)
        self.local = JsonlLogger(directory.path)
        self.tracker = open_tracker(composed.config.logger, tracked_run(composed, directory.path, name))
        self._start = time.monotonic()
        watch_memory()
        self.results: dict[str, Any] = {
            "status": "running",
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": self.config.seed,
            "monitor": self.config.evaluation.monitor,
            **process_identity(),
        }
        earlier = directory.read_results()  # of the earlier session, if resumed
        self.results |= {key: earlier[key] for key in ("started", "duration_s", "peak_memory_mb") if key in earlier}
        write_json(directory.results, self.results)

    @property
    def loggers(self) -> list[Logger]:
        """Lightning's loggers: ours, and the tracker's."""
        return [self.local, *([self.tracker.logger] if self.tracker is not None else [])]

    def add(self, **values: Any) -> None:
        """Add values to `results.json` now, so that they survive a later failure."""
        self.results |= values | {"warnings": list(self.warnings.sentences)}
        write_json(self.directory.results, self.results)

    def write_provenance(self, provenance: Mapping[str, Any]) -> None:
        """Write the run's provenance."""
        write_json(self.directory.provenance, provenance)

    def write_split(self, record: SplitRecord) -> None:
        """Write which row is in which split."""
        write_pieces(self.directory.split, record.pieces())

    def write_model(self, network: Any, tokenizer: PreTrainedTokenizerFast) -> None:
        """Write weights (or only the adapter), tokenizer and ends in the Hugging Face layout."""
        folder = self.directory.model
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        save_ends(network, folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty model-card template
        for file in folder.iterdir():
            file.chmod(0o644)  # safetensors creates files that only their owner can read

    def record_look(self, fingerprint: str | None = None, name: str = "") -> None:
        """Record a look at the test split, or at another set, in the ledger before it is taken.

        Args:
            fingerprint: Of a set's rows; None for the test split.
            name: The set's name.
        """
        number = record_look(
            Path(self.config.run.root),
            data_fingerprint=fingerprint or self.results["data_fingerprint"],
            run=self.directory.path,
            reason=f"train {name}".strip(),
        )
        if number > 1:
            what = f"evaluation.sets.{name}" if name else "this test set"
            log.info("look number %d at %s; select by validation metrics, not by this number", number, what)

    def write_predictions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the predictions, row by row."""
        write_lines(self.directory.predictions, rows)

    def write_calibration(self, calibration: Mapping[str, Any]) -> None:
        """Record how far probabilities can be believed, and write the temperature beside the weights."""
        self.add(calibration=calibration)
        if calibration["temperature"] is None:
            self.directory.calibration.unlink(missing_ok=True)
        else:
            write_json(self.directory.calibration, {"temperature": calibration["temperature"], **CALIBRATION_NOTE})

    def diagnose(self) -> None:
        """Record what went wrong, as far as it is sure."""
        self.local.finalize("diagnosed")  # a later point reopens the file
        verdicts = diagnose_run(Record(self.directory.path))
        self.add(diagnosis=[verdict.plain() for verdict in verdicts])
        if verdicts and self.tracker is not None:
            self.tracker.alert("a run went wrong", "\n".join(verdict.sentence for verdict in verdicts))

    def track(self, metrics: Mapping[str, float], rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:
        """Send the results to the tracker, if there is one.

        Args:
            metrics: Name to value.
            rows: The predicted labels with their texts; empty for other tasks.
            labels: The labels' names.
        """
        if self.tracker is None:
            return
        record = Record(self.directory.path)
        bounds = interval_metrics(record.intervals)
        self.tracker.summarise({metric: float(value) for metric, value in metrics.items()} | bounds)
        if metrics:
            self.tracker.log_table("result", RESULT_COLUMNS, result_rows(record))
        if rows:
            self.tracker.log_predictions(rows, labels)
        self.tracker.log_model(self.directory.model)

    def end(self, status: Status, exit_code: int, reason: str | None = None) -> None:
        """Write how the run ended, to disk and to the tracker."""
        ended: dict[str, Any] = {"status": status, "exit_code": exit_code}
        lasted_s = self.results.get("duration_s", 0.0) + time.monotonic() - self._start
        peak_mb = max(self.results.get("peak_memory_mb", 0.0), peak_memory_mb())
        ended |= {"duration_s": round(lasted_s, 3), "peak_memory_mb": round(peak_mb, 1)}
        if reason is not None:
            ended["reason"] = redact_values(reason)
        try:
            self.add(**ended)
        finally:
            self.local.finalize(status)
            if self.tracker is not None:
                self.tracker.finish(status, exit_code)
                if self.tracker.farewell is not None:
                    log.info("%s", self.tracker.farewell)

    def log_next_command(self) -> None:
        """Log the command that continues the run, or starts it again."""
        if (self.directory.checkpoints / LAST).is_file():
            log.info("to resume from its last checkpoint: tunesmith resume %s", self.argument)
        else:
            log.info("no checkpoint was written; to start again: tunesmith train --from %s", self.argument)


@contextmanager
def open_session(
    composed: Composed, directory: RunDirectory, name: str, warnings: Warnings | None = None
) -> Iterator[Session]:
    """Run the block as a run: however it ends, record it with its exit code, then re-raise.

    Args:
        composed: The run's config.
        directory: Its directory.
        name: Its display name.
        warnings: The warnings of our log before the directory existed.

    Raises:
        TrainingError: Out of memory; with advice.
        Interrupted: A signal ended the run.
    """
    warnings = Warnings() if warnings is None else warnings
    with log_to(directory.log, warnings):
        log.info("%s", directory.path)  # first, so that a run that fails while opening its tracker can be located
        for sentence in warnings.sentences:
            log.debug("warned before: %s", sentence)
        session = Session(composed, directory, name, warnings)
        try:
            with session.stop.watch(), _explained():
                yield session
        except Interrupted as interruption:
            session.end(interruption.status, interruption.exit_code, str(interruption))
            if not isinstance(interruption, Pruned):
                session.log_next_command()
            raise
        except BaseException as error:
            log.debug("the run failed\n%s", redact(traceback.format_exc()))
            exit_code = error.exit_code if isinstance(error, TunesmithError) else 1
            if session.tracker is not None:
                session.tracker.alert("a run failed", f"{type(error).__name__}: {error}")
            session.end("failed", exit_code, f"{type(error).__name__}: {error}")
            if isinstance(error, NotFiniteError):
                session.add(not_finite=True)
                session.diagnose()
            if isinstance(error, FilesError):
                session.log_next_command()
            raise
        session.end("completed", 0)


def tracked_run(composed: Composed, directory: Path, name: str) -> TrackedRun:
    """The run's description for the tracker."""
    logger = composed.config.logger
    return TrackedRun(
        directory=directory,
        name=name,
        config=composed.saved,
        tags=composed.saved["run"]["tags"],  # as written: a reference may resolve to a secret
        group=logger.group,
        job_type=logger.job_type,
        sweep=sweep_of(directory),
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Add advice to an out-of-memory error, and the file name to one about reading or writing."""
    try:
        yield
    except OSError as error:
        raise FilesError(f"{error.filename or 'a file of the run'}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise FilesError(f"the model cannot be written: {error}") from error
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in OUT_OF_MEMORY):
            raise
        raise TrainingError(
            "memory ran out. A smaller data.micro_batch_size needs less and gives the same result (gradients "
            "accumulate to data.batch_size); so does a smaller data.eval_batch_size; a smaller data.max_length changes "
            f"the result. ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
