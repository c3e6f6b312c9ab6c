"""Checks the files in a model's folder before a library fails on them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from tunesmith.errors import FilesError


def check_folder(folder: Path) -> None:
    """Refuse a folder whose weights are a pickle, damaged or incomplete.

    Raises:
        FilesError: The weights cannot be used.
    """
    _refuse_pickles(folder)
    for file in sorted(folder.glob("*.safetensors")):
        check_weights(file)
    for index in sorted(folder.glob("*.safetensors.index.json")):
        _refuse_gaps(index)


def refuse_adapter(folder: Path) -> None:
    """Refuse a folder with an adapter but no network, and say how to merge them.

    Raises:
        FilesError: The folder holds only an adapter.
    """
    file = folder / "adapter_config.json"
    if not file.is_file() or (folder / "config.json").is_file():
        return
    base = (read_json(file) or {}).get("base_model_name_or_path")
    sentence = f"{folder} holds only a peft adapter, not the network that it belongs to"
    if (folder.parent / "provenance.json").is_file():
        run = shlex.quote(str(folder.parent))
        raise FilesError(f"{sentence}. Start from its run: model=from_run model.from_run={run}")
    raise FilesError(
        f"{sentence}{f' ({base})' if base else ''}. Merge them with peft, and use the new folder: "
        "AutoPeftModel.from_pretrained(ADAPTER).merge_and_unload().save_pretrained(FOLDER), with the AutoPeftModel of "
        "its task"
    )


def _refuse_pickles(folder: Path) -> None:
    """Refuse a folder whose only weights are a pickle, before anything else is read."""
    pickles = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in folder.glob(pattern))
    weights = [name for name in pickles if name not in ("training_args.bin", "optimizer.pt", "scheduler.pt")]
    if weights and not any(folder.glob("*.safetensors")):
        raise FilesError(
            f"{folder} holds its weights only as a pickle ({weights[0]}), which can run code when it is read. "
            "Only safetensors are read: load it where you trust it and save it again with save_pretrained"
        )


def check_weights(file: Path) -> None:
    """Check that a safetensors file has the size that its header implies.

    The format: 8 bytes with the header's length, little-endian; the header, JSON with each tensor's offsets; the data.

    Raises:
        FilesError: It is shorter or longer, or not a safetensors file.
    """
    size = file.stat().st_size
    again = "It was not copied or downloaded completely: fetch it again"
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or 8 + length > size:
            expected = f"its header alone takes {8 + length:,}" if size >= 8 else "such a file has at least 8"
            raise FilesError(f"{file} has {size:,} bytes, but {expected}. {again}")
        header = _parsed(stream.read(length))
    if header is None:
        raise FilesError(f"{file} is not a safetensors file: it does not begin with a header ({size:,} bytes)")
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    expected_size = 8 + length + max(ends, default=0)
    if size != expected_size:
        raise FilesError(f"{file} has {size:,} bytes, but its header implies {expected_size:,}. {again}")


def _parsed(header: bytes) -> dict[str, Any] | None:
    """Return the header's entries, each with its offsets; None if it is not a header."""
    try:
        entries = json.loads(header)
        places = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return entries if all(isinstance(place, int) for place in places) else None


def _refuse_gaps(index: Path) -> None:
    """Refuse an index that names missing files."""
    named = (read_json(index) or {}).get("weight_map") or {}
    missing = sorted({name for name in named.values() if not (index.parent / name).is_file()})
    if missing:
        listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise FilesError(f"{index} names {len(missing)} missing files: {listed}. Fetch them again")


def read_json(file: Path) -> dict[str, Any] | None:
    """Read a JSON object from a file; None if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
