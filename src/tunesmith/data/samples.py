"""Encoded samples: inputs, labels and weights, as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tunesmith.data.documents import pack
from tunesmith.data.lengths import Limit
from tunesmith.data.tokenization import IGNORED, Tokens, end_to_end


@dataclass(frozen=True)
class Samples:
    """Encoded samples; most rows are one sample, a long document is several."""

    tokens: Tokens
    """The input ids of each sample."""
    rows: npt.NDArray[np.int64]
    """Position of the row that each sample comes from, shape (samples,)."""
    labels: npt.NDArray[Any] | Tokens
    """Labels: one value per sample, shape (samples,) or (samples, labels); or one id per token."""
    weights: npt.NDArray[Any]
    """Weight of each sample in the denominator of a loss, shape (samples,)."""
    type_ids: Tokens | None = None
    """0 for tokens of the first text, 1 for the second."""
    words: Tokens | None = None
    """Number of the word that a token begins, or else -1."""
    positions: Tokens | None = None
    """Position of each token in its own text, if samples are packed."""
    prompts: Tokens | None = None
    """Prompts for generation, if they differ from the input."""
    references: Sequence[Any] | None = None
    """References for the predictions, per row: texts or tags."""
    limits: Sequence[Limit] = ()
    """What length limits cut off the rows; empty if long texts are divided."""

    def __len__(self) -> int:
        return len(self.tokens)


def all_but_first(tokens: Tokens) -> Tokens:
    """Return the tokens as labels, except each sample's first token, which has no context."""
    labels = tokens.ids.copy()
    labels[tokens.offsets[:-1][tokens.lengths > 0]] = IGNORED
    return Tokens(labels, tokens.offsets)


def asking(tokens: Tokens, labels: Tokens, rows: npt.NDArray[np.int64]) -> Samples:
    """Build samples with a label per token, weighted by their number of labels."""
    asked = sums((labels.ids != IGNORED).astype(np.int64), labels.offsets)
    return Samples(tokens, rows, labels, asked)


def sums(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Sum the values between each offset and the next."""
    total = np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values)])
    return np.asarray(total[offsets[1:]] - total[offsets[:-1]])


def packed(samples: Samples, max_length: int) -> Samples:
    """Pack several samples into one, up to `max_length` tokens, each with its own positions."""
    assert isinstance(samples.labels, Tokens)
    packs = pack(samples.tokens.lengths, max_length)
    together = [np.concatenate([samples.tokens[i] for i in members]) for members in packs]
    labels = [np.concatenate([samples.labels[i] for i in members]) for members in packs]
    positions = [np.concatenate([np.arange(len(samples.tokens[i])) for i in members]) for members in packs]
    weights = np.asarray([samples.weights[members].sum() for members in packs], dtype=np.int64)
    rows = samples.rows[[members[0] for members in packs]]
    return Samples(end_to_end(together), rows, end_to_end(labels), weights, positions=end_to_end(positions))
