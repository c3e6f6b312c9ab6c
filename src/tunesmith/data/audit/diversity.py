"""How much texts differ from each other in their words, and how many are written from one template."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.data.audit.finding import Finding, across, number_of, some
from tunesmith.data.audit.studied import Studied
from tunesmith.data.audit.words import Words
from tunesmith.data.rows import Rows

EDGE: Final = 5
"""Words at the beginning or end that texts of one template share; numbers count as one word."""
SHARE: Final = 0.05
"""Of all texts that share such words, at least."""
LEAST_TEXTS: Final = 20
POINTS: Final = 20
"""Lengths of the beginning of all texts at which its vocabulary is counted."""
DIGITS: Final = re.compile(r"\d+")


def diversity(texts: Studied) -> dict[str, float]:
    """Figures of the words of different texts, which depend on how many there are: compare data sets of one size.

    Returns:
        `num_texts` and `num_words` that were looked at, the `vocabulary` in words, `distinct_1` and `distinct_2`: the
        different words and pairs of neighbours as a fraction of all (Li et al. 2016, arXiv:1510.03055), and
        `heaps_exponent`: as which power of the number of words the vocabulary grows (near 0.5 to 0.7 in prose); it is
        missing if there are fewer than 100 words.
    """
    words = texts.words
    total = len(words.numbers)
    figures: dict[str, float] = {"num_texts": len(texts.texts), "num_words": total, "vocabulary": len(words.vocabulary)}
    if total:
        pairs = _neighbours(words)
        figures["distinct_1"] = round(len(words.vocabulary) / total, 4)
        if len(pairs):
            figures["distinct_2"] = round(_different(pairs) / len(pairs), 4)
    if total >= 100:
        figures["heaps_exponent"] = round(heaps_exponent(words), 3)
    return figures


def _different(numbers: npt.NDArray[np.int64]) -> int:
    """How many different numbers there are: by sorting, which takes a fifth of the time of `np.unique`'s hashing."""
    return 1 + int(np.count_nonzero(np.diff(np.sort(numbers))))


def heaps_exponent(words: Words) -> float:
    """The slope of the vocabulary's logarithm over that of the number of words read, from a hundredth of all on."""
    firsts = np.sort(np.unique(words.numbers, return_index=True)[1])
    read = np.unique(np.geomspace(max(len(words.numbers) // 100, 10), len(words.numbers), POINTS).astype(np.int64))
    known = np.searchsorted(firsts, read)
    return float(np.polyfit(np.log(read), np.log(known), 1)[0])


def templates(splits: Mapping[str, Rows], texts: Studied) -> Iterator[Finding]:
    """The finding of texts with a beginning or an end that many others share.

    Args:
        splits: The rows of each split.
        texts: Their texts.
    """
    edges = [edge for edge in (_edges(texts.words, end=False), _edges(texts.words, end=True)) if edge]
    frequent = [(counts, edge) for edge in edges if (counts := _frequent(edge, len(texts.texts)))]
    having = {text for counts, edge in frequent for text, words in edge.items() if words in counts}
    if not having:
        return
    examples = []
    for counts, edge in frequent:
        for shared, count in counts.most_common(2):
            text = next(text for text, words in edge.items() if words == shared)
            examples.append(f"{number_of(count, 'text')} like {across(splits, texts.places[text])}")
    sentence = (
        f"{len(having):,} of {number_of(len(texts.texts), 'different text')} begin or end with {EDGE} words that at "
        f"least {SHARE:.0%} share: they may come from a template"
    )
    yield Finding("templates", len(having), sentence, some(examples))


def _edges(words: Words, *, end: bool) -> dict[int, tuple[int, ...]]:
    """The first or last words of each text that has more than those, with all numbers as one."""
    masked: dict[str, int] = {}
    same = np.asarray([masked.setdefault(DIGITS.sub("0", word), len(masked)) for word in words.vocabulary])
    starts, stops = words.starts[:-1], words.starts[1:]
    long = np.flatnonzero(stops - starts > EDGE)
    if not len(long):
        return {}
    begins = stops[long] - EDGE if end else starts[long]
    taken = same[words.numbers[begins[:, None] + np.arange(EDGE)]]
    return dict(zip(long.tolist(), map(tuple, taken.tolist()), strict=True))


def _frequent(edges: Mapping[int, tuple[int, ...]], num_texts: int) -> Counter[tuple[int, ...]]:
    least = max(LEAST_TEXTS, SHARE * num_texts)
    return Counter({words: count for words, count in Counter(edges.values()).items() if count >= least})


def _neighbours(words: Words) -> npt.NDArray[np.int64]:
    """Every pair of words that follow each other in a text, as one number."""
    pairs = words.numbers[:-1].astype(np.int64) * len(words.vocabulary) + words.numbers[1:]
    inside = np.ones(len(pairs), dtype=bool)
    inside[[end - 1 for end in words.starts[1:-1].tolist() if 0 < end <= len(pairs)]] = False
    return pairs[inside]
