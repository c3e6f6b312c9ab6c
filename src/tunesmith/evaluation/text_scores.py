"""Scores of one generated text against its reference, without torch.

Words are those of `evaluation/words.py`, in any script (docs/decisions.md, 2026-11-26: words of every script).
torchmetrics has the same metrics, with other values: its ROUGE knows only the letters a to z; its chrF leaves out
references that share nothing with their prediction, and counts n-gram orders longer than every text as failures.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from tunesmith.evaluation.words import parted, words

CHARACTERS, WORDS = 6, 2
"""The longest n-grams of chrF++."""
BLEU_ORDER = 4
"""The longest n-grams of BLEU, in tokens."""
REPLACED = (("<skipped>", ""), ("-\n", ""), ("\n", " "))
ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
SPLIT_OFF = (
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
"""What mteval-v13a.pl puts spaces around: signs, full stops and commas unless in numbers, a hyphen after a digit."""
ARTICLES = re.compile(r"\b(a|an|the)\b")
SIGNS = frozenset(string.punctuation)


def normalized(text: str) -> str:
    """Lower-case a text and remove punctuation, articles and extra spaces, like SQuAD's evaluate-v1.1.py.

    Punctuation of every script is removed. A text of only articles or punctuation keeps them: as an answer, `A` is
    neither `the` nor empty.
    """
    plain = unicodedata.normalize("NFC", text.lower())
    bare = "".join(character for character in plain if not _is_sign(character))
    forms = (" ".join(form.split()) for form in (ARTICLES.sub(" ", bare), bare, plain))
    return next((form for form in forms if form), "")


def _is_sign(character: str) -> bool:
    return character in SIGNS or unicodedata.category(character).startswith("P")


def exact_match(prediction: str, truth: str) -> float:
    """Return 1 if both are equal after normalisation, else 0 (SQuAD, arXiv:1606.05250)."""
    return float(normalized(prediction) == normalized(truth))


def token_f1(prediction: str, truth: str) -> float:
    """Return the F1 of the normalised texts' bags of words (SQuAD, arXiv:1606.05250).

    As in SQuAD 2.0, an empty text matches only an empty one.
    """
    one, other = ([part for word in normalized(text).split() for part in parted(word)] for text in (prediction, truth))
    if not one or not other:
        return float(one == other)
    return 2 * sum((Counter(one) & Counter(other)).values()) / (len(one) + len(other))


def rouge_l(prediction: str, truth: str) -> float | None:
    """Return the F-measure of the longest common subsequence of words (Lin 2004), without stemming.

    Returns:
        2 x LCS / (words of one + words of the other); None if the reference has no words.
    """
    one, other = words(prediction), words(truth)
    return 2 * common_subsequence(one, other) / (len(one) + len(other)) if other else None


def rouge_1(prediction: str, truth: str) -> float | None:
    """Return the F-measure of the bags of words (Lin 2004), without stemming; None if the reference has no words."""
    return _rouge_n(prediction, truth, 1)


def rouge_2(prediction: str, truth: str) -> float | None:
    """Return the F-measure of the bags of pairs of neighbouring words (Lin 2004), without stemming.

    Returns:
        2 x common pairs / (pairs of one + pairs of the other); None if the reference has fewer than two words.
    """
    return _rouge_n(prediction, truth, 2)


def _rouge_n(prediction: str, truth: str, order: int) -> float | None:
    one, other = (Counter(zip(*(words(text)[i:] for i in range(order)), strict=False)) for text in (prediction, truth))
    return 2 * (one & other).total() / (one.total() + other.total()) if other else None


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by bit-parallel dynamic programming (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    row = everywhere = (1 << len(one)) - 1  # a bit is 0 where the table's row increases
    for word in other:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & everywhere
    return len(one) - row.bit_count()


def ngrams(text: str) -> Iterator[Counter[tuple[str, ...]]]:
    """Yield the n-grams of each order: of characters without spaces, then of words, punctuation split off (chrF++)."""
    characters, tokens = "".join(text.split()), [part for word in text.split() for part in _apart(word)]
    for longest, items in ((CHARACTERS, characters), (WORDS, tokens)):
        for order in range(1, longest + 1):
            yield Counter(tuple(items[i : i + order]) for i in range(len(items) - order + 1))


def tokens_13a(text: str) -> list[str]:
    """Return the tokens of a text as mteval-v13a.pl and sacreBLEU's default tokenizer divide it, case kept."""
    text = text.rstrip()
    for old, new in (*REPLACED, *ENTITIES):
        text = text.replace(old, new)
    text = f" {text} "
    for pattern, apart in SPLIT_OFF:
        text = pattern.sub(apart, text)
    return text.split()


def bleu_counts(prediction: str, truth: str) -> list[int]:
    """Return what BLEU counts in a text (Papineni et al. 2002): it is a function of their sums over texts.

    Returns:
        Common n-grams of 1 to 4 tokens, the prediction's n-grams of 1 to 4 tokens, its length, the reference's length.
    """
    one, other = tokens_13a(prediction), tokens_13a(truth)
    pairs = [(_token_ngrams(one, order), _token_ngrams(other, order)) for order in range(1, BLEU_ORDER + 1)]
    common = [(ours & theirs).total() for ours, theirs in pairs]
    return [*common, *(ours.total() for ours, _ in pairs), len(one), len(other)]


def _token_ngrams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def chrf2_counts(prediction: str, truth: str) -> list[int]:
    """Return what chrF2 counts in a text, as sacreBLEU 2 does: it is a function of their sums over texts.

    An order that the reference is too short for counts nothing.

    Returns:
        For n-grams of 1 to 6 characters without spaces: those in common, then the prediction's, then the reference's.
    """
    one, other = ("".join(text.split()) for text in (prediction, truth))
    pairs = [(_character_ngrams(one, n), _character_ngrams(other, n)) for n in range(1, CHARACTERS + 1)]
    return [
        *((ours & theirs).total() for ours, theirs in pairs),
        *(ours.total() if theirs else 0 for ours, theirs in pairs),
        *(theirs.total() for _, theirs in pairs),
    ]


def _character_ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))


def _apart(word: str) -> tuple[str, ...]:
    """Split off the punctuation mark at a word's end, or else at its beginning, as chrF++ does."""
    if len(word) > 1 and word[-1] in SIGNS:
        return word[:-1], word[-1]
    return (word[0], word[1:]) if len(word) > 1 and word[0] in SIGNS else (word,)
