"""Command lines in processes of their own that do not import torch each time: forked from one that has.

A process is a real one, with its arguments, folder, environment, streams and exit code; only what a fresh interpreter
does before `main` is saved, which is a third of a short run. What is about just that (lazy imports, variables that
libraries read when imported, hash seeds) starts a fresh interpreter instead.
"""

import atexit
import contextlib
import functools
import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Started:
    """A command line that runs; what tests ask of `subprocess.Popen` is here by the same names."""

    def __init__(self, words: list[str], request: Mapping[str, object], stdin: str) -> None:
        self.args, self.returncode = words, None
        self.stdout, self.stderr = (tempfile.TemporaryFile("w+", encoding="utf-8") for _ in "oe")  # noqa: SIM115
        self._answer, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as source:
            source.write(stdin.encode())
            source.seek(0)
            handed = [file.fileno() for file in (theirs, source, self.stdout, self.stderr)]
            text = json.dumps({"arguments": words, **request}).encode()
            socket.send_fds(control(), [len(text).to_bytes(8, "big")], handed)
            control().sendall(text)
        self.pid = int.from_bytes(self._answer.recv(8), "big")

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        with contextlib.suppress(TimeoutError):
            self.wait(timeout=0.001)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit code.

        Raises:
            TimeoutError: It runs longer.
        """
        if self.returncode is None:
            self._answer.settimeout(timeout)
            self.returncode = int(self._answer.recv(16))
            self._answer.close()
            self.stdout.seek(0)  # not before its end: it writes where we are
            self.stderr.seek(0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end and return what it wrote to stdout and stderr."""
        self.wait(timeout)
        with self.stdout, self.stderr:
            return self.stdout.read(), self.stderr.read()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


def start_warm(
    *arguments: object,
    stdin: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    largest_file: int | None = None,
) -> Started:
    """Start `tunesmith ARGUMENTS` in a process and a process group of its own, as the job of a shell.

    Args:
        arguments: Arguments of the command.
        stdin: What it reads.
        cwd: Its folder; None for the current one.
        env: Its whole environment; None for the current one.
        largest_file: Bytes that a file of its may have, as on a disk that is full.
    """
    place = {"folder": str(cwd or Path.cwd()), "environment": {**(os.environ if env is None else env)}}
    return Started([*map(str, arguments)], place | {"largest_file": largest_file}, stdin)


def run_warm(*arguments: object, **place: Any) -> subprocess.CompletedProcess[str]:
    """Start a command line as `start_warm` does, and wait for its end."""
    started = start_warm(*arguments, **place)
    out, err = started.communicate()
    return subprocess.CompletedProcess(started.args, started.wait(), out, err)


@functools.cache
def control() -> socket.socket:
    """Start the process that forks; it ends when this end of the socket is closed, with our process at the latest."""
    ours, theirs = socket.socketpair()
    with theirs:
        line = [sys.executable, __file__, str(theirs.fileno())]
        subprocess.Popen(line, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    return ours


def serve(control: socket.socket) -> None:
    """Fork a process for each request; tell its exit code, negative for a signal, when it ends."""
    waiting = selectors.DefaultSelector()
    waiting.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is control:
                header, descriptors, _, _ = socket.recv_fds(control, 8, 4)
                if not header:
                    return
                request = b""
                while len(request) < int.from_bytes(header, "big"):
                    request += control.recv(1 << 16)
                pid = os.fork()
                if pid == 0:
                    waiting.close()
                    control.close()
                    become(descriptors, **json.loads(request))
                for descriptor in descriptors[1:]:
                    os.close(descriptor)
                os.write(descriptors[0], pid.to_bytes(8, "big"))
                waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, descriptors[0]))
            else:
                pid, answer = key.data
                waiting.unregister(key.fileobj)
                os.close(key.fd)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.write(answer, str(code).encode())
                os.close(answer)


def become(
    descriptors: list[int],
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    largest_file: int | None,
) -> None:
    """Turn this process into `tunesmith ARGUMENTS`."""
    os.setsid()
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    for target, descriptor in enumerate(descriptors[1:]):
        os.dup2(descriptor, target)
    for descriptor in descriptors:
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[0] = folder
    from tunesmith.cli import main

    sys.argv = [str(main.__file__), *arguments]
    code = main.main()
    # As the interpreter ends, but for taking every imported module apart, which takes longer than most commands.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))
    sys.path.insert(0, "")
    import tunesmith.sweeping.execution.preload  # noqa: F401

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    serve(socket.socket(fileno=int(sys.argv[1])))
