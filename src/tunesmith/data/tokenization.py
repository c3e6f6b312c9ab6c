"""Text to token ids, once: the result is cached by content as flat arrays."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FORMAT = "2"
"""Version of the cache's layout; part of every key."""


@dataclass(frozen=True)
class Tokens:
    """Token ids of many texts, end to end."""

    ids: npt.NDArray[np.int32]
    """All ids, shape (tokens,)."""
    offsets: npt.NDArray[np.int64]
    """Where each text starts and the last ends, shape (texts + 1,)."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per text, shape (texts,)."""
        return np.diff(self.offsets)

    def __getitem__(self, index: int) -> npt.NDArray[np.int32]:
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def tokenize(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, max_length: int, cache_dir: Path) -> Tokens:
    """Token ids of each text with special tokens, cut to `max_length`.

    The cache's key is a hash of the texts, the tokenizer's whole definition and `max_length`, so a change in any of
    them is a new entry and a stale one cannot be read. A folder that cannot be written only costs the caching.

    Args:
        texts: The texts.
        tokenizer: A fast tokenizer.
        max_length: Tokens per text at most, special tokens included.
        cache_dir: Folder of the cache; made if absent.
    """
    path = cache_dir.expanduser() / f"tokens-{_key(texts, tokenizer, max_length)}.npz"
    cached = _load(path)
    if cached is not None:
        return cached
    options = {"truncation": True, "return_attention_mask": False, "return_token_type_ids": False}
    encoded = tokenizer(list(texts), max_length=max_length, **options)["input_ids"] if texts else []
    lengths = np.fromiter((len(ids) for ids in encoded), dtype=np.int64, count=len(encoded))
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    flat = np.concatenate([np.asarray(ids, dtype=np.int32) for ids in encoded] or [np.zeros(0, dtype=np.int32)])
    tokens = Tokens(flat, offsets)
    _save(path, tokens)
    return tokens


def _key(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, max_length: int) -> str:
    digest = hashlib.sha256()
    definition = json.loads(tokenizer.backend_tokenizer.to_str())
    # Each call leaves its own truncation and padding there; they say nothing about the next call.
    definition |= {"truncation": tokenizer.truncation_side, "padding": None}
    for part in (FORMAT, str(max_length), json.dumps(definition), *texts):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))  # lengths keep ("ab", "c") and ("a", "bc") apart
        digest.update(encoded)
    return digest.hexdigest()[:32]


def _load(path: Path) -> Tokens | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            tokens = Tokens(arrays["ids"], arrays["offsets"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # absent, or cut short by a crash or a full disk
        return None
    return tokens


def _save(path: Path, tokens: Tokens) -> None:
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.tmp.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(temporary, ids=tokens.ids, offsets=tokens.offsets)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
