"""Where a model comes from: a local folder, a GGUF file, or the Hub."""

from __future__ import annotations

import functools
import logging
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from tunesmith.config.folders import expand
from tunesmith.config.schema import Model
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.models.model_files import check_folder

log = logging.getLogger("tunesmith")

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
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


def locate(path: str, cache_dir: str) -> str:
    """A local folder's absolute path, or a Hub id as it is; a GGUF file is converted once, and is then a folder.

    Args:
        path: The folder, the GGUF file or the Hub id.
        cache_dir: Where converted files are kept.

    Raises:
        FilesError: It can only be a local path, and there is nothing; the Hub is not asked.
    """
    local = expand(path)
    if local.suffix == ".gguf":
        from tunesmith.models.gguf import converted

        return str(converted(local, Path(cache_dir)))
    if local.is_dir():
        check_folder(local)
        return str(local.resolve())
    if HUB_ID.fullmatch(path) and not path.startswith("."):
        return path
    raise FilesError(f"model folder {path!r} does not exist (and it is not of the form of a Hub id, `org/name`)")


def loading(model: Model, source: str) -> dict[str, Any]:
    """The arguments of `from_pretrained` that say where to load from.

    Code that comes with a model runs only where the command line trusts that model by name.

    Args:
        model: The model config.
        source: Its path, or its tokenizer's.

    Raises:
        FilesError: It can only be a local path, and there is nothing.
    """
    located = locate(source, model.cache_dir)
    elsewhere = not Path(located).is_absolute()
    return {
        "pretrained_model_name_or_path": located,
        "revision": (model.revision if source == model.path else None) or "main",
        "local_files_only": elsewhere and not hub_answers(),
        "trust_remote_code": is_trusted(source),
    }


@functools.cache
def hub_answers() -> bool:
    """Whether the Hub can be reached, asked once, for 5 s at most; its own client would retry for a minute."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    except Exception as error:  # the client's transport has a tree of exceptions of its own
        log.info("%s does not answer (%s); only downloaded models can be used", constants.ENDPOINT, first_line(error))
        return False
    return True


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' own chatter off the screen."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)


@contextmanager
def explained(source: str) -> Iterator[None]:
    """Turn the ways in which loading fails into one sentence, without transformers' own chatter."""
    try:
        with quiet():
            yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        if "trust_remote_code" in str(error):
            rule = "this model comes with Python code of its own, which runs only if you name it on the command line"
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
    """The first line of an error's message that says something."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
