"""Data sets of the Hugging Face Hub that its library has written out as Arrow files in its cache."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubData:
    """One configuration of a data set at one commit."""

    path: str
    """Its id on the Hub."""
    name: str
    """The Hub's name of the configuration."""
    commit: str
    files: Mapping[str, list[Path]]
    """The Hub's name of a split to its Arrow files."""
    num_rows: Mapping[str, int]
    """Rows of each split."""


def cache_root() -> Path:
    """The folder of the cache, as `datasets.config` takes it, which is not imported for it: that takes two seconds."""
    from huggingface_hub import constants

    return Path(os.environ.get("HF_DATASETS_CACHE") or Path(constants.HF_HOME) / "datasets").expanduser()


def folder_name(path: str) -> str:
    """The folder of a data set in the cache, as `datasets.naming` calls it.

    Args:
        path: Its id on the Hub.
    """
    *owner, name = path.split("/")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return "___".join([*owner, re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name).lower()])


def in_cache(path: str, name: str | None, commit: str | None = None) -> list[HubData]:
    """What the cache has of a data set, the newest first.

    Args:
        path: Its id on the Hub.
        name: The configuration; None takes any.
        commit: The commit; None takes any.
    """
    root = cache_root() / folder_name(path)
    notes = sorted(root.glob(f"*/*/{commit or '*'}/dataset_info.json"), key=lambda file: -file.stat().st_mtime)
    return [
        data
        for file in notes
        for data in _read(path, file.parent)
        if COMMIT.fullmatch(data.commit) and name in (None, data.name)
    ]


def in_folder(path: str, folder: Path) -> HubData | None:
    """The data set that a folder of the cache holds; None where it is not whole.

    Args:
        path: Its id on the Hub.
        folder: Where the library has written it.
    """
    return next(_read(path, folder), None)


def _read(path: str, folder: Path) -> Iterator[HubData]:
    try:
        info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
        splits: Mapping[str, Mapping[str, int]] = info["splits"]
        files = {split: _files(folder, f"{info['dataset_name']}-{split}") for split in splits}
        rows = {split: int(noted["num_examples"]) for split, noted in splits.items()}
        name = str(info["config_name"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    if name == folder.parent.parent.name and all(files.values()):  # else read with options that are not ours
        yield HubData(path, name, folder.name, files, rows)


def _files(folder: Path, stem: str) -> list[Path]:
    """The files of a split: one, or its parts in order."""
    whole = folder / f"{stem}.arrow"
    return [whole] if whole.is_file() else sorted(folder.glob(f"{stem}-?????-of-?????.arrow"))


def commit_of(path: str, revision: str) -> str | None:
    """The commit that a branch or tag had when the Hub was asked last; None where it was not.

    Args:
        path: The data set's id on the Hub.
        revision: The branch or tag.
    """
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"datasets--{path.replace('/', '--')}" / "refs"
    file = folder / revision
    return file.read_text(encoding="utf-8").strip() if file.is_file() and folder in file.resolve().parents else None
