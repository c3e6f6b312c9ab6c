"""Safe handling of the W&B client: its failures, its environment, what it copies from the process."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tunesmith.tracking.redaction import redact, redact_argv

_log = logging.getLogger(__name__)


class Guard:
    """Turns failures of the client into one warning each, so that tracking never fails a run."""

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
    # The client's words for a server that answers 401 or 403.
    if line in ("", "<no message>"):
        line = "no reason given, as happens where the server does not accept the API key"
    return f"{type(error).__name__}: {line}"


@contextlib.contextmanager
def client_environment(directory: Path) -> Iterator[None]:
    """What the client and its service process read only from the environment, set for one call.

    Staging and cache go to the run directory. Error reporting is off because its exporters retry against a dead
    server when the process exits, for up to 20 s.
    """
    folder = directory / "wandb"
    wanted = {
        "WANDB_DATA_DIR": str(folder / "data"),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
    }
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.update({key: value for key, value in before.items() if value is not None})
        for key in [key for key, value in before.items() if value is None]:
            del os.environ[key]


@contextlib.contextmanager
def redacted_argv() -> Iterator[None]:
    """The client stores `sys.argv` as it stands and offers no setting for it."""
    before = sys.argv
    sys.argv = redact_argv(before)
    try:
        yield
    finally:
        sys.argv = before
