"""Splits texts of any script into words, for metrics that compare texts word by word."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torchmetrics import Metric


UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003134f]"
)
"""Characters of scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, kana and Han."""


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters, digits, marks and `_`, in lower case.

    Characters are compared in Unicode's form NFC. In a script without spaces between words, each character is a word,
    with its vowel signs and tones.

    Args:
        text: In any language.

    Returns:
        The words in order; none for a text of only punctuation.
    """
    result: list[str] = []
    for inside, run in groupby(unicodedata.normalize("NFC", text.lower()), key=_of_a_word):
        if inside:
            result += parted("".join(run))
    return result


def _of_a_word(character: str) -> bool:
    # A mark, such as a vowel sign in Hindi, belongs to its word, although the pattern \w excludes it.
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")


def parted(run: str) -> list[str]:
    """Split a run of letters at each character that is a word by itself."""
    if UNSPACED.search(run) is None:
        return [run]
    parts = [""]
    for character in run:
        mark = unicodedata.category(character).startswith("M")
        if UNSPACED.match(character) and not mark:
            parts += [character, ""]
        elif mark and not parts[-1] and len(parts) > 1:
            parts[-2] += character
        else:
            parts[-1] += character
    return [part for part in parts if part]


def know_all_words(metric: Metric) -> None:
    """Make torchmetrics' ROUGE, which knows only a to z, use these words, unless a tokenizer is configured."""
    from torchmetrics.text import ROUGEScore

    if isinstance(metric, ROUGEScore) and metric.tokenizer is None and metric.normalizer is None:
        metric.tokenizer, metric.normalizer = words, str
