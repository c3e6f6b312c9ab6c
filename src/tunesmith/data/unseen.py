"""Warns of empty inputs, and of texts that the tokenizer does not know."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tunesmith.data.lines import numbered
from tunesmith.data.rows import Rows
from tunesmith.data.tokenization import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

NAMED = 5
"""Maximum locations listed in a sentence."""
TOKENS_TOGETHER = 1 << 22
"""Tokens looked at together."""


def empty_input_warnings(rows: Rows) -> Iterator[str]:
    """Warn of inputs without text, which are still answered.

    Args:
        rows: Inputs for prediction.
    """
    if rows.messages is not None or rows.words is not None:
        return
    pairs = rows.pairs if rows.pairs is not None else rows.texts
    blank = [str(i + 1) for i, texts in enumerate(zip(rows.texts, pairs, strict=True)) if not all(map(_seen, texts))]
    if blank:
        yield f"{len(blank):,} of {len(rows):,} inputs have no text, and are answered as empty (number {_first(blank)})"


def unknown_token_warnings(tokens: Tokens, rows: Rows, tokenizer: PreTrainedTokenizerFast) -> Iterator[str]:
    """Warn of texts that are mostly unknown tokens.

    Args:
        tokens: The ids of each text.
        rows: The rows of the texts.
        tokenizer: The tokenizer.
    """
    unknown = tokenizer.unk_token_id
    if unknown is None or unknown in (tokenizer.eos_token_id, tokenizer.pad_token_id) or len(tokens) != len(rows):
        return
    counts = _occurrences(tokens, unknown)
    own = tokens.lengths - tokenizer.num_special_tokens_to_add()
    places = np.flatnonzero((counts > 0) & (counts * 2 > own)).tolist()
    if places:
        names = [numbered(rows.lines[i]) if rows.lines is not None else f"number {i + 1}" for i in places]
        yield (
            f"{len(places):,} of {len(rows):,} texts are mostly {tokenizer.unk_token} ({_first(names)}): the tokenizer "
            "does not know their letters or words, so the model cannot tell them apart. Use a model whose "
            "tokenizer does"
        )


def _occurrences(tokens: Tokens, wanted: int) -> npt.NDArray[np.int64]:
    """How often each text has a token, shape (texts,); in parts, so that memory does not grow with the texts."""
    counts = np.zeros(len(tokens), dtype=np.int64)
    for start in range(0, len(tokens.ids), TOKENS_TOGETHER):
        places = start + np.flatnonzero(tokens.ids[start : start + TOKENS_TOGETHER] == wanted)
        np.add.at(counts, np.searchsorted(tokens.offsets, places, side="right") - 1, 1)
    return counts


def _seen(text: str) -> bool:
    """Whether a text has a visible character."""
    return any(not char.isspace() and unicodedata.category(char) != "Cf" for char in text)


def _first(places: Sequence[str]) -> str:
    return ", ".join(places[:NAMED]) + (", ..." if len(places) > NAMED else "")
