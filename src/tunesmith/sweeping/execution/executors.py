"""Where trials run: in this process, one after another, or each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Protocol

from tunesmith.sweeping.search.trials import Job

ENTRY = "tunesmith.sweeping.execution.executors:train_trial"
"""What a trial's process calls with its directory and its channel."""
Answer = Callable[[Job, dict[str, Any]], str | None]
"""The sweep's answer to a message of a trial."""
LONGEST_TEMPORARY_FOLDER = 104 - len("/pymp-xxxxxxxx/listener-xxxxxxxx\0")
"""Characters: a Unix socket's path has 104 of them on macOS (108 on Linux), and multiprocessing adds these."""


@dataclass(frozen=True)
class Exit:
    """A trial's process has ended."""

    job: Job
    code: int
    """Its exit code; negative for a signal."""


class Executor(Protocol):
    """Runs jobs; what a trial needs is in its directory, so that another machine can run it too."""

    slots: int
    """Jobs at once."""

    def ready(self) -> None:
        """Return when jobs can be started without a delay."""

    def call(self, entry: str, *arguments: Any) -> Any:
        """What a function, `module:name`, answers where everything that trials need is imported."""

    def start(self, job: Job, directory: Path) -> None:
        """Start a job in a free slot."""

    def wait(self, answer: Answer, timeout: float) -> list[Exit]:
        """Answer the messages of trials; return when some have ended, or after so many seconds."""

    def interrupt(self) -> None:
        """Ask every running trial to write a checkpoint and end."""

    def close(self) -> None:
        """End whatever still runs."""


class InProcess:
    """One trial after another in this process, for debugging: a breakpoint works, a crash ends the sweep.

    Args:
        entry: What runs a trial.
    """

    slots = 1

    def __init__(self, entry: str = ENTRY) -> None:
        self.entry = entry
        self._waiting: deque[tuple[Job, Path]] = deque()

    def ready(self) -> None:
        """Nothing to wait for: the first job imports what it needs."""

    def call(self, entry: str, *arguments: Any) -> Any:
        """Call it here."""
        return load(entry)(*arguments)

    def start(self, job: Job, directory: Path) -> None:
        """Remember a job."""
        self._waiting.append((job, directory))

    def wait(self, answer: Answer, timeout: float) -> list[Exit]:
        """Run the next job."""
        if not self._waiting:
            return []
        job, directory = self._waiting.popleft()
        code = load(self.entry)(directory, lambda message: answer(job, message))
        if code - 128 in (signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(code - 128)  # the trial took it, and it was meant for the sweep
        return [Exit(job, code)]

    def interrupt(self) -> None:
        """Nothing: a signal reaches the trial itself."""

    def close(self) -> None:
        """Forget what was not started."""
        self._waiting.clear()


@dataclass
class _Slot:
    """A place for one trial at a time."""

    gpu: str | None
    job: Job | None = None
    process: ForkServerProcess | None = None
    asked: bool = False
    """To end; a second signal would end it without a checkpoint."""
    channel: Connection | None = None


class Local:
    """One process per trial, forked from one that has imported everything; a crash ends that trial alone.

    Args:
        slots: Trials at once.
        gpus: Names of GPUs as `CUDA_VISIBLE_DEVICES` takes them; each slot has one to itself. None for the CPU.
        entry: What runs a trial.
        preload: Modules that are imported before the first trial; none makes every trial import for itself.
    """

    GRACE_S = 120.0
    """Seconds that an interrupted trial has for its checkpoint."""

    def __init__(
        self,
        slots: int,
        gpus: Sequence[str] | None = None,
        entry: str = ENTRY,
        preload: Sequence[str] = ("tunesmith.sweeping.execution.preload",),
    ) -> None:
        self.slots = slots
        self.entry = entry
        _give_sockets_a_short_path()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(preload))
        self._slots = [_Slot(gpus[number % len(gpus)] if gpus else None) for number in range(slots)]

    def warm_up(self) -> None:
        """Start importing now, while the driver is still busy with something else."""
        from multiprocessing import forkserver

        forkserver.ensure_running()

    def ready(self) -> None:
        """Wait for the imports: a trial that is dispatched before they are made would keep the other slots waiting."""
        probe = self._context.Process(target=int)
        probe.start()
        probe.join()

    def call(self, entry: str, *arguments: Any) -> Any:
        """Call it in a process of its own; waits for the imports, and for the answer.

        Raises:
            EOFError: The process ended without an answer.
        """
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_answer, args=(entry, arguments, theirs))
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
        """Answer messages until a process has ended, or the time is up."""
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
        """Take one message and answer it if it is a question; False where there is none."""
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
        found = Exit(slot.job, slot.process.exitcode or 0)
        if slot.channel is not None:
            slot.channel.close()
        slot.process.close()
        slot.job = slot.process = slot.channel = None
        return found

    def interrupt(self) -> None:
        """Ask every running trial to write a checkpoint and end."""
        for slot in self._slots:
            if slot.asked or slot.process is None or slot.process.pid is None:
                continue
            slot.asked = True
            if slot.process.is_alive():
                os.kill(slot.process.pid, signal.SIGTERM)

    def close(self) -> None:
        """Kill what still runs."""
        for slot in self._slots:
            if slot.process is not None:
                slot.process.kill()
                slot.process.join()


def child(entry: str, directory: str, channel: Connection, gpu: str | None) -> None:
    """The first lines of a trial's process."""
    _die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the process that it was forked from ignores it
    os.setsid()  # a Ctrl-C in the terminal is the driver's to handle: it asks for a checkpoint, once
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    sys.argv = ["tunesmith", "train", "--from", directory]
    output = os.open(Path(directory) / "output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(output, stream.fileno())

    def tell(message: Mapping[str, Any]) -> str | None:
        channel.send(dict(message))
        return str(channel.recv()) if message["kind"] == "rung" else None

    sys.exit(load(entry)(Path(directory), tell))


def _answer(entry: str, arguments: Sequence[Any], channel: Connection) -> None:
    _die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    channel.send(load(entry)(*arguments))


def train_trial(directory: Path, tell: Callable[[dict[str, Any]], str | None]) -> int:
    """Run the trial in a directory and return its exit code; a failure is told with its reason."""
    import traceback

    from tunesmith.errors import TunesmithError
    from tunesmith.report_error import explain
    from tunesmith.sweeping.execution.trial import run_trial
    from tunesmith.training.callbacks.interruption import Pruned

    try:
        run_trial(directory, tell)
    except Pruned as pruned:
        tell({"kind": "pruned", "reason": str(pruned)})
        return 0
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, TunesmithError):
            traceback.print_exc()
        tell({"kind": "failed", "reason": f"{type(error).__name__}: {error}"})
        return explain(error)
    return 0


def load(entry: str) -> Callable[..., Any]:
    """The function that `module:name` stands for."""
    from importlib import import_module

    module, _, name = entry.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _give_sockets_a_short_path() -> None:
    """Keep multiprocessing's sockets out of a temporary folder whose path is too long for one, as on some clusters."""
    from multiprocessing import util

    if len(tempfile.gettempdir()) <= LONGEST_TEMPORARY_FOLDER:
        return
    before, tempfile.tempdir = tempfile.tempdir, "/tmp"
    try:
        util.get_temp_dir()  # made here, and kept for the life of this process
    finally:
        tempfile.tempdir = before


def _die_with_parent() -> None:
    """End this process when the driver's ends, however that comes: forked processes do not by themselves."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(137)

    threading.Thread(target=watch, daemon=True).start()
