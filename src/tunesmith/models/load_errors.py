"""Explains why loading a model failed, in one sentence."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from tunesmith.config.folders import expand
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.hub_access import hub_answers


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' log messages and progress bars."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)


@contextmanager
def explained(source: str) -> Iterator[None]:
    """Turn loading errors into one sentence, and silence transformers."""
    try:
        with quiet_transformers():
            yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        if "trust_remote_code" in str(error):
            rule = "this model has its own Python code, which runs only if you name the model on the command line"
            raise ConfigError(
                [Problem("model.path", rule, source, f"If you trust it: --trust {shlex.quote(source)}")]
            ) from None
        if expand(source).exists():
            raise FilesError(f"cannot load {source!r} as a folder: {first_line(error)}") from error
        asked = (
            "the Hub does not have it" if hub_answers() else "no such model in the cache (the Hub cannot be reached)"
        )
        raise FilesError(f"cannot load {source!r}: no such folder, and {asked}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """Return the first non-empty line of an error's message, or else the name of its class."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
