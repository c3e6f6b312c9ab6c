"""Cues: one word, or the length of a text, from which its label can be told.

What counts as a cue has to be frequent among a label's texts and rare among the others, far beyond chance. It may be
the matter itself, or an accident of how the data was collected, on which a model then relies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tunesmith.data.audit.finding import Finding, cases_of, number_of, shown, some
from tunesmith.data.audit.interval import wilson
from tunesmith.data.audit.studied import Studied
from tunesmith.data.audit.words import WORD
from tunesmith.data.spellings import quoted

SHARE: Final = 0.25
"""Of a label's texts that have the cue, at least."""
PRECISION: Final = 0.9
"""Of the texts with the cue that have the label: the lower end of its interval has to reach it."""
LEAST_TEXTS: Final = 35
"""Texts with a cue; of fewer, no interval can reach `PRECISION`."""
LIFT: Final = 1.5
"""How many times as frequent the label is among the texts with the cue as among all, at least."""
CHANCE: Final = 0.01
"""That there is any such cue by chance (Fisher's exact test, times the number of tests)."""


@dataclass(frozen=True)
class Property:
    """Something that a text has or not."""

    what: str
    one_of: str
    """Of properties with the same value here, the one with the most texts stands for all."""
    having: npt.NDArray[np.bool_]
    """Which texts have it, shape (texts,)."""


@dataclass(frozen=True)
class Cue:
    """A property of texts that tells their label."""

    what: str
    one_of: str
    label: str
    having: int
    """Texts with the property."""
    of_label: int
    """Texts with the property and the label."""
    share: float
    """Of the label's texts that have the property."""


def cues(texts: Studied) -> Iterator[Finding]:
    """The finding of cues, that of the most texts first; its count is the number of cues.

    Args:
        texts: The texts, with one label each.
    """
    telling = cues_in(texts)
    if not telling:
        return
    listed = (
        f"{cue.what}: {cue.of_label:,} of {number_of(cue.having, 'text')} are {quoted(cue.label)}, "
        f"{cue.share:.0%} of all that are"
        for cue in telling
    )
    sentence = (
        f"{number_of(len(telling), 'property', 'properties')} of texts{texts.among()} from which the label can be "
        "told: the matter itself, or an accident of how the rows were collected"
    )
    table: list[dict[str, Any]] = [
        {
            "cue": cue.what,
            "label": cue.label,
            "texts with it": cue.having,
            "of this label": cue.of_label,
            "fraction of the label": round(cue.share, 3),
        }
        for cue in telling
    ]
    yield Finding("cues", len(telling), sentence, some(listed), None, cases_of(table))


def cues_in(texts: Studied) -> list[Cue]:
    """Every word, first word, last character and length that is a cue."""
    words = (texts.words.counts > 0).astype(np.int64)
    frequent = np.flatnonzero(_totals(words) >= LEAST_TEXTS)
    names = [shown(texts.words.vocabulary[word]) for word in frequent.tolist()]
    labels = np.eye(len(texts.names), dtype=np.int64)[texts.classes]
    having, both = _totals(words)[frequent], np.asarray(words[:, frequent].T @ labels)
    others = list(_properties(texts))
    if others:
        own = np.stack([other.having for other in others])
        having = np.concatenate([having, own.sum(axis=1)])
        both = np.vstack([both, own.astype(np.int64) @ labels])
    told = [(f"the word {name}", f"word {name}") for name in names]
    told += [(other.what, other.one_of) for other in others]
    strong = [
        Cue(*told[feature], label, num, count, share)
        for feature, label, num, count, share in _strong(having, both, texts)
    ]
    return list(_one_of_each(sorted(strong, key=lambda cue: -cue.of_label)))


def _strong(
    having: npt.NDArray[np.int64], both: npt.NDArray[np.int64], texts: Studied
) -> Iterator[tuple[int, str, int, int, float]]:
    """Properties that tell a label: the place of each, with the label, its texts, those of the label, and their share.

    Args:
        having: Texts with each property, shape (properties,).
        both: Those of each label, shape (properties, labels).
        texts: The texts.
    """
    from scipy.stats import hypergeom

    of_label, total = np.bincount(texts.classes, minlength=len(texts.names)), len(texts.texts)
    for feature, label in np.argwhere((both >= SHARE * of_label) & (both >= PRECISION * having[:, None])).tolist():
        count, num, rows = int(both[feature, label]), int(having[feature]), int(of_label[label])
        if not num or wilson(count / num, num)[0] < PRECISION or count / num < LIFT * rows / total:
            continue
        if float(hypergeom.sf(count - 1, total, rows, num)) * both.size <= CHANCE:
            yield feature, texts.names[label], num, count, count / rows


def _properties(texts: Studied) -> Iterator[Property]:
    """What texts may have beside words."""
    lengths = np.asarray([len(text) for text in texts.texts])
    for bound in np.unique(np.quantile(lengths, np.arange(0.1, 1.0, 0.1)).astype(int)).tolist():
        yield Property(f"at most {bound:,} characters", "at most", lengths <= bound)
        yield Property(f"more than {bound:,} characters", "more than", lengths > bound)
    first = [WORD.search(text) for text in texts.texts]
    for value, having in _frequent_values([word[0].lower() if word else "" for word in first]):
        yield Property(f"beginning with the word {value}", f"word {value}", having)
    for value, having in _frequent_values([text.rstrip()[-1:] for text in texts.texts]):
        yield Property(f"ending with {value}", f"end {value}", having)


def _frequent_values(values: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    different, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    for value in np.flatnonzero(counts >= LEAST_TEXTS).tolist():
        yield shown(str(different[value])), places == value


def _one_of_each(ordered: Sequence[Cue]) -> Iterator[Cue]:
    told = set()
    for cue in ordered:
        if (cue.one_of, cue.label) not in told:
            told.add((cue.one_of, cue.label))
            yield cue


def _totals(matrix: Any) -> npt.NDArray[np.int64]:
    return np.asarray(matrix.sum(axis=0)).ravel()
