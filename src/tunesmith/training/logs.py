"""Where the libraries' messages go: into the run's log; only our own reach the screen."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tunesmith.redaction import redact_values
from tunesmith.terminal import printable

SOURCES = ("tunesmith", "pytorch_lightning", "lightning", "py.warnings")


class _Redacted(logging.Formatter):
    """Lines without secrets and without characters that a terminal obeys, whoever wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with secrets masked."""
        return printable(redact_values(super().format(record)))


class _LogFile(logging.FileHandler):
    """A log that a full disk cuts short, without a word into whatever the disk's user has to be told."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose the line."""

    def close(self) -> None:
        """Close, whatever could not be written."""
        with suppress(OSError):
            super().close()


class Warnings(logging.Handler):
    """Collects our own log's warnings, each sentence once: a run keeps them in `results.json`, `check` prints them.

    A room therefore only needs to warn (`logging.getLogger("tunesmith").warning`): the user sees it now, again at the
    end of the run, and in its record.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the sentence."""
        sentence = redact_values(record.getMessage())
        if sentence not in self.sentences:
            self.sentences.append(sentence)


class _Once(logging.Filter):
    """Warnings, and facts of the data, are shown once, however often the data is read."""

    def __init__(self, warnings: Warnings | None) -> None:
        super().__init__()
        self._warnings, self._shown = warnings, set[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is new: warned of by none before it, or said for the first time."""
        sentence = redact_values(record.getMessage())
        if self._warnings is not None and sentence in self._warnings.sentences:
            return False
        if record.levelno < logging.WARNING and not getattr(record, "once", False):
            return True
        new = sentence not in self._shown
        self._shown.add(sentence)
        return new


@contextmanager
def log_to(path: Path | None = None, warnings: Warnings | None = None, *, told_later: bool = False) -> Iterator[None]:
    """Write our log, Lightning's, and Python's warnings to a file, and our own messages to standard error.

    Args:
        path: The log file; None drops what is not our own.
        warnings: Keeps what our own log warns of.
        told_later: Leave warnings to whoever keeps them, instead of printing them now.
    """
    file: logging.Handler = logging.NullHandler() if path is None else _LogFile(path, encoding="utf-8")
    file.setFormatter(_Redacted("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.INFO)
    screen.setFormatter(_Redacted("%(message)s"))
    screen.addFilter(_Once(warnings))
    if told_later:
        screen.addFilter(lambda record: record.levelno != logging.WARNING)
    ours = [file, screen, *([warnings] if warnings is not None else [])]
    sources = {name: logging.getLogger(name) for name in SOURCES}
    before = {name: (list(source.handlers), source.level, source.propagate) for name, source in sources.items()}
    for name, source in sources.items():
        source.handlers = ours if name == "tunesmith" else [file]
        source.setLevel(logging.DEBUG if name == "tunesmith" else logging.INFO)
        source.propagate = False
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        file.close()
        for name, source in sources.items():
            source.handlers, source.level, source.propagate = before[name]
