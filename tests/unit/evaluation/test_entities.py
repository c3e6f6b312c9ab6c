"""Entities as seqeval counts them: cases computed by hand, and its own documented example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.evaluation.entities import EntityF1, EntityPrecision, EntityRecall, WordAccuracy
from tunesmith.evaluation.spans import entities

CASES = {
    "": [],
    "O O": [],
    "B-PER I-PER O B-LOC": [("PER", 0, 1), ("LOC", 3, 3)],
    "B-PER B-PER": [("PER", 0, 0), ("PER", 1, 1)],
    "I-PER I-PER": [("PER", 0, 1)],
    "I-PER I-LOC": [("PER", 0, 0), ("LOC", 1, 1)],
    "B-PER I-LOC I-LOC": [("PER", 0, 0), ("LOC", 1, 2)],
    "I-PER B-PER I-PER": [("PER", 0, 0), ("PER", 1, 2)],
    "B-PER E-PER S-LOC": [("PER", 0, 1), ("LOC", 2, 2)],
    "I-PER E-PER I-PER": [("PER", 0, 1), ("PER", 2, 2)],
    "S-PER I-PER": [("PER", 0, 0), ("PER", 1, 1)],
    "PER PER O LOC": [("PER", 0, 1), ("LOC", 3, 3)],
    "B-per-son I-per-son": [("per-son", 0, 1)],
    "B-PER None I-PER": [("PER", 0, 0), ("PER", 2, 2)],
}


def tags(text):
    return [None if tag == "None" else tag for tag in text.split()]


@pytest.mark.parametrize("case", CASES)
def test_entities_by_hand(case):
    assert list(entities(tags(case))) == CASES[case]


def values(truths, predictions):
    metrics = (EntityPrecision(), EntityRecall(), EntityF1(), WordAccuracy())
    for metric in metrics:
        metric.update([tags(line) for line in predictions], [tags(line) for line in truths])
    return [metric.compute().item() for metric in metrics]


def test_seqeval_s_own_example():
    """From seqeval's README: F1 0.50, accuracy 0.80."""
    truths = ["O O O B-MISC I-MISC I-MISC O", "B-PER I-PER O"]
    predictions = ["O O B-MISC I-MISC I-MISC I-MISC O", "B-PER I-PER O"]
    assert values(truths, predictions) == pytest.approx([0.5, 0.5, 0.5, 0.8])


def test_scores_by_hand():
    """Wanted 3 (PER 0-1, LOC 3, PER 0), predicted 4 (PER 0-1, PER 3, LOC 5, PER 0), right 2."""
    truths = ["B-PER I-PER O B-LOC O O", "B-PER O"]
    predictions = ["B-PER I-PER O B-PER O B-LOC", "B-PER None"]
    assert values(truths, predictions) == pytest.approx([2 / 4, 2 / 3, 4 / 7, 5 / 8])


def test_counts_go_over_all_sentences_and_not_over_their_scores():
    one_by_one = EntityF1()
    one_by_one.update([tags("B-A")], [tags("B-A")])
    one_by_one.update([tags("O B-A")], [tags("B-A O")])
    assert one_by_one.compute().item() == pytest.approx(2 * 1 / 4)


def test_nothing_to_find_is_zero():
    assert values(["O O"], ["O O"]) == [0.0, 0.0, 0.0, 1.0]


def seqeval_entities(sentence):
    """Written after `get_entities` of seqeval 1.2.2, whose rules are those of conlleval.pl."""
    found, begin, before, kind_before = [], 0, "O", ""
    for place, word in enumerate([*sentence, "O"]):
        tag, kind = word[0], word[1:].split("-", maxsplit=1)[-1]
        ends = before in "ES" or (before in "BI" and tag in "BSO") or (before != "O" and kind_before != kind)
        starts = tag in "BS" or (before in "ESO" and tag in "EI") or (tag != "O" and kind_before != kind)
        if before != "O" and ends:
            found.append((kind_before, begin, place - 1))
        if starts:
            begin = place
        before, kind_before = tag, kind
    return found


any_tags = st.lists(st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("A", "B-C"))]))


@given(any_tags, any_tags)
def test_any_tags_however_malformed_have_the_entities_of_seqeval(one, other):
    assert list(entities(one)) == seqeval_entities(one)
    length = min(len(one), len(other))
    truth, said = (set(seqeval_entities(tags[:length])) for tags in (one, other))
    metric = EntityF1()
    metric.update([other[:length]], [one[:length]])
    expected = 2 * len(truth & said) / (len(truth) + len(said)) if truth or said else 0.0
    assert metric.compute().item() == pytest.approx(expected)
