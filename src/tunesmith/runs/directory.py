"""A run's directory: opened once, never reused, every file in its place."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tunesmith.config.folders import expand
from tunesmith.errors import FilesError

UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class RunDirectory:
    """Where each file of a run is."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved config, relaunched by `tunesmith train --from`."""
        return self.path / "config.yaml"

    @property
    def provenance(self) -> Path:
        """Command, code, packages, hardware, data and model identity."""
        return self.path / "provenance.json"

    @property
    def metrics(self) -> Path:
        """Curves: one JSON object per line."""
        return self.path / "metrics.jsonl"

    @property
    def results(self) -> Path:
        """Status and final numbers."""
        return self.path / "results.json"

    @property
    def predictions(self) -> Path:
        """One JSON object per evaluated row."""
        return self.path / "predictions.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Folder of `last.ckpt`, for a resume."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder of the best weights in the Hugging Face layout."""
        return self.path / "model"

    @property
    def log(self) -> Path:
        """What the program had to say."""
        return self.path / "run.log"

    def said(self) -> dict[str, Any]:
        """What the run says of itself in its results; nothing where it came to no words."""
        try:
            found = json.loads(self.results.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a process that was killed may leave anything
            return {}
        return found if isinstance(found, dict) else {}


def open_directory(root: Path, name: str, fingerprint: str, exact: Path | None = None) -> RunDirectory:
    """Make a new run directory: `<root>/<day>/<time>_<name>_<first 6 of the fingerprint>`.

    Directories are made exclusively, so that simultaneous starts never share one: the second of two takes a suffix.

    Args:
        root: Folder of all runs.
        name: Name for people; characters that do not belong in a file name are replaced.
        fingerprint: Identity of the config, in hex.
        exact: The directory itself, instead of a made-up one.

    Raises:
        FilesError: It exists already, or cannot be made.
    """
    now = datetime.now()
    safe = UNSAFE.sub("-", name).strip("-.")[:60] or "run"
    stem = exact or root / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}_{safe}_{fingerprint[:6]}"
    stem = expand(stem)
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            path = stem if attempt == 1 else stem.with_name(f"{stem.name}_{attempt}")
            try:
                path.mkdir()
            except FileExistsError:
                if exact is not None:
                    raise FilesError(f"run.dir={exact} exists already; a run directory is never reused") from None
                continue
            return RunDirectory(path.resolve())
    except OSError as error:
        raise FilesError(f"cannot make the run directory {stem}: {error.strerror}") from None
    raise FilesError(f"cannot find a free name beside {stem}")


_HELD: set[int] = set()


def _let_go() -> None:
    """In a forked child, such as a loading process: hold nothing, so that nothing is held once the parent is gone."""
    for handle in _HELD:
        os.close(handle)
    _HELD.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a run's or a sweep's directory for this process alone; a killed process holds it no longer.

    Raises:
        FilesError: Another process has it, or it cannot be written.
    """
    try:
        handle = os.open(path / ".lock", os.O_CREAT | os.O_WRONLY, 0o644)
    except OSError as error:
        raise FilesError(f"cannot write into {path}: {error.strerror}") from None
    _HELD.add(handle)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FilesError(
                f"{path} is in use by another process; see it with: tunesmith show {shlex.quote(str(path))}"
            ) from None
        yield
    finally:
        if handle in _HELD:  # else this is a forked child, which has closed it
            _HELD.remove(handle)
            os.close(handle)


def clear_away(directory: RunDirectory) -> None:
    """Remove what a killed process left half written in a run's folders.

    Raises:
        FilesError: It cannot be removed.
    """
    for folder in (directory.path, directory.checkpoints, directory.model):
        # `.tmp...` are the files that safetensors writes beside their place.
        for stale in [*folder.glob(".*.tmp"), *folder.glob(".tmp*")]:
            try:
                stale.unlink(missing_ok=True)
            except OSError as error:
                raise FilesError(f"cannot remove {stale}: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees the old text or the new one, also after a crash.

    Raises:
        FilesError: The file cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # mkstemp's files are private to the user
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FilesError(f"cannot write {path}: {error.strerror}") from None


def write_json(path: Path, value: Any) -> None:
    """Replace a file atomically by the value as indented, strict JSON.

    Raises:
        FilesError: The file cannot be written.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
