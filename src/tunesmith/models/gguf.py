"""Converts GGUF files (llama.cpp's format) to model folders, once per content."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import io
import logging
import struct
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tunesmith.config.folders import expand
from tunesmith.errors import FilesError
from tunesmith.models.load_errors import first_line, quiet_transformers
from tunesmith.storage import make_folder

log = logging.getLogger("tunesmith")

FORMAT = "1"
"""Version of a converted folder's content; part of its name."""


def converted(file: Path, cache_dir: Path) -> Path:
    """Return the folder with a GGUF file's tokenizer and fp32 safetensors, converting it on first use.

    Args:
        file: The GGUF file.
        cache_dir: Folder for converted models, each under a hash of its file's bytes.

    Raises:
        FilesError: The file is missing or unreadable, or the folder cannot be written.
    """
    if not file.is_file():
        raise FilesError(f"model file {str(file)!r} does not exist")
    state = file.stat()
    folder = expand(cache_dir) / f"gguf-{FORMAT}-{_sha256(file.resolve(), state.st_size, state.st_mtime_ns)[:32]}"
    if not folder.is_dir():
        _convert(file.resolve(), folder)
    return folder.resolve()


@functools.cache
def _sha256(file: Path, size: int, changed: int) -> str:
    """Hash (hex) of a file; size and modification time are part of the cache's key."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _convert(file: Path, folder: Path) -> None:
    if importlib.util.find_spec("gguf") is None:
        raise FilesError(f"reading {file.name} needs the package gguf: pip install gguf")
    log.info("converting %s to safetensors, once (a minute for 135M parameters); kept in %s", file.name, folder)
    try:
        with quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):  # the progress bar cannot be switched off
            make_folder(folder, functools.partial(_write, file))
    except (OSError, ValueError, RuntimeError, KeyError, IndexError, struct.error) as error:
        raise FilesError(f"cannot convert {file} into {folder}: {first_line(error)}") from error


def _write(file: Path, folder: Path) -> None:
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(**source)
    network = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    # The weights are plain fp32 by now, but transformers neither saves nor trains a model marked as quantised.
    for name in ("hf_quantizer", "quantization_method"):
        setattr(network, name, None)
    network.is_quantized = False
    del network.config.quantization_config
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
