"""The suites of steps over every one of ours: a new one gets a class here."""

from pathlib import Path

import pytest
import yaml

from tunesmith.config.folders import shipped
from tunesmith.data.cleaning.conflicts import ConflictingLabels
from tunesmith.data.cleaning.control_characters import ControlCharacters
from tunesmith.data.cleaning.duplicates import ExactDuplicates
from tunesmith.data.cleaning.length import Length
from tunesmith.data.cleaning.markup import Markup
from tunesmith.data.cleaning.near_duplicates import NearDuplicates
from tunesmith.data.cleaning.unicode import Unicode
from tunesmith.data.cleaning.whitespace import Whitespace
from tunesmith.data.rows import Rows
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named
from tunesmith.testing.cleaning import RowStepContract, TextStepContract, labelled


class TestUnicode(TextStepContract):
    def step(self):
        return Unicode()

    def example(self):
        return "cafÃ© \x96 na\u0308ive", "café \u2013 näive"


class TestUnicodeWithoutLigatures(TextStepContract):
    def step(self):
        return Unicode(mojibake=False, form="NFKC")

    def example(self):
        return "ﬁne Ã©", "fine Ã©"


class TestControlCharacters(TextStepContract):
    def step(self):
        return ControlCharacters()

    def example(self):
        return "a\x07\u200bb\x0cc\td\ne 👩\u200d👧", "ab c\td\ne 👩\u200d👧"


class TestMarkup(TextStepContract):
    def step(self):
        return Markup()

    def example(self):
        text = "<p class='x'>One<br/>two <b>th</b>ree<!-- no --><script>if (a < b) {}</script>Tom &amp; J &amp;lt;3"
        return f"{text} <unk> a < b > c AT&T", " One two three  Tom & J <3 <unk> a < b > c AT&T"


class TestWhitespace(TextStepContract):
    def step(self):
        return Whitespace()

    def example(self):
        return " a\xa0 b \r\n\n\n\nc\td ", "a b\n\nc d"


class TestWhitespaceInOneLine(TextStepContract):
    def step(self):
        return Whitespace(lines=False)

    def example(self):
        return " a  b \n\n c", "a b c"


class TestLength(RowStepContract):
    def step(self, **keywords):
        return Length(least=2, most=9, **keywords)

    def example(self):
        return ["ab", "a ?!", "好い", "123456789", "1234567890"], "xxxxx", [1, 4]


class TestExactDuplicates(RowStepContract):
    def step(self, **keywords):
        return ExactDuplicates(**keywords)

    def example(self):
        return ["a b", " a b ", "a b", "A b", "a b"], "xxyxy", [1, 4]


class TestNearDuplicates(RowStepContract):
    def step(self, **keywords):
        return NearDuplicates(**keywords)

    def example(self):
        text = "a long day in the life of a small town and of all who live there"
        return [text, text.replace("small", "tiny"), f"{text}!", "another text altogether", f"{text}."], "xxyxy", [1, 4]


class TestConflictingLabels(RowStepContract):
    def step(self, **keywords):
        return ConflictingLabels(**keywords)

    def example(self):
        return ["a", "b", "a ", "b", "c"], "xyyyx", [0, 2]


class TestConflictingLabelsByMajority(RowStepContract):
    def step(self, **keywords):
        return ConflictingLabels(keep="majority", **keywords)

    def example(self):
        return ["a", "a", "a", "b", "b", "c"], "xyxxyx", [1, 3, 4]


def suites(kind):
    return {suite for below in kind.__subclasses__() for suite in (below, *suites(below))}


def test_every_step_of_ours_has_an_option_and_a_suite():
    files = Path(shipped("conf")).glob("data/cleaning/*.yaml")
    nodes = [node for file in files for node in (yaml.safe_load(file.read_text()) or {}).values()]
    targets = {node["_target_"] for node in nodes if isinstance(node, dict)}
    steps = {type(suite().step()) for kind in (TextStepContract, RowStepContract) for suite in suites(kind)}
    assert {f"{step.__module__}.{step.__qualname__}" for step in steps} == targets
    assert len(targets) == 8


def test_of_labels_that_are_not_to_be_compared_no_conflict_is_made_up():
    rows = labelled(["a", "a"], ["1", "2"])
    with pytest.raises(DataError, match="several answers"):
        ConflictingLabels().removed(rows, task_named("text_to_text"))


def test_labels_are_compared_as_the_task_does():
    rows = Rows(["0", "1"], ["a", "a"], [("p", "q"), ("q", "p")])
    multi = task_named("multi_label")
    assert ConflictingLabels().removed(rows, multi) == {}
    assert set(ExactDuplicates().removed(rows, multi)) == {1}


@pytest.mark.parametrize("keywords", [{"threshold": 0.4}, {"threshold": 1.1}])
def test_a_threshold_that_finds_too_little_is_refused(keywords):
    with pytest.raises(ValueError, match="threshold"):
        NearDuplicates(**keywords)
