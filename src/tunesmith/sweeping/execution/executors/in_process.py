"""Run trials in this process, one after another, for debugging."""

from __future__ import annotations

import signal
from collections import deque
from pathlib import Path
from typing import Literal

from tunesmith.sweeping.execution.executors.executor import Answer, Executor, Exit
from tunesmith.sweeping.execution.trial_process import load
from tunesmith.sweeping.search.trials import Job


class InProcess(Executor):
    """Runs trials one after another in this process: breakpoints work, and a crash ends the sweep.

    Args:
        n_jobs: Must be 1 or `auto`.
        entry: The function that runs a trial.
    """

    def __init__(self, n_jobs: int | Literal["auto"], entry: str) -> None:
        super().__init__(1, entry)
        self._waiting: deque[tuple[Job, Path]] = deque()

    def start(self, job: Job, directory: Path) -> None:
        """Queue a job."""
        self._waiting.append((job, directory))

    def wait(self, answer: Answer, timeout: float) -> list[Exit]:
        """Run the next job to its end."""
        if not self._waiting:
            return []
        job, directory = self._waiting.popleft()
        code = load(self.entry)(directory, lambda message: answer(job, message))
        if code - 128 in (signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(code - 128)  # the trial handled the signal, but it was meant for the sweep
        return [Exit(job, code)]

    def interrupt(self) -> None:
        """Do nothing: signals reach the trial directly."""

    def close(self) -> None:
        """Drop the jobs that have not started."""
        self._waiting.clear()
