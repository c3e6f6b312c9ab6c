"""Contain the W&B client: its failures, its environment, and what it copies from the process."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tunesmith.redaction import redact, redact_argv

_log = logging.getLogger(__name__)


IDENTITY = {
    "WANDB_RUN_ID": None,
    "WANDB_RESUME": None,
    "WANDB_RESUME_FROM": None,
    "WANDB_FORK_FROM": None,
    "WANDB_SWEEP_ID": None,
    "WANDB_NAME": "run.name",
    "WANDB_RUN_NAME": "run.name",
    "WANDB_DIR": "run.root",
    "WANDB_ROOT_DIR": "run.root",
    "WANDB_TAGS": "run.tags",
    "WANDB_RUN_TAGS": "run.tags",
    "WANDB_RUN_GROUP": "logger.group",
    "WANDB_JOB_TYPE": "logger.job_type",
    "WANDB_RUN_JOB_TYPE": "logger.job_type",
    "WANDB_PROJECT": "logger.project",
}
"""Variables from which the client would take a run's identity or location, each with the key that decides it here.

With them, all trials of a sweep would be one run on the server, each overwriting the one before.
"""


def warn_of_identity() -> None:
    """Warn in one sentence about variables that have no effect."""
    given = [name for name in IDENTITY if os.environ.get(name)]
    keys = list(dict.fromkeys(key for name in given if (key := IDENTITY[name]) is not None))
    if given:
        instead = f"; {', '.join(keys)} decide{'s' if len(keys) == 1 else ''} it" if keys else ""
        _log.warning("%s: no effect, because each run has its own identity%s", ", ".join(given), instead)


class Guard:
    """Turns each kind of client failure into one warning, so tracking never fails a run."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    @contextlib.contextmanager
    def __call__(self, failure: str) -> Iterator[None]:
        """Log `failure` and its cause, once per kind of failure, instead of raising."""
        try:
            yield
        except Exception as error:
            if failure not in self._warned:
                self._warned.add(failure)
                _log.warning("%s: %s", failure, redact(_reason(error)))
                _log.debug("traceback", exc_info=True)


def _reason(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0]
    # The client's messages when a server answers 401 or 403.
    if line in ("", "<no message>"):
        line = "no reason given, as happens when the server rejects the API key"
    return f"{type(error).__name__}: {line}"


@contextlib.contextmanager
def client_environment(directory: Path) -> Iterator[None]:
    """Set, for one call, what the client and its service process read only from the environment.

    Staging and cache go to the run directory; variables that would give several runs one identity are removed. Error
    reporting is off because its exporters retry against a dead server at exit, for up to 20 s
    (see docs/decisions.md, 2026-11-22: the W&B client is kept at arm's length).
    """
    folder = directory / "wandb"
    ours = {
        "WANDB_DATA_DIR": str(folder / "data"),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
    }
    before = {key: os.environ.get(key) for key in (*ours, *IDENTITY)}
    os.environ.update(ours)
    for key in IDENTITY:
        os.environ.pop(key, None)
    try:
        yield
    finally:
        os.environ.update({key: value for key, value in before.items() if value is not None})
        for key in [key for key, value in before.items() if value is None]:
            os.environ.pop(key, None)


@contextlib.contextmanager
def redacted_argv() -> Iterator[None]:
    """Redact `sys.argv` temporarily: the client stores it unchanged and has no setting for it."""
    before = sys.argv
    sys.argv = redact_argv(before)
    try:
        yield
    finally:
        sys.argv = before
