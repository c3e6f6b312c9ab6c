"""The words of texts as numbers: what label errors, cues and diversity are computed from."""

from __future__ import annotations

import itertools
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Kana and Han: written without spaces, so that each character counts as a word."""
WORD: Final = re.compile(rf"[^\W{UNSPACED}]+(?:['\u2019][^\W{UNSPACED}]+)*|[{UNSPACED}]")
MOST_WORDS: Final = 1000
"""Words of a text that are looked at, from its beginning."""


@dataclass(frozen=True)
class Words:
    """The words of several texts, end to end."""

    vocabulary: list[str]
    """Each word once, in lower case, in the order of its first use."""
    numbers: npt.NDArray[np.int32]
    """The place of each word in the vocabulary, shape (words of all texts,)."""
    starts: npt.NDArray[np.int64]
    """Where each text begins, and the end of the last, shape (texts + 1,)."""

    @cached_property
    def counts(self) -> Any:
        """How often each text has each word: a sparse matrix of shape (texts, vocabulary)."""
        from scipy.sparse import csr_matrix

        shape = (len(self.starts) - 1, len(self.vocabulary))
        counts = csr_matrix((np.ones(len(self.numbers), dtype=np.int32), self.numbers, self.starts), shape=shape)
        counts.sum_duplicates()
        return counts


def words_of(texts: Iterable[str]) -> Words:
    """The words of texts, in lower case and without punctuation; of each text the first `MOST_WORDS`."""
    known: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    numbers, starts = array("i"), array("q", [0])
    for text in texts:
        numbers.extend(map(known.__getitem__, WORD.findall(text.lower())[:MOST_WORDS]))
        starts.append(len(numbers))
    return Words(list(known), np.asarray(numbers, dtype=np.int32), np.asarray(starts, dtype=np.int64))
