"""Create the executor that a sweep's config names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from tunesmith.config.construct import construct
from tunesmith.sweeping import foreign
from tunesmith.sweeping.execution.executors.executor import Answer, Executor, Exit
from tunesmith.sweeping.search.trials import Job

WHERE = "hydra.sweeper.executor"
EXECUTORS = {
    "local": "tunesmith.sweeping.execution.executors.local.Local",
    "inprocess": "tunesmith.sweeping.execution.executors.in_process.InProcess",
}
"""Built-in names; any other executor is named by its class, in `_target_`."""


def make_executor(value: Any, n_jobs: int | Literal["auto"], entry: str) -> Executor:
    """Create the executor of a `hydra.sweeper.executor` node.

    Args:
        value: A built-in name, or a mapping of `_target_` and its keyword arguments.
        n_jobs: Trials at once.
        entry: The function that runs a trial.

    Raises:
        ConfigError: The class rejects its arguments.
    """
    own = {} if isinstance(value, str) else {key: item for key, item in value.items() if key != "_target_"}
    target = EXECUTORS[value] if isinstance(value, str) else value["_target_"]
    executor: Executor = construct(WHERE, target, {"n_jobs": n_jobs, "entry": entry, **own})
    return executor if isinstance(value, str) else ForeignExecutor(executor)


class ForeignExecutor(Executor):
    """Wraps a user's executor and enforces the protocol.

    Args:
        executor: The user's executor.
    """

    def __init__(self, executor: Executor) -> None:
        super().__init__(executor.slots, executor.entry)
        self.executor = executor
        self._running: set[Job] = set()

    def warm_up(self) -> None:
        """Forward to the user's executor."""
        foreign.call(WHERE, self.executor, "warm_up")

    def ready(self) -> None:
        """Forward to the user's executor."""
        foreign.call(WHERE, self.executor, "ready")

    def call(self, entry: str, *arguments: Any) -> Any:
        """Forward to the user's executor."""
        return foreign.call(WHERE, self.executor, "call", entry, *arguments)

    def start(self, job: Job, directory: Path) -> None:
        """Start a job and remember it."""
        foreign.call(WHERE, self.executor, "start", job, directory)
        self._running.add(job)

    def wait(self, answer: Answer, timeout: float) -> list[Exit]:
        """Wait as the user's executor does.

        Raises:
            ConfigError: It raised an error, or returned something other than the end of a running job.
        """
        ended: list[Exit] = foreign.call(WHERE, self.executor, "wait", answer, timeout)
        for item in ended if isinstance(ended, list) else [ended]:
            if not isinstance(item, Exit) or item.job not in self._running:
                hint = "Return a list with an Exit for each job that has ended since the last call"
                raise foreign.broken(WHERE, self.executor, f"wait() returned {item!r}", hint)
            self._running.discard(item.job)
        return ended

    def interrupt(self) -> None:
        """Forward to the user's executor."""
        foreign.call(WHERE, self.executor, "interrupt")

    def close(self) -> None:
        """Forward to the user's executor."""
        foreign.call(WHERE, self.executor, "close")
