"""The modules of the user's own whose classes a config may name here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

MODULES: ContextVar[tuple[str, ...]] = ContextVar("modules", default=())
"""Those that the command line names with `--trust`."""


@contextmanager
def trusting_modules(names: Sequence[str]) -> Iterator[None]:
    """Let classes of these modules be constructed; inside of another such block, those of both."""
    token = MODULES.set((*MODULES.get(), *names))
    try:
        yield
    finally:
        MODULES.reset(token)
