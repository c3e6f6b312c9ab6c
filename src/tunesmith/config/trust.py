"""Whose code may run: modules of the user's own and models with code of their own, as `--trust` names them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from tunesmith.config.folders import expand

TRUSTED: ContextVar[tuple[str, ...]] = ContextVar("trusted", default=())
"""What the command line, or a caller from Python, names. Never a file: a config cannot grant itself anything."""


def trusted() -> tuple[str, ...]:
    """The names that are trusted here, in the order in which they were given."""
    return TRUSTED.get()


@contextmanager
def trusting(names: Sequence[str]) -> Iterator[None]:
    """Let code of these run inside the block, beside what is trusted around it.

    Args:
        names: Modules, which are looked for in the current folder too; Hub ids; or folders of models (a run's directory
            stands for its model).
    """
    token = TRUSTED.set(tuple(dict.fromkeys((*TRUSTED.get(), *names))))
    try:
        with _trusting(names):
            yield
    finally:
        TRUSTED.reset(token)


def is_trusted(source: str | None) -> bool:
    """Whether a model is trusted: by its name, or by the folder that the name leads to."""
    if source is None:
        return False
    folders = [expand(name).resolve() for name in trusted() if expand(name).is_dir()]
    places = {*map(str, folders), *(str(folder / "model") for folder in folders)}
    return source in trusted() or str(expand(source).resolve()) in places


@contextmanager
def _trusting(names: Sequence[str]) -> Iterator[None]:
    """Let modules be found in the current folder too."""
    from tunesmith.config.checking import signatures  # not needed to show a config

    here = str(Path.cwd())
    if not names or here in sys.path:
        yield
        return
    sys.path.insert(0, here)
    signatures.forget_signatures()
    try:
        yield
    finally:
        sys.path.remove(here)
        signatures.forget_signatures()
