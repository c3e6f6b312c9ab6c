"""The texts that are looked at word by word: each once, and of very many a sample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.data.audit.finding import number_of
from tunesmith.data.audit.near import Place
from tunesmith.data.audit.words import Words, words_of
from tunesmith.data.rows import Rows, as_one_text, inputs_of
from tunesmith.data.task import RowTask

MOST_TEXTS: Final = 50_000
"""Texts that are looked at; more are drawn from with a fixed seed."""


@dataclass(frozen=True)
class Studied:
    """Different texts of all splits, each with the first row that has it."""

    places: list[Place]
    texts: list[str]
    labels: list[str]
    """The label of each; empty texts where a text has not exactly one label."""
    num_texts: int
    """Different texts that there are, of which these may be a sample."""

    @cached_property
    def words(self) -> Words:
        """The words of the texts."""
        return words_of(self.texts)

    @cached_property
    def names(self) -> list[str]:
        """The labels that occur, in order."""
        return sorted(set(self.labels))

    @cached_property
    def classes(self) -> npt.NDArray[np.int64]:
        """The place of each text's label in `names`, shape (texts,)."""
        place = {name: number for number, name in enumerate(self.names)}
        return np.asarray([place[label] for label in self.labels], dtype=np.int64)

    def among(self) -> str:
        """In words, how many texts were looked at, if they are a sample; to follow a count."""
        every = number_of(self.num_texts, "different text")
        return "" if len(self.texts) == self.num_texts else f" among {len(self.texts):,} of {every}"


def studied(splits: Mapping[str, Rows], task: RowTask) -> Studied:
    """Each different text once; those with contradictory labels, which are a finding of their own, are left out.

    Args:
        splits: The rows of each split.
        task: The task.
    """
    first: dict[Hashable, Place | None] = {}
    answer: dict[Hashable, Hashable] = {}
    for name, rows in splits.items():
        for row, (text, label) in enumerate(zip(inputs_of(rows), map(task.comparable, rows.labels), strict=True)):
            if answer.setdefault(text, label) != label and task.contradiction is not None:
                first[text] = None
            first.setdefault(text, (name, row))
    places = [(text, place) for text, place in first.items() if place is not None]
    num_texts = len(places)
    if num_texts > MOST_TEXTS:
        chosen = np.sort(np.random.default_rng(0).choice(num_texts, MOST_TEXTS, replace=False))
        places = [places[int(number)] for number in chosen]
    kept = [place for _, place in places]
    texts = [as_one_text(text) for text, _ in places]
    one = one_label_each(task)
    labels = [str(splits[split].labels[row]) if one else "" for split, row in kept]
    return Studied(kept, texts, labels, num_texts)


def one_label_each(task: RowTask) -> bool:
    """Whether every text has exactly one label."""
    return task.traits.output == "labels" and task.traits.pools and not task.traits.several
