"""Errors that are reported to the user, with their exit codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

MAX_SHOWN = 300
"""Maximum characters of a received value or a location in a message."""


class TunesmithError(Exception):
    """Base class of errors that are reported to the user without a traceback."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True)
class Problem:
    """One problem in a config: where it is, which rule it breaks, what was received, what to do next."""

    where: str
    """Dotted path of the value, the override as typed, or `file:line`."""
    rule: str
    """The rule for this location, as a sentence without a full stop."""
    received: str | None = None
    """The offending value as the user wrote it; None if there is none to show."""
    hint: str | None = None
    """The next step: the nearest valid name, the allowed range, or the quoted form that works."""
    kind: Literal["missing", "unknown", "value"] = "value"
    """`missing`: a required key is missing; `unknown`: there is no such key; `value`: any other problem. Code decides
    by the kind, never by the message."""

    def __str__(self) -> str:
        received = f" (received {_short(self.received)})" if self.received is not None else ""
        hint = f". {self.hint}" if self.hint else ""
        return f"{_short(self.where.strip()) or 'an empty argument'}: {self.rule}{received}{hint}"


def _short(text: str) -> str:
    """Shorten a user's text for a message: a whole file pasted into an argument would bury the rule."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(text):,} characters)"


class ConfigError(TunesmithError):
    """The command line or a config file is wrong; holds every problem found, not just the first.

    Args:
        problems: The problems found.
        late: Whether finding them takes data, weights or objects, so a run may already have its directory.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: list[Problem], *, late: bool = False) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"  {number}. {problem}" for number, problem in enumerate(problems, 1)]
        consequence = "" if late else ", nothing was started"
        super().__init__("\n".join([f"{count} in the configuration{consequence}:", *lines]))


class DataError(TunesmithError):
    """The data cannot be used as configured: a missing file, column, label or row."""

    exit_code: ClassVar[int] = 3


class TrainingError(TunesmithError):
    """Training itself failed: the loss is not finite, or memory ran out."""

    exit_code: ClassVar[int] = 4


class NotFiniteError(TrainingError):
    """A loss became infinite or NaN."""


class FilesError(TunesmithError):
    """A run, model or other file cannot be read or written, e.g. because the disk is full."""

    exit_code: ClassVar[int] = 5
