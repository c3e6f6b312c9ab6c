"""Models whose own Python code may run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from tunesmith.config.folders import expand

TRUSTED: ContextVar[frozenset[str]] = ContextVar("trusted", default=frozenset())
"""Models whose own code may run: those that the command line names with `--trust`."""


@contextmanager
def trusting(names: Sequence[str]) -> Iterator[None]:
    """Let the code run that comes with these models: Hub ids, or folders (a run's directory stands for its model).

    Inside of another such block, the names of both are trusted.
    """
    folders = [expand(name).resolve() for name in names if expand(name).is_dir()]
    token = TRUSTED.set(TRUSTED.get() | {*names, *map(str, folders), *(str(folder / "model") for folder in folders)})
    try:
        yield
    finally:
        TRUSTED.reset(token)


def is_trusted(source: str | None) -> bool:
    """Whether the command line trusts a model: by its name, or by the folder that the name leads to."""
    if source is None:
        return False
    return source in TRUSTED.get() or str(expand(source).resolve()) in TRUSTED.get()
