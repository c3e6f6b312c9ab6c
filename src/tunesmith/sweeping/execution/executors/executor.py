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
"""Handles a trial's message; returns the decision, or None if the message does not ask for one."""


@dataclass(frozen=True)
class Exit:
    """A job has ended."""

    job: Job
    code: int
    """Its exit code; negative for the signal that killed it."""


class Executor(ABC):
    """Runs jobs. A trial's directory holds all it needs, so any machine that sees the directory can run it.

    Only the sweep's driver calls it, from one thread. A trial is run by a function `entry(directory, tell)` that
    returns the trial's exit code; `tell(message)` sends a message to the sweep and, for one of kind `rung`, waits for
    the sweep's answer and returns it.

    Args:
        n_jobs: Number of jobs at once, or `auto`.
        entry: The function that runs a trial, as `module:function`.
    """

    slots: int
    """The number of jobs at once, after `auto` is resolved."""

    def __init__(self, n_jobs: int | Literal["auto"], entry: str) -> None:
        self.slots = 1 if n_jobs == "auto" else n_jobs
        self.entry = entry

    def warm_up(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Begin any slow preparation, without waiting for it."""

    def ready(self) -> None:  # noqa: B027
        """Block until jobs can start without delay."""

    def call(self, entry: str, *arguments: Any) -> Any:
        """Call a function before the first job starts; in this process unless overridden.

        Args:
            entry: The function, as `module:function`.
            arguments: Its arguments; they must be picklable.
        """
        return load(entry)(*arguments)

    @abstractmethod
    def start(self, job: Job, directory: Path) -> None:
        """Start a job; the caller guarantees a free slot.

        Args:
            job: The job.
            directory: The trial's directory, with everything it needs.
        """

    @abstractmethod
    def wait(self, answer: Answer, timeout: float) -> list[Exit]:
        """Answer trials' messages; return when some jobs have ended or the timeout is over.

        All messages of a job are answered, in the order sent, before its end is reported.

        Args:
            answer: Called with each message; its result is returned to a trial that waits for it.
            timeout: Seconds.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """Ask every running trial, once, to write a checkpoint and end, as SIGTERM does."""

    @abstractmethod
    def close(self) -> None:
        """End all running jobs at once; nothing is started afterwards."""
