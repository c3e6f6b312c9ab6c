"""The cache of what baselines answer: runs on the same data need not fit them again."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from tunesmith.errors import FilesError
from tunesmith.evaluation.baselines import VERSION
from tunesmith.storage import replace_file

KeptAnswers = Mapping[str, npt.NDArray[np.float64]]


def kept_answers(
    settings: Sequence[Any], texts: Iterable[str], folder: Path, make: Callable[[], KeptAnswers]
) -> KeptAnswers:
    """Return answers from the cache, or make and keep them; if the folder cannot be written, nothing is kept.

    Args:
        settings: Everything that the answers depend on beside texts; JSON values.
        texts: All texts, to fit on and to answer.
        folder: Folder of the cache.
        make: Makes the answers.
    """
    digest = hashlib.sha256(json.dumps([VERSION, version("scikit-learn"), np.__version__, *settings]).encode())
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    path = folder / f"baselines-{digest.hexdigest()[:32]}.npz"
    known = _read(path)
    if known is not None:
        return known
    answers = make()
    if answers:
        with contextlib.suppress(OSError, FilesError):
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(path, lambda temporary: _write(temporary, answers))
    return answers


def _read(path: Path) -> dict[str, npt.NDArray[np.float64]] | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files} or None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _write(path: Path, answers: KeptAnswers) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(answers))
