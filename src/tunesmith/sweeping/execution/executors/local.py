"""Run trials on this machine, each in its own process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, ClassVar, Literal

from tunesmith.machine import gpus, usable_cores
from tunesmith.sweeping.execution.executors.executor import Answer, Executor, Exit
from tunesmith.sweeping.execution.trial_process import answer_call, child
from tunesmith.sweeping.search.trials import Job

LONGEST_TEMPORARY_FOLDER = 104 - len("/pymp-xxxxxxxx/listener-xxxxxxxx\0")
"""In characters: a Unix socket's path is limited to 104 on macOS (108 on Linux), and multiprocessing appends these."""


@dataclass
class _Slot:
    """A place for one trial at a time."""

    gpu: str | None
    job: Job | None = None
    process: ForkServerProcess | None = None
    asked: bool = False
    """Whether it has been asked to end; a second signal would end it without a checkpoint."""
    channel: Connection | None = None


class Local(Executor):
    """One process per trial, forked from one that has imported everything; a crash ends only that trial.

    Args:
        n_jobs: Trials at once; `auto` is one per GPU, or one per usable CPU core. Each slot has a GPU of its own.
        entry: The function that runs a trial.
    """

    PRELOAD: ClassVar[tuple[str, ...]] = ("tunesmith.sweeping.execution.preload",)
    """Modules imported before the first trial; if empty, every trial imports its own."""

    def __init__(self, n_jobs: int | Literal["auto"], entry: str) -> None:
        devices = gpus()
        super().__init__((len(devices) or usable_cores()) if n_jobs == "auto" else n_jobs, entry)
        _give_sockets_a_short_path()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(self.PRELOAD))
        self._slots = [_Slot(devices[number % len(devices)] if devices else None) for number in range(self.slots)]

    def warm_up(self) -> None:
        """Start importing while the driver is still busy with other work."""
        from multiprocessing import forkserver

        forkserver.ensure_running()

    def ready(self) -> None:
        """Wait for the imports: a trial dispatched before they finish would keep the other slots waiting."""
        probe = self._context.Process(target=int)
        probe.start()
        probe.join()

    def call(self, entry: str, *arguments: Any) -> Any:
        """Call a function in its own process; waits for the imports and for the answer.

        Raises:
            EOFError: The process ended without answering.
        """
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=answer_call, args=(entry, arguments, theirs))
        process.start()
        theirs.close()
        try:
            return ours.recv()
        finally:
            process.join()
            ours.close()

    def start(self, job: Job, directory: Path) -> None:
        """Start a process for the job."""
        slot = next(slot for slot in self._slots if slot.job is None)
        ours, theirs = self._context.Pipe()
        arguments = (self.entry, str(directory), theirs, slot.gpu)
        slot.process = self._context.Process(target=child, args=arguments, name=f"trial-{job.number}")
        slot.job, slot.channel, slot.asked = job, ours, False
        slot.process.start()
        theirs.close()

    def wait(self, answer: Answer, timeout: float) -> list[Exit]:
        """Answer messages until a process ends or the timeout is over."""
        deadline = time.monotonic() + timeout
        while True:
            busy = {slot.process.sentinel: slot for slot in self._slots if slot.process is not None}
            open_channels = {slot.channel: slot for slot in busy.values() if slot.channel is not None}
            left = max(0.0, deadline - time.monotonic())
            ready = connection.wait([*open_channels, *busy], timeout=left)
            for item in ready:
                if isinstance(item, Connection):
                    self._hear(open_channels[item], answer)
            ended = [busy[item] for item in ready if isinstance(item, int)]
            if ended or not ready:
                return [self._end(slot, answer) for slot in ended]

    def _hear(self, slot: _Slot, answer: Answer) -> bool:
        """Receive one message and answer it if it is a question; return False if the channel is closed."""
        assert slot.channel is not None
        assert slot.job is not None
        try:
            message = slot.channel.recv()
            decision = answer(slot.job, message)
            if decision is not None:
                slot.channel.send(decision)
        except (EOFError, OSError):
            slot.channel.close()
            slot.channel = None
            return False
        return True

    def _end(self, slot: _Slot, answer: Answer) -> Exit:
        while slot.channel is not None and slot.channel.poll() and self._hear(slot, answer):
            pass
        assert slot.process is not None
        assert slot.job is not None
        slot.process.join()
        ended = Exit(slot.job, slot.process.exitcode or 0)
        if slot.channel is not None:
            slot.channel.close()
        slot.process.close()
        slot.job = slot.process = slot.channel = None
        return ended

    def interrupt(self) -> None:
        """Ask every running trial to write a checkpoint and end."""
        for slot in self._slots:
            if slot.asked or slot.process is None or slot.process.pid is None:
                continue
            slot.asked = True
            if slot.process.is_alive():
                os.kill(slot.process.pid, signal.SIGTERM)

    def close(self) -> None:
        """Kill all running trials."""
        for slot in self._slots:
            if slot.process is not None:
                slot.process.kill()
                slot.process.join()


def _give_sockets_a_short_path() -> None:
    """Use a short folder for multiprocessing's sockets if the temporary folder's path is too long for one."""
    from multiprocessing import util

    if len(tempfile.gettempdir()) <= LONGEST_TEMPORARY_FOLDER:
        return
    before, tempfile.tempdir = tempfile.tempdir, "/tmp"
    try:
        util.get_temp_dir()  # creates the folder, which stays for the life of this process
    finally:
        tempfile.tempdir = before
