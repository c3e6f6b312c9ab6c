"""The protocol of an executor: where the trials of a sweep run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tunesmith.sweeping.execution.messages import Message
from tunesmith.sweeping.execution.trial_process import load
from tunesmith.sweeping.search.trials import Job

Answer = Callable[[Job, Message], str | None]
"""The sweep's answer to a message of a trial; None if the message asks nothing."""


@dataclass(frozen=True)
class Exit:
    """A job has ended."""

    job: Job
    code: int
    """Its exit code; negative for the signal that killed it."""


class Executor(ABC):
    """Runs jobs. All that a trial needs is in its directory, so that any machine that sees the directory can run it.

    The sweep's driver alone calls it, from one thread. What runs a trial is a function `entry(directory, tell)` that
    returns the trial's exit code; `tell(message)` hands a message to the sweep and, for one of kind `rung`, waits for
    the sweep's answer and returns it.

    Args:
        n_jobs: Jobs at once, or `auto`.
        entry: What runs a trial, as `module:function`.
    """

    slots: int
    """Jobs at once, as decided."""

    def __init__(self, n_jobs: int | Literal["auto"], entry: str) -> None:
        self.slots = 1 if n_jobs == "auto" else n_jobs
        self.entry = entry

    def warm_up(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Begin whatever takes time, without waiting for it."""

    def ready(self) -> None:  # noqa: B027
        """Return when jobs can be started without a delay."""

    def call(self, entry: str, *arguments: Any) -> Any:
        """What a function answers, before the first job starts; in this process unless overridden.

        Args:
            entry: The function, as `module:function`.
            arguments: Its arguments, which can be pickled.
        """
        return load(entry)(*arguments)

    @abstractmethod
    def start(self, job: Job, directory: Path) -> None:
        """Start a job; there is a free slot.

        Args:
            job: The job.
            directory: The trial's directory, with all that it needs.
        """

    @abstractmethod
    def wait(self, answer: Answer, timeout: float) -> list[Exit]:
        """Answer the messages of trials; return when some have ended, or when the time is up.

        Every message of a job is answered before its end is told, in the order in which it was sent.

        Args:
            answer: Called with each message; what it returns goes back to a trial that waits for it.
            timeout: Seconds.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """Ask every running trial, once, to write a checkpoint and end: as SIGTERM does."""

    @abstractmethod
    def close(self) -> None:
        """End at once whatever still runs; nothing is started after that."""
