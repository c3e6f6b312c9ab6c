"""Properties of every executor: subclass `ExecutorContract`, create yours, and run pytest."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tunesmith.sweeping.execution.executors.executor import Executor, Exit
from tunesmith.sweeping.execution.messages import Message, Tell
from tunesmith.sweeping.search.trials import Job

PATIENCE_S = 60.0
"""Seconds after which a job counts as lost; none of them takes more than a moment."""


class ExecutorContract(ABC):
    """Jobs that do next to nothing, run by an executor.

    class TestMine(ExecutorContract):
        def executor(self, n_jobs, entry): return Mine(n_jobs, entry)
    """

    isolates: ClassVar[bool] = True
    """Whether a job runs in its own process: it may crash, be interrupted, and run in parallel with others."""

    @abstractmethod
    def executor(self, n_jobs: int, entry: str) -> Executor:
        """Create a fresh executor.

        Args:
            n_jobs: Number of jobs at once.
            entry: The function that runs a job, as `module:function`.
        """

    def test_a_job_is_heard_in_order_and_ends_once_with_its_code(self, tmp_path: Path) -> None:
        """Messages and exit code of each job arrive under its own number."""
        with self._running("tell_steps", 1) as executor:
            for number in (4, 2):
                folder = _folder(tmp_path, number)
                executor.start(Job(number), folder)
                heard, ended = _follow(executor, 1)
                assert ended == [Exit(Job(number), 3)]
                assert heard == [(Job(number), step) for step in range(20)]
            assert executor.wait(_refuse_messages, 0.01) == []

    def test_a_question_gets_its_answer_before_the_job_goes_on(self, tmp_path: Path) -> None:
        """`tell` returns the sweep's decision, and None for a message that does not ask for one."""
        folder = _folder(tmp_path, 0)
        with self._running("ask_twice", 1) as executor:
            executor.start(Job(0, 1), folder)
            decisions = iter(("continue", "pause"))
            ended: list[Exit] = []
            deadline = time.monotonic() + PATIENCE_S
            while not ended and time.monotonic() < deadline:
                ended += executor.wait(lambda job, message: next(decisions) if message["kind"] == "rung" else None, 0.2)
        assert ended == [Exit(Job(0, 1), 0)]
        assert (folder / "answers").read_text() == "None continue pause"

    def test_what_can_be_called_answers(self) -> None:
        """`call` returns the function's result."""
        with self._running("tell_steps", 1) as executor:
            executor.ready()
            assert executor.call("tunesmith.testing.executors:double", [1, "a"]) == [1, "a", 1, "a"]

    def test_as_many_jobs_run_at_once_as_there_are_slots(self, tmp_path: Path) -> None:
        """Each job waits until it has seen the other."""
        self._needs_processes()
        with self._running("meet", 2) as executor:
            assert executor.slots == 2
            for number in (0, 1):
                executor.start(Job(number), _folder(tmp_path, number))
            _, ended = _follow(executor, 2)
        assert sorted(ended, key=lambda item: item.job.number) == [Exit(Job(0), 0), Exit(Job(1), 0)]

    def test_a_crash_ends_one_job_alone(self, tmp_path: Path) -> None:
        """Its slot becomes free again, and its exit code shows the signal."""
        self._needs_processes()
        with self._running("crash_if_even", 1) as executor:
            codes = []
            for number in (0, 1):
                executor.start(Job(number), _folder(tmp_path, number))
                codes += [item.code for item in _follow(executor, 1)[1]]
        assert codes == [-signal.SIGKILL, 0]

    def test_an_interrupted_job_may_write_its_checkpoint(self, tmp_path: Path) -> None:
        """It receives SIGTERM once, however often the sweep interrupts, and ends by itself."""
        self._needs_processes()
        folder = _folder(tmp_path, 0)
        with self._running("checkpoint", 1) as executor:
            executor.start(Job(0), folder)
            _until(executor, folder / "ready")
            executor.interrupt()
            executor.interrupt()
            _, ended = _follow(executor, 1)
        assert ended == [Exit(Job(0), 128 + signal.SIGTERM)]
        assert (folder / "signals").read_text() == "1"

    def test_nothing_runs_on_after_it_is_closed(self, tmp_path: Path) -> None:
        """Not even a job that ignores signals keeps running."""
        self._needs_processes()
        folder = _folder(tmp_path, 0)
        with self._running("checkpoint", 1) as executor:
            executor.start(Job(0), folder)
            _until(executor, folder / "ready")
        process = int((folder / "ready").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)

    @contextmanager
    def _running(self, entry: str, n_jobs: int) -> Iterator[Executor]:
        executor = self.executor(n_jobs, f"tunesmith.testing.executors:{entry}")
        executor.warm_up()
        executor.ready()
        try:
            yield executor
        finally:
            executor.close()

    def _needs_processes(self) -> None:
        if not self.isolates:
            pytest.skip("its jobs share a process with the sweep")


def tell_steps(directory: Path, tell: Tell) -> int:
    """A job that reports 20 steps and exits with code 3."""
    for step in range(20):
        tell({"kind": "point", "step": step, "value": None})
    return 3


def ask_twice(directory: Path, tell: Tell) -> int:
    """A job that records the answers it receives."""
    answers = [tell({"kind": "point", "step": 1, "value": 0.5})]
    answers += [tell({"kind": "rung", "rung": rung, "step": rung, "value": 0.5}) for rung in (0, 1)]
    (directory / "answers").write_text(" ".join(map(str, answers)))
    return 0


def meet(directory: Path, tell: Tell) -> int:
    """A job that succeeds if another one is running at the same time."""
    (directory / "here").touch()
    deadline = time.monotonic() + PATIENCE_S
    while len(list(directory.parent.glob("*/here"))) < 2:
        if time.monotonic() > deadline:
            return 1
        time.sleep(0.01)
    return 0


def crash_if_even(directory: Path, tell: Tell) -> int:
    """A job that is killed if the number of its directory is even."""
    if int(directory.name) % 2 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


def checkpoint(directory: Path, tell: Tell) -> int:
    """A job that waits for SIGTERM and counts how often it arrives."""
    received: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    partial = directory / "pid"
    partial.write_text(str(os.getpid()))
    partial.rename(directory / "ready")
    deadline = time.monotonic() + PATIENCE_S
    while not received and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # a second signal would have arrived by now
    (directory / "signals").write_text(str(len(received)))
    return 128 + signal.SIGTERM


def double(items: list[Any]) -> list[Any]:
    """Repeat a list."""
    return items + items


def _folder(parent: Path, number: int) -> Path:
    folder = parent / str(number)
    folder.mkdir()
    return folder


def _refuse_messages(job: Job, message: Message) -> str | None:
    raise AssertionError(f"nothing runs, and {job} says {message}")


def _follow(executor: Executor, count: int) -> tuple[list[tuple[Job, int]], list[Exit]]:
    """Collect what jobs report until a number of them have ended: job and step, then the ends."""
    heard: list[tuple[Job, int]] = []
    ended: list[Exit] = []

    def answer(job: Job, message: Message) -> str | None:
        if message["kind"] == "point":
            heard.append((job, message["step"]))
        return None

    deadline = time.monotonic() + PATIENCE_S
    while len(ended) < count and time.monotonic() < deadline:
        ended += executor.wait(answer, 0.2)
    return heard, ended


def _until(executor: Executor, file: Path) -> None:
    """Wait for a file that a running job creates."""
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists() and time.monotonic() < deadline:
        assert executor.wait(lambda job, message: None, 0.05) == []
