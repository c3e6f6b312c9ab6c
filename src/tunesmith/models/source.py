"""Locates a model: a local folder, a GGUF file, or the Hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from tunesmith.config.folders import expand
from tunesmith.config.schema import Model
from tunesmith.config.trust import is_trusted
from tunesmith.errors import FilesError
from tunesmith.hub_access import hub_answers
from tunesmith.models.gguf import converted
from tunesmith.models.model_files import check_folder

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def locate(path: str, cache_dir: str) -> str:
    """Return a local folder's absolute path, or a Hub id unchanged; a GGUF file is converted to a folder once.

    Args:
        path: The folder, the GGUF file or the Hub id.
        cache_dir: Folder for converted files.

    Raises:
        FilesError: It can only be a local path, and does not exist; the Hub is not asked.
    """
    local = expand(path)
    if local.suffix == ".gguf":
        return str(converted(local, Path(cache_dir)))
    if local.is_dir():
        check_folder(local)
        return str(local.resolve())
    if HUB_ID.fullmatch(path) and not path.startswith("."):
        return path
    raise FilesError(f"model folder {path!r} does not exist (and it does not look like a Hub id, `org/name`)")


def loading(model: Model, source: str) -> dict[str, Any]:
    """Return the arguments of `from_pretrained` for the source to load from.

    A model's own code runs only if the command line names that model with `--trust`.

    Args:
        model: The model config.
        source: Its path, or its tokenizer's.

    Raises:
        FilesError: It can only be a local path, and does not exist.
    """
    located = locate(source, model.cache_dir)
    elsewhere = not Path(located).is_absolute()
    return {
        "pretrained_model_name_or_path": located,
        "revision": (model.revision if source == model.path else None) or "main",
        "local_files_only": elsewhere and not hub_answers(),
        "trust_remote_code": is_trusted(source),
    }


def resolved_revision(model: Model) -> str | None:
    """Return the Hub commit that a checkpoint was loaded from, from the download cache; None for a local model.

    Args:
        model: The model config, after its checkpoint was loaded.
    """
    if model.path is None or Path(located := locate(model.path, model.cache_dir)).is_absolute():
        return None
    file = try_to_load_from_cache(located, "config.json", revision=model.revision or "main")
    return Path(file).parent.name if isinstance(file, str) else None
