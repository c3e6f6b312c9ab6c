"""Command lines in processes of their own that do not import torch each time: forked from one that has.

A process is a real one, with its arguments, folder, environment, streams and exit code; only what a fresh interpreter
does before `main` is saved, which is a third of a short run. What is about just that (lazy imports, variables that
libraries read when imported, hash seeds) starts a fresh interpreter instead.
"""

import atexit
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path


def run_warm(
    *arguments: object, stdin: str = "", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `tunesmith ARGUMENTS` in a process of its own and wait for its end; as `subprocess.run` would.

    Args:
        arguments: Arguments of the command.
        stdin: What it reads.
        cwd: Its folder; None for the current one.
        env: Its whole environment; None for the current one.
    """
    words = [*map(str, arguments)]
    request = json.dumps({"arguments": words, "folder": str(cwd or Path.cwd()), "environment": {**(env or os.environ)}})
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        source.write(stdin.encode())
        source.seek(0)
        with theirs:
            handed = [file.fileno() for file in (theirs, source, out, err)]
            socket.send_fds(control(), [len(request.encode()).to_bytes(8, "big")], handed)
            control().sendall(request.encode())
        code = int(ours.recv(16))
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"))
    return subprocess.CompletedProcess(["tunesmith", *words], code, *texts)


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
                waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, descriptors[0]))
            else:
                pid, answer = key.data
                waiting.unregister(key.fileobj)
                os.close(key.fd)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.write(answer, str(code).encode())
                os.close(answer)


def become(descriptors: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Turn this process into `tunesmith ARGUMENTS`."""
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
