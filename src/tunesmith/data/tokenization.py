"""Tokenizes texts once; the result is cached by content as flat arrays."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.folders import expand
from tunesmith.data.lazy import LazyColumn
from tunesmith.data.progress import progress
from tunesmith.data.remembered import remembered
from tunesmith.data.single_pass import TRIED, gap_of
from tunesmith.data.token_files import Arrays, join_pieces, load_arrays, save_pieces
from tunesmith.data.turns import one_at_a_time

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FORMAT = "6"
"""Version of the cache's layout; part of every key."""

IGNORED = -100
"""Label of a token without a loss, as in transformers."""

TEXTS_TOGETHER = 4096
"""Texts that are tokenised together, which bounds memory; a text's tokens do not depend on the others."""


@dataclass(frozen=True)
class Tokens:
    """Token ids of many texts, concatenated."""

    ids: npt.NDArray[np.int32]
    """All ids, shape (tokens,)."""
    offsets: npt.NDArray[np.int64]
    """Start of each text, and the end of the last, shape (texts + 1,)."""
    whole: npt.NDArray[np.int64] | None = None
    """Tokens of each text before cutting, shape (texts,); None if there is no limit."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per text, shape (texts,)."""
        return np.diff(self.offsets)

    def __getitem__(self, index: int) -> npt.NDArray[np.int32]:
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def end_to_end(texts: Sequence[Sequence[int] | npt.NDArray[np.int32]]) -> Tokens:
    """Concatenate lists of ids."""
    lengths = np.fromiter((len(ids) for ids in texts), dtype=np.int64, count=len(texts))
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    flat = np.concatenate([np.asarray(ids, dtype=np.int32) for ids in texts] or [np.zeros(0, dtype=np.int32)])
    return Tokens(flat, offsets)


def in_parts(num_texts: int) -> Iterator[slice]:
    """The texts in parts of at most `TEXTS_TOGETHER`, with a bar; one empty part where there are none."""
    parts = (slice(start, start + TEXTS_TOGETHER) for start in range(0, max(num_texts, 1), TEXTS_TOGETHER))
    return progress(parts, "tokenising", num_texts, each=TEXTS_TOGETHER)


def tokenize(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, max_length: int, cache_dir: Path) -> Tokens:
    """Tokenize texts with special tokens, cut to `max_length` on the tokenizer's `truncation_side`.

    Args:
        texts: The texts.
        tokenizer: A fast tokenizer.
        max_length: Maximum tokens per text, including special tokens.
        cache_dir: Folder of the cache; created if missing.
    """

    def make() -> Iterator[Arrays]:
        for part in in_parts(len(texts)):
            columns, whole = encode_within(max_length, tokenizer, {"text": texts[part]}, return_token_type_ids=False)
            tokens = end_to_end(columns["input_ids"])
            yield {"ids": tokens.ids, "offsets": tokens.offsets, "whole": whole}

    arrays = cached(("texts", max_length), texts, tokenizer, cache_dir, make)
    return Tokens(arrays["ids"], arrays["offsets"], arrays["whole"])


def encode_within(
    max_length: int, tokenizer: PreTrainedTokenizerFast, texts: Mapping[str, Sequence[str]], **options: Any
) -> tuple[dict[str, list[Any]], npt.NDArray[np.int64]]:
    """Tokenize texts within a limit; return also each one's number of tokens without it.

    The tokenizer cuts texts that are too long by its own rules: special tokens stay, and the longer text of a pair is
    cut first. So it encodes them a second time; but where single texts are cut as the first few are, from their
    tokens, those are all that it encodes twice.

    Args:
        max_length: Maximum tokens per text, including special tokens.
        tokenizer: A fast tokenizer.
        texts: The texts by the tokenizer's argument: `text`, with `text_pair` for pairs, or `text_target`.
        options: Other arguments of the tokenizer.

    Returns:
        The tokenizer's columns with a value per text, and the number of tokens before cutting, shape (texts,).
    """
    names = list(texts)
    rows = list(zip(*texts.values(), strict=True))
    if not rows:
        return {"input_ids": []}, np.zeros(0, dtype=np.int64)
    encode = functools.partial(tokenizer, return_attention_mask=False, verbose=False, **options)
    columns = dict(encode(**{name: list(texts[name]) for name in names}))
    whole = np.fromiter(map(len, columns["input_ids"]), dtype=np.int64, count=len(rows))
    long = np.flatnonzero(whole > max_length).tolist()

    def cut(places: Sequence[int]) -> None:
        chosen = {name: [rows[row][i] for row in places] for i, name in enumerate(names)}
        shorter = encode(**chosen, truncation=True, max_length=max_length) if places else {}
        for name, values in shorter.items():
            for row, value in zip(places, values, strict=True):
                columns[name][row] = value

    tried, rest = (long[:TRIED], long[TRIED:]) if len(names) == 1 else (long, [])
    before = [columns["input_ids"][row] for row in tried]
    cut(tried)
    gap = gap_of(before, [columns["input_ids"][row] for row in tried], max_length) if rest else None
    if gap is None:
        cut(rest)
    else:
        for column in columns.values():
            for row in rest:
                column[row] = [*column[row][:gap], *column[row][len(column[row]) - max_length + gap :]]
    return columns, whole


def cached(
    settings: Sequence[Any],
    content: Iterable[str],
    tokenizer: PreTrainedTokenizerFast,
    cache_dir: Path,
    make: Callable[[], Iterator[Arrays]],
) -> Arrays:
    """Return arrays from the cache, or make and cache them.

    The key is a hash of the settings, the content and the tokenizer's whole definition, so a change in any of them is
    a new entry and a stale one is never read. If the folder cannot be written, nothing is cached.

    Args:
        settings: Everything else that the arrays depend on; JSON values.
        content: The texts.
        tokenizer: A fast tokenizer.
        cache_dir: Folder of the cache; created if missing.
        make: Makes the arrays in pieces, at least one.
    """
    path = expand(cache_dir) / f"tokens-{_key(settings, content, tokenizer)}.npz"
    arrays = load_arrays(path)
    if arrays is None:
        with one_at_a_time(path, "the tokens of the same texts"):
            arrays = load_arrays(path)  # another process may have made them meanwhile
            if arrays is None and save_pieces(path, make()):
                arrays = load_arrays(path)
    return arrays if arrays is not None else join_pieces(list(make()))


def _key(settings: Sequence[Any], content: Iterable[str], tokenizer: PreTrainedTokenizerFast) -> str:
    backend = tokenizer.backend_tokenizer
    # Each call leaves its truncation and padding there; the next call does not use them.
    backend.no_truncation()
    backend.no_padding()
    outside = [tokenizer.truncation_side, tokenizer.eos_token_id, tokenizer.chat_template]
    settled = (FORMAT, json.dumps(settings), backend.to_str(), json.dumps(outside))
    if not isinstance(content, LazyColumn):
        return _digest_of(chain(settled, content))
    return remembered(_digest_of(settled), [content], lambda: _digest_of(chain(settled, content)).encode()).decode()


def _digest_of(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))  # lengths keep ("ab", "c") and ("a", "bc") apart
        digest.update(encoded)
    return digest.hexdigest()[:32]
