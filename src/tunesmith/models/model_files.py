"""A model's folder as it lies there: told what is wrong with its files before a library trips over them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from tunesmith.errors import FilesError


def check_folder(folder: Path) -> None:
    """Refuse a folder whose weights are a pickle, damaged, or not all there.

    Raises:
        FilesError: They are.
    """
    _refuse_pickles(folder)
    for file in sorted(folder.glob("*.safetensors")):
        check_weights(file)
    for index in sorted(folder.glob("*.safetensors.index.json")):
        _refuse_gaps(index)


def refuse_adapter(folder: Path) -> None:
    """Say that there is an adapter and no network, and how to make one of both.

    Raises:
        FilesError: There is.
    """
    file = folder / "adapter_config.json"
    if not file.is_file() or (folder / "config.json").is_file():
        return
    base = (read_json(file) or {}).get("base_model_name_or_path")
    sentence = f"{folder} holds an adapter of peft's alone, and not the network that it belongs to"
    if (folder.parent / "provenance.json").is_file():
        run = shlex.quote(str(folder.parent))
        raise FilesError(f"{sentence}. Start from its run: model=from_run model.from_run={run}")
    raise FilesError(
        f"{sentence}{f' ({base})' if base else ''}. Put it into that with peft, and name the new folder: "
        "AutoPeftModel.from_pretrained(ADAPTER).merge_and_unload().save_pretrained(FOLDER), with the AutoPeftModel of "
        "its task"
    )


def _refuse_pickles(folder: Path) -> None:
    """Say that weights are a pickle where there are no others, before anything else is read."""
    pickles = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in folder.glob(pattern))
    weights = [name for name in pickles if name not in ("training_args.bin", "optimizer.pt", "scheduler.pt")]
    if weights and not any(folder.glob("*.safetensors")):
        raise FilesError(
            f"{folder} holds its weights as a pickle only ({weights[0]}), which can run code when it is read. "
            "Only safetensors are read here: load it where you trust it and save it again with save_pretrained"
        )


def check_weights(file: Path) -> None:
    """Hold the size of a file of weights against the size that its header asks for.

    The format: 8 bytes with the header's length, little-endian; the header, JSON with each tensor's place behind it.

    Raises:
        FilesError: It is shorter or longer, or no such file.
    """
    size = file.stat().st_size
    again = "It was not copied or downloaded whole: fetch it again"
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or 8 + length > size:
            expected = f"its header alone asks for {8 + length:,}" if size >= 8 else "such a file has at least 8"
            raise FilesError(f"{file} has {size:,} bytes, and {expected}. {again}")
        header = _parsed(stream.read(length))
    if header is None:
        raise FilesError(f"{file} is no file of safetensors: it does not begin with a header ({size:,} bytes)")
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    wanted_size = 8 + length + max(ends, default=0)
    if size != wanted_size:
        raise FilesError(f"{file} has {size:,} bytes, and its header asks for {wanted_size:,}. {again}")


def _parsed(header: bytes) -> dict[str, Any] | None:
    """The header's entries, each with its place; None where it is none."""
    try:
        entries = json.loads(header)
        places = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return entries if all(isinstance(place, int) for place in places) else None


def _refuse_gaps(index: Path) -> None:
    """Say which of the files are missing that an index names."""
    named = (read_json(index) or {}).get("weight_map") or {}
    missing = sorted({name for name in named.values() if not (index.parent / name).is_file()})
    if missing:
        listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise FilesError(f"{index} names {len(missing)} files that are not there: {listed}. Fetch them again")


def read_json(file: Path) -> dict[str, Any] | None:
    """A JSON object in a file; None where there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
