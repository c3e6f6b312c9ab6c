"""Whose code may run: the user's own modules, and models that contain code, named by `--trust`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from tunesmith.config.folders import expand

TRUSTED: ContextVar[tuple[str, ...]] = ContextVar("trusted", default=())
"""Names given on the command line or by a caller from Python, never in a file: a config cannot trust itself."""


def trusted() -> tuple[str, ...]:
    """The trusted names, in the order in which they were given."""
    return TRUSTED.get()


@contextmanager
def trusting(names: Sequence[str]) -> Iterator[None]:
    """Trust these names inside the block, in addition to those trusted outside it.

    Args:
        names: Modules, also in the current folder; Hub ids; or folders of models (or a run's directory, for its
            model).
    """
    token = TRUSTED.set(tuple(dict.fromkeys((*TRUSTED.get(), *names))))
    try:
        with _trusting(names):
            yield
    finally:
        TRUSTED.reset(token)


def is_trusted(source: str | None) -> bool:
    """Whether a model is trusted, by its name or by its folder."""
    if source is None:
        return False
    folders = [expand(name).resolve() for name in trusted() if expand(name).is_dir()]
    places = {*map(str, folders), *(str(folder / "model") for folder in folders)}
    return source in trusted() or str(expand(source).resolve()) in places


@contextmanager
def _trusting(names: Sequence[str]) -> Iterator[None]:
    """Make modules in the current folder importable too."""
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
