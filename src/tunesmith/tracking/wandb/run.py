"""One Weights & Biases run per process, opened and closed by the runner; its failures never become the run's."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tunesmith.errors import TunesmithError
from tunesmith.redaction import redact, redact_values
from tunesmith.storage import write_text
from tunesmith.tracking.tracker import Status, SweepSummary, TrackedRun, Tracker
from tunesmith.tracking.wandb.client import Guard, client_environment, redacted_argv, warn_of_identity
from tunesmith.tracking.wandb.hardest import COLUMNS, Row, by_split, worst_table
from tunesmith.tracking.wandb.key import ask, refuse_bad_key
from tunesmith.tracking.wandb.mode import Mode, choose_mode
from tunesmith.tracking.wandb.sweep import log_points, sweep_charts
from tunesmith.tracking.wandb.uploads import answers, wait_for_uploads

_log = logging.getLogger(__name__)

INIT_TIMEOUT_S = 8.0
FINISH_TIMEOUT_S = 5.0
PATIENCE_ANSWERS = 10
"""How many answers, each as slow as the server's first, opening and closing may additionally take."""
NUM_WORST = 50
MAX_MATRIX_LABELS = 100
"""A confusion matrix is a table with one row per pair of labels, and W&B shows at most 10,000 rows of a table."""

STEP_METRIC = "trainer/global_step"
"""The x axis of every curve: W&B's internal step can only grow, and restarts after a resume."""

ID_FILE = Path("wandb", "run-id")
"""File in a run directory with the ID of its W&B run, for a resume."""
ID = re.compile(r"[\w-]{1,64}")

PRUNED_TAG = "pruned"


class WandbTracker(Tracker):
    """The W&B side of a run, from opening to final state.

    Online if a key is found and the server answers within 8 s; else offline, in the same process. If even that fails,
    one warning is logged and the tracker does nothing.

    Args:
        project: Project on the server.
        entity: Team or user on the server; None is the account's default.
        mode: `auto` is online if an API key is found, else offline; WANDB_MODE, if set, takes precedence.
        log_model: Upload the best weights as an artifact.
        alert: Send an alert when a run fails or goes wrong.
    """

    def __init__(
        self,
        project: str = "tunesmith",
        entity: str | None = None,
        mode: Literal["auto", "online", "offline"] = "auto",
        log_model: bool = False,
        alert: bool = False,
    ) -> None:
        self._project = project
        self._entity = entity
        self._wanted = mode
        self._log_model = log_model
        self._alert = alert
        self._directory = Path()
        self._run: Any = None
        self._mode: Mode = "disabled"
        self._guard = Guard()
        self._url: str | None = None
        self._folder: str | None = None
        self._answering = True
        self._uploaded = True
        self._patience_s = 0.0

    def refuse(self) -> None:
        """Raise before the start if the run must be online and its key is rejected.

        Raises:
            ConfigError: The key is rejected.
        """
        refuse_bad_key(self._wanted)

    @property
    def mode(self) -> Mode:
        """The mode that the run ended up in: `online`, `offline` or `disabled`."""
        return self._mode

    @property
    def url(self) -> str | None:
        """The URL of the run's page; None unless online."""
        return self._url

    @property
    def sync_hint(self) -> str | None:
        """A command that uploads what is only on this disk; None if there is nothing to upload."""
        if self._folder is None or (self._mode == "online" and self._uploaded):
            return None
        if self._mode == "online":
            return f"wandb sync --include-online {shlex.quote(self._folder)}"
        # A resumed run has one folder per process; passed together, they are sent in order.
        earlier = [str(path) for path in sorted((self._directory / "wandb").glob("offline-run-*"))]
        return f"wandb sync {shlex.join(earlier or [self._folder])}"

    @property
    def farewell(self) -> str | None:
        """How to upload what is only on this disk; None if there is nothing to upload."""
        return f"tracked offline; to send it to W&B later: {self.sync_hint}" if self.sync_hint is not None else None

    @property
    def experiment(self) -> Any:
        """The client's run; None without one."""
        return self._run

    def open(self, run: TrackedRun) -> None:
        """Start the W&B run, offline if online fails.

        Args:
            run: Everything of W&B goes to `wandb/` in its directory.

        Raises:
            TunesmithError: Another W&B run is open in this process, and would silently receive this run's metrics.
        """
        self._directory = run.directory
        with self._guard("W&B cannot be used, this run is not tracked there"), client_environment(self._directory):
            import wandb

            self._mode = choose_mode(self._wanted, os.environ)
        if self._mode == "disabled":
            return
        if run.job_type != "trial":  # its sweep reports it once
            warn_of_identity()
        if self._mode == "online":
            self._show_key()
        if wandb.run is not None:
            raise TunesmithError(
                f"a W&B run ({wandb.run.id}) is already open in this process; finish it before starting another"
            )
        options = {
            **redact_values({"project": self._project, "entity": self._entity}),
            "group": run.group,
            "name": run.name,
            "tags": [tag[:64] for tag in run.tags],
            "config": dict(run.config),
            "job_type": run.job_type,
        }
        self._start(options | self._continued())

    def _show_key(self) -> None:
        """Go offline if the key is rejected; allow a slow server the time that its answers take."""
        with self._guard("W&B key not shown to the server"), client_environment(self._directory):
            welcome = ask(os.environ)
            self._patience_s = PATIENCE_ANSWERS * welcome.answer_s
            if welcome.refusal is not None:
                self._mode = "offline"
                _log.warning("the W&B API key is rejected, this run is tracked offline: %s", redact(welcome.refusal))

    def _continued(self) -> dict[str, Any]:
        """The ID of the W&B run that an earlier process of this run opened, in order to continue it."""
        path = self._directory / ID_FILE
        known = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        # Offline too: the client writes `resume` into its log. Without it, the second part of a run, when uploaded
        # later, would replace the first.
        return {"id": known, "resume": "allow"} if ID.fullmatch(known) else {}

    def _start(self, options: dict[str, Any]) -> None:
        if self._mode == "online":
            before = set(self._attempts())
            self._init(options, "W&B server not reached, this run is tracked offline")
            if self._run is None:
                self._mode = "offline"
                # An empty run that would look as if it were to be synchronised.
                for attempt in set(self._attempts()) - before:
                    shutil.rmtree(attempt, ignore_errors=True)
        if self._run is None:
            self._init(options, "W&B could not be started, this run is not tracked there")
        if self._run is None:
            self._mode = "disabled"
            return
        self._folder = str(self._run.settings.sync_dir)
        self._url = self._run.url if self._mode == "online" else None
        with self._guard("W&B run cannot be resumed later"):
            write_text(self._directory / ID_FILE, f"{self._run.id}\n")

    def _attempts(self) -> list[Path]:
        return list((self._directory / "wandb").glob("run-*"))

    def _init(self, options: dict[str, Any], failure: str) -> None:
        import wandb

        with self._guard(failure), client_environment(self._directory), redacted_argv():
            settings = wandb.Settings(
                root_dir=str(self._directory),
                init_timeout=INIT_TIMEOUT_S + self._patience_s,
                finish_timeout=FINISH_TIMEOUT_S + self._patience_s,
                finish_timeout_raises=True,
                # Rich redraws its progress many times a second; captured, that is thousands of lines, and run.log
                # has every line that matters.
                console="off",
                silent=True,
                # Undocumented; with the default of 15 s, a killed process loses that much.
                x_transaction_log_flush_interval=1,
            )
            self._run = wandb.init(**options, mode=self._mode, settings=settings)
            self._run.define_metric(STEP_METRIC, hidden=True)
            self._run.define_metric("*", step_metric=STEP_METRIC, step_sync=True)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None) -> None:
        """Send one point of each curve."""
        if self._run is None:
            return
        with self._guard("W&B does not accept metrics"):
            self._run.log({**metrics, STEP_METRIC: step} if step is not None else dict(metrics))

    def summarise(self, metrics: Mapping[str, Any]) -> None:
        """Put final metrics, named `<split>/<metric>`, into the run's summary."""
        if self._run is not None:
            with self._guard("W&B summary not written"):
                self._run.summary.update(dict(metrics))

    def log_sweep(self, shown: SweepSummary) -> None:
        """Log curves and summary of a sweep, then tables and charts if the server accepts them."""
        if self._run is None:
            return
        with self._guard("W&B curves of the sweep not written"):
            log_points(self._run, self._directory, shown.points)
        self.summarise(shown.summary)
        if self._takes_media():
            with self._guard("W&B charts of the sweep not written"), client_environment(self._directory):
                self._run.log(sweep_charts(shown))

    def log_predictions(self, rows: Sequence[Row], labels: Sequence[str]) -> None:
        """Log a confusion matrix and the predictions of highest loss for each split in the rows.

        Args:
            rows: Rows of `predictions.jsonl`; those without a label are left out.
            labels: Label names in the order of the logits.

        Raises:
            ValueError: A row's label is not in `labels`.
        """
        for split, labelled in by_split(rows).items():
            truth = [labels.index(row["label"]) for row in labelled]
            predicted = [labels.index(row["prediction"]) for row in labelled]
            table = worst_table(labelled, labels, NUM_WORST)
            if self._takes_media():
                with self._guard("W&B prediction charts not written"), client_environment(self._directory):
                    self._log_charts(split, truth, predicted, list(labels), table)

    def _log_charts(
        self, split: str, truth: list[int], predicted: list[int], labels: list[str], table: list[list[Any]]
    ) -> None:
        import wandb

        charts: dict[str, Any] = {f"{split}/worst_predictions": wandb.Table(columns=list(COLUMNS), data=table)}
        if len(labels) <= MAX_MATRIX_LABELS:
            charts[f"{split}/confusion_matrix"] = wandb.plot.confusion_matrix(
                y_true=truth, preds=predicted, class_names=labels, title=f"{split}: actual and predicted labels"
            )
        self._run.log(charts)

    def log_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Log a table, if the server accepts it."""
        if self._takes_media():
            import wandb

            with self._guard("W&B table not written"), client_environment(self._directory):
                self._run.log({name: wandb.Table(columns=list(columns), data=[list(row) for row in rows])})

    def log_model(self, folder: Path) -> None:
        """Upload the model folder as an artifact, if configured."""
        if not self._log_model or not self._takes_media():
            return
        import wandb

        with self._guard("W&B model artifact not written"), client_environment(self._directory):
            artifact = wandb.Artifact(f"model-{self._run.id}", type="model")
            # Uploaded in place: the run's model never changes, and a copy would double the directory's size.
            artifact.add_dir(str(folder), policy="immutable", skip_cache=True)
            self._run.log_artifact(artifact, aliases=["best"])

    def alert(self, title: str, text: str) -> None:
        """Send an alert, by mail or Slack as the account is set; an offline run sends it when it is synced."""
        if self._run is not None and self._alert:
            with self._guard("W&B does not accept an alert"):
                self._run.alert(title=title, text=text)

    def finish(self, status: Status, exit_code: int) -> None:
        """Close the run with its final state; a second call does nothing.

        A progressing upload is waited for; an unreachable server is given up on after about 8 s.

        Args:
            status: How the run ended; also kept as `status` in the summary.
            exit_code: Exit code of the process: 0 is shown as finished, others as failed or killed.
        """
        run, self._run = self._run, None
        if run is None:
            return
        with self._guard("W&B run not closed properly"), client_environment(self._directory):
            run.summary["status"] = status
            if status == "pruned":  # W&B shows it as finished, like any run that ended without an error
                run.tags = (*(run.tags or ()), PRUNED_TAG)
        # A signal is usually followed by a kill soon; nothing large is pending before a run's end anyway.
        if self._mode == "online" and self._answering and status != "interrupted":
            with self._guard("W&B uploads not followed"):
                wait_for_uploads(run)
        self._uploaded = self._close(run, exit_code)
        if self._mode == "online" and not self._uploaded:
            _log.warning("W&B did not take everything in time; later: %s", self.sync_hint)

    def _close(self, run: Any, exit_code: int) -> bool:
        """Finish the client's run; return False if its upload timed out."""
        with self._guard("W&B run not closed properly"), client_environment(self._directory):
            try:
                run.finish(exit_code=exit_code)
            except TimeoutError:
                return False
        return True

    def _takes_media(self) -> bool:
        """Whether tables and artifacts can be logged now; the client would block on each if a server is unreachable."""
        if self._run is None or not self._answering:
            return False
        if self._mode == "online" and not answers(self._run.settings):
            self._answering = False
            _log.warning("W&B server no longer answers; charts and model stay only in %s", self._directory)
        return self._answering
