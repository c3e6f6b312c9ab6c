"""What holds of every step of cleaning: subclass one of the suites, name yours, and run pytest."""

from __future__ import annotations

import dataclasses
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence

import pytest

from tunesmith.config.checking.signatures import read_signature
from tunesmith.config.checking.targets import PLACES
from tunesmith.data.cleaning.clean import apply_steps
from tunesmith.data.cleaning.step import RowStep, TextStep
from tunesmith.data.rows import Rows
from tunesmith.tasks.registry import task_named
from tunesmith.tasks.task import Task

HOSTILE = (
    *("", " ", "\0", "\ufeff", "\ufffd", "\udcff", "\r\n\r\n\n\n\n", "\x1b[31mred", "a\u0301\u0301", "\u202eabc\u202c"),
    *("<", "&", "<![CDATA[", "<!--", "<!-- a --", "<script>", "</p", "<a href='", "&#xD800;", "&#99999999;", "&#0;"),
    *("&amp;amp;", "&amp;lt;b&amp;gt;", "&#38;#38;lt;", "<<b>b>", "&am<b>p;", "cafÃƒÂ©", "â€", "Ã\u0303©", "\x80\x9d"),
    *("👩\u200d👧", "\u0645\u06cc\u200c\u062e\u0648", "क्ष", "x" * 5000, "<b>" * 500, "&amp;" * 500, " \n" * 500),
)
"""Texts that a step must live through."""
PARTS = (*"<>&;/#", "b", "amp", "lt", "br", "p", "script", "&amp;", "<!--", "-->", "\n", "\r", " ", "\t", "Ã", "©", "é")
PIECES = (*PARTS, "\u0301", "\u200b", "\x07", "\x0b", "\u2028", "a word", "€", "â", "\x99", "38", "x41", "\xa0")


def random_texts(seed: int, number: int = 300) -> list[str]:
    """Short texts of what steps look for, in any order; the same for a seed."""
    draw = random.Random(seed)
    return ["".join(draw.choices(PIECES, k=draw.randrange(12))) for _ in range(number)]


def labelled(texts: Sequence[str], labels: Sequence[str] | None = None) -> Rows:
    """Rows of texts with ids and lines of their own, all of one label unless told otherwise."""
    ids, lines = [f"row {row}" for row in range(len(texts))], list(range(2, len(texts) + 2))
    return Rows(ids, list(texts), list(labels or ["x"] * len(texts)), lines=lines)


class StepContract(ABC):
    """What holds of both kinds of steps."""

    @abstractmethod
    def step(self) -> TextStep | RowStep:
        """A new step."""

    def test_a_config_can_name_it(self) -> None:
        """As `data.cleaning.NAME._target_`: its class is found from its name, and derives from one of the two bases."""
        kind = type(self.step())
        signature = read_signature(f"{kind.__module__}.{kind.__qualname__}")
        assert signature is not None, "the class has to stand at the top of a module that can be imported"
        place = PLACES["data.cleaning.*"]
        assert {place.base, *place.others} & {*signature.ancestors}


class TextStepContract(StepContract):
    """The suite of steps that change texts.

    class TestMine(TextStepContract):
        def step(self): return Mine()
        def example(self): return "a text that it changes", "what it makes of it"
    """

    @abstractmethod
    def step(self) -> TextStep:
        """A new step."""

    @abstractmethod
    def example(self) -> tuple[str, str]:
        """A text that it changes, and what becomes of it."""

    def test_it_does_what_the_example_says(self) -> None:
        """A step that changes nothing would pass all else."""
        text, clean = self.example()
        assert text != clean
        assert self.step().clean(text) == clean

    @pytest.mark.parametrize("text", HOSTILE)
    def test_it_lives_through_every_text(self, text: str) -> None:
        """And leaves a clean one as it is."""
        clean = self.step().clean(text)
        assert isinstance(clean, str)
        assert self.step().clean(clean) == clean

    @pytest.mark.parametrize("seed", range(10))
    def test_a_clean_text_stays(self, seed: int) -> None:
        """It is idempotent, whatever comes together in a text."""
        step = self.step()
        for text in random_texts(seed):
            clean = step.clean(text)
            assert step.clean(clean) == clean, text

    def test_rows_stay_and_changes_are_counted(self) -> None:
        """Ids, order, labels and lines are those of before; the count is that of the texts that differ."""
        rows = labelled([*HOSTILE, *random_texts(0), *self.example()])
        pairs = dataclasses.replace(rows, pairs=rows.texts[::-1])
        for before in (rows, pairs):
            splits = {"train": before.take([]), "val": before}
            result = apply_steps(splits, {"mine": self.step()}, {}, task_named("classification"))
            after = result.splits["val"]
            assert after.texts == [self.step().clean(text) for text in before.texts]
            assert dataclasses.replace(after, texts=before.texts, pairs=before.pairs) == before
            sides = [zip(rows.texts, rows.pairs or rows.texts, strict=True) for rows in (before, after)]
            changed = sum(one != other for one, other in zip(*sides, strict=True))
            assert result.counts == {"mine": {"changed": {"val": changed}}}


class RowStepContract(StepContract):
    """The suite of steps that remove rows.

    class TestMine(RowStepContract):
        def step(self, **keywords): return Mine(**keywords)
        def example(self): return ["texts", "of which it removes some"], ["a", "b"], [1]
    """

    @abstractmethod
    def step(self, **keywords: bool) -> RowStep:
        """A new step.

        Args:
            keywords: `only_train`, or nothing.
        """

    @abstractmethod
    def example(self) -> tuple[Sequence[str], Sequence[str], Sequence[int]]:
        """Texts of rows, their labels, and the positions of those that are removed; one row stays at least."""

    def task(self) -> Task:
        """The task that the rows are of."""
        return task_named("classification")

    def test_it_does_what_the_example_says(self) -> None:
        """A step that removes nothing would pass all else."""
        texts, labels, positions = self.example()
        reasons = self.step().removed(labelled(texts, labels), self.task())
        assert sorted(reasons) == sorted(positions) != []
        assert all(reason and isinstance(reason, str) for reason in reasons.values())

    def test_rows_go_from_training_and_are_counted_elsewhere(self) -> None:
        """Unless `only_train` is false; the rows that stay are as they were, in their order."""
        texts, labels, positions = self.example()
        rows, number = labelled(texts, labels), len(positions)
        kept = rows.take([row for row in range(len(rows)) if row not in positions])
        splits = {"train": rows, "val": rows, "test": rows.take([])}
        result = apply_steps(splits, {}, {"mine": self.step()}, self.task())
        assert result.splits == splits | {"train": kept}
        assert result.counts == {"mine": {"removed": {"train": number}, "kept": {"val": number}}}
        assert [(row.split, row.row_id) for row in result.removed] == [
            ("train", rows.ids[row]) for row in sorted(positions)
        ]
        everywhere = apply_steps(splits, {}, {"mine": self.step(only_train=False)}, self.task())
        assert everywhere.splits == splits | {"train": kept, "val": kept}
        assert everywhere.counts == {"mine": {"removed": {"train": number, "val": number}}}

    @pytest.mark.parametrize("seed", range(5))
    def test_nothing_more_goes_the_second_time(self, seed: int) -> None:
        """Rows that stay are clean; whatever their texts are, and it is the same rows each time."""
        draw = random.Random(seed)
        texts = [*draw.choices(HOSTILE, k=60), *draw.choices(random_texts(seed, 40), k=60), *self.example()[0]]
        rows = labelled(texts, draw.choices("xyz", k=len(texts)))
        reasons = self.step().removed(rows, self.task())
        assert self.step().removed(rows, self.task()) == reasons
        assert set(reasons) <= set(range(len(rows)))
        kept = rows.take([row for row in range(len(rows)) if row not in reasons])
        assert self.step().removed(kept, self.task()) == {}

    def test_no_rows_are_no_error(self) -> None:
        """A split may be empty."""
        assert self.step().removed(labelled([]), self.task()) == {}
