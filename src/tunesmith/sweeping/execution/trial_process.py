"""The process of a trial: its startup, and the function that runs it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tunesmith.sweeping.execution.messages import Message, Tell

ENTRY = "tunesmith.sweeping.execution.trial_process:train_trial"
"""The function that runs a trial, as `module:function`."""


def child(entry: str, directory: str, channel: Connection, gpu: str | None) -> None:
    """Set up a trial's process, then run the trial."""
    _die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the process that it was forked from ignores it
    os.setsid()  # a Ctrl-C in the terminal is for the driver, which asks for a checkpoint once
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    output = os.open(Path(directory) / "output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(output, stream.fileno())

    def tell(message: Message) -> str | None:
        channel.send(message)
        return str(channel.recv()) if message["kind"] == "rung" else None

    sys.exit(load(entry)(Path(directory), tell))


def answer_call(entry: str, arguments: Sequence[Any], channel: Connection) -> None:
    """Send the result of a function."""
    _die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    channel.send(load(entry)(*arguments))


def train_trial(directory: Path, tell: Tell) -> int:
    """Run the trial in a directory and return its exit code; a failure is reported with its reason."""
    import traceback

    from tunesmith.errors import TunesmithError
    from tunesmith.report_error import explain
    from tunesmith.sweeping.execution.trial import run_trial
    from tunesmith.training.callbacks.interruption import Pruned

    command, sys.argv = sys.argv, ["tunesmith", "train", "--from", str(directory)]  # the run records it as its own
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
    finally:
        sys.argv = command  # the sweep's, if it runs its trials in its own process
    return 0


def load(entry: str) -> Callable[..., Any]:
    """Load the function named by `module:name`."""
    from importlib import import_module

    module, _, name = entry.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _die_with_parent() -> None:
    """End this process when the driver's ends, for any reason: forked processes do not end by themselves."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(137)

    threading.Thread(target=watch, daemon=True).start()
