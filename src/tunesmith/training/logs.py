"""Logging: libraries write to the run's log only; our own messages also reach the screen."""

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
    """Formats lines without secrets and without terminal control characters, whatever their source."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the line, with secrets masked."""
        return printable(redact_values(super().format(record)))


class _LogFile(logging.FileHandler):
    """A log file that a full disk truncates silently, so the error that the user needs to see stays visible."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Drop the line."""

    def close(self) -> None:
        """Close the file, even if some lines could not be written."""
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
    """Shows each warning, and each fact about the data, once, however often the data is read."""

    def __init__(self, warnings: Warnings | None) -> None:
        super().__init__()
        self._warnings, self._shown = warnings, set[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is new: a warning not given before, or a fact stated for the first time."""
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
        path: The log file; if None, messages of libraries are dropped.
        warnings: Collects our own warnings.
        told_later: Leave warnings to whoever collects them, instead of printing them now.
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
