"""Start a run: everything that can be refused is refused before there is a directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tunesmith.config.composing.compose import Composed
from tunesmith.config.fingerprint import fingerprint
from tunesmith.config.trust import trusting
from tunesmith.errors import ConfigError
from tunesmith.redaction import redact_config, redact_values
from tunesmith.runs.directory import RunDirectory, open_directory
from tunesmith.runs.record import Record
from tunesmith.storage import locked, write_text
from tunesmith.tracking.guarded import refuse_tracker
from tunesmith.training.auto_values import decide
from tunesmith.training.build import build_data, longest_text
from tunesmith.training.evaluation_sets import read_evaluation_sets
from tunesmith.training.logs import Warnings, log_to
from tunesmith.training.preflight import check_model
from tunesmith.training.public import refuse_secrets
from tunesmith.training.rehearsal import rehearse_on
from tunesmith.training.resume import newest_unfinished, resume
from tunesmith.training.run import Ready, execute
from tunesmith.training.trial_rows import check_metrics


def train(composed: Composed) -> Record:
    """Train, keep the best weights, evaluate on the test split once, and record everything.

    Args:
        composed: The validated config.

    Returns:
        The finished run.

    Raises:
        TunesmithError: The run failed; its directory has the reason.
        Interrupted: A signal ended it.
    """
    with trusting(composed.trust):
        warnings = Warnings()
        refuse_secrets(composed.config)
        with log_to(warnings=warnings), nothing_started():  # library warnings are not for the user
            refuse_tracker(composed.config.logger)
            run = decide(composed)
            skeleton, ground = check_model(run.config)
        if run.config.run.resume == "auto":
            unfinished = newest_unfinished(run)
            if unfinished is not None:
                return resume(unfinished, composed=run)
        with log_to(warnings=warnings), nothing_started():
            data = build_data(run.config, ground=ground)
            check_metrics(run.config, data.labels)
            data.sets = read_evaluation_sets(run.config, data, longest_text(run.config, ground))
            data.encode_all()  # reports faults of the data before there is a directory
            rehearse_on(run.config, skeleton, data)
        name = redact_values(run.name)
        directory = open_run(run, name)
        with locked(directory.path):
            return execute(run, directory, name, ready=Ready(data, ground, warnings))


@contextmanager
def nothing_started() -> Iterator[None]:
    """Report config errors as found before there is a directory, even those that elsewhere are found later."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.problems) from error


def open_run(run: Composed, name: str) -> RunDirectory:
    """Open the run's directory and write its config there before anything else happens.

    Raises:
        ConfigError: The directory's name would contain a secret.
    """
    refuse_secrets(run.config)
    exact = Path(run.config.run.dir) if run.config.run.dir else None
    directory = open_directory(Path(run.config.run.root), name, fingerprint(run.saved), exact)
    saved = run.saved | {"run": run.saved["run"] | {"name": name, "dir": None}}
    write_text(directory.config, yaml.safe_dump(redact_config(saved), sort_keys=False, allow_unicode=True))
    return directory
