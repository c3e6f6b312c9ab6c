"""How texts fit a model's tokenizer: what it does not know, how finely it cuts words, and what is too long for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tunesmith.config.schema import Data
from tunesmith.data.audit.finding import Finding, across, some
from tunesmith.data.audit.near import Place
from tunesmith.data.audit.studied import Studied
from tunesmith.data.rows import Rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MOST_TEXTS: Final = 5_000
"""Texts that are tokenised; more are drawn from with a fixed seed."""


@dataclass(frozen=True)
class Tokenized:
    """Texts as a tokenizer sees them, with its special tokens."""

    places: list[Place]
    lengths: npt.NDArray[np.int64]
    """Tokens of each, shape (texts,)."""
    unknown: npt.NDArray[np.int64]
    """Those that stand for what the tokenizer does not know."""
    num_words: int
    """Parts of all texts between spaces."""

    def figures(self) -> dict[str, float]:
        """Texts looked at, tokens per word, the fraction of tokens that are unknown, and the lengths of texts."""
        total = int(self.lengths.sum())
        middle, high, longest = np.quantile(self.lengths, [0.5, 0.95, 1.0], method="nearest").tolist()
        return {
            "num_texts": len(self.places),
            "tokens_per_word": round(total / max(self.num_words, 1), 2),
            "unknown_fraction": round(int(self.unknown.sum()) / total, 5),
            "median": int(middle),
            "p95": int(high),
            "longest": int(longest),
        }


def tokenized(splits: Mapping[str, Rows], texts: Studied, tokenizer: PreTrainedTokenizerFast) -> Tokenized:
    """Tokenise texts, and pairs of them as pairs, without cutting any.

    Args:
        splits: The rows of each split.
        texts: The texts; `MOST_TEXTS` of them are looked at.
        tokenizer: The tokenizer.
    """
    chosen = np.arange(len(texts.places))
    if len(chosen) > MOST_TEXTS:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, MOST_TEXTS, replace=False))
    places = [texts.places[text] for text in chosen.tolist()]
    first = [splits[split].texts[row] for split, row in places]
    pairs = [pairs[row] for split, row in places if (pairs := splits[split].pairs) is not None]
    return tokenized_texts(places, first, pairs, tokenizer)


def tokenized_texts(
    places: list[Place], first: Sequence[str], pairs: Sequence[str], tokenizer: PreTrainedTokenizerFast
) -> Tokenized:
    """Tokenise texts, without cutting any.

    Args:
        places: Where each stands.
        first: The texts.
        pairs: The second text of each; empty if there are none.
        tokenizer: The tokenizer.
    """
    ids: list[Any] = tokenizer(list(first), list(pairs) or None, truncation=False, verbose=False)["input_ids"]
    unknown = tokenizer.unk_token_id
    return Tokenized(
        places,
        np.asarray(list(map(len, ids)), dtype=np.int64),
        np.asarray([0 if unknown is None else row.count(unknown) for row in ids], dtype=np.int64),
        sum(len(text.split()) for text in (*first, *pairs)),
    )


def token_findings(splits: Mapping[str, Rows], seen: Tokenized, data: Data, *, cuts: bool) -> Iterator[Finding]:
    """Findings of the kinds cut and unknown_tokens.

    Args:
        splits: The rows of each split.
        seen: Their texts.
        data: The data config.
        cuts: Whether long texts are cut.
    """
    total, limit = f"{len(seen.places):,} texts that were tokenised", data.max_length
    long = np.flatnonzero(seen.lengths > limit).tolist() if cuts else []
    if long:
        order = sorted(long, key=lambda text: -seen.lengths[text])
        lost = int((seen.lengths[long] - limit).sum()) / int(seen.lengths.sum())
        text = f"{len(long):,} of {total}: longer than data.max_length={limit}, with {lost:.2%} of all tokens beyond it"
        listed = (f"{seen.lengths[text]:,} tokens: {across(splits, seen.places[text])}" for text in order)
        yield Finding("cut", len(long), text, some(listed))
    having = np.flatnonzero(seen.unknown).tolist()
    if having:
        order = sorted(having, key=lambda text: -seen.unknown[text])
        text = f"{len(having):,} of {total}: something that the tokenizer does not know"
        listed = (f"{seen.unknown[text]:,} unknown: {across(splits, seen.places[text])}" for text in order)
        yield Finding("unknown_tokens", len(having), text, some(listed))
