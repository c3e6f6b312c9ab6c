"""Every error that a user can meet, each with the exit code that its kind stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

MAX_SHOWN = 300
"""Characters of a received value or a place in a message."""


class TunesmithError(Exception):
    """Base of all errors that are explained to the user without a traceback."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True)
class Problem:
    """One fault in a configuration: where it is, which rule it breaks, what was received, what to do next."""

    where: str
    """Dotted path of the value, the override as typed, or `file:line`."""
    rule: str
    """What holds for this place, as a sentence without a full stop."""
    received: str | None = None
    """The offending value as the user wrote it; None where there is none to show."""
    hint: str | None = None
    """The next step: the nearest valid name, the allowed range, or the quoted form that works."""
    kind: Literal["missing", "unknown", "value"] = "value"
    """`missing`: a required key is not there; `unknown`: there is no such key; `value`: any other fault. What is done
    about a problem goes by its kind, never by its words."""

    def __str__(self) -> str:
        received = f" (received {_short(self.received)})" if self.received is not None else ""
        hint = f". {self.hint}" if self.hint else ""
        return f"{_short(self.where.strip()) or 'an empty argument'}: {self.rule}{received}{hint}"


def _short(text: str) -> str:
    """A text of the user's that fits a message: a whole file pasted into an argument would bury the rule."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(text):,} characters)"


class ConfigError(TunesmithError):
    """The command line or a config file is wrong; carries every problem found, not just the first.

    Args:
        problems: What is wrong.
        late: Whether it takes data, weights or objects to find it, so that a run may have its directory by then.
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
    """Training itself failed: a non-finite loss or memory that ran out."""

    exit_code: ClassVar[int] = 4


class FilesError(TunesmithError):
    """A file or directory of ours cannot be read or written: a run, a model folder, a full disk."""

    exit_code: ClassVar[int] = 5
