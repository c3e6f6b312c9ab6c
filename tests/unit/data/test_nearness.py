"""Texts that are nearly the same, held against every pair."""

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensa import RMinHash

from tunesmith.data.nearness import (
    BANDS,
    GAPS,
    MOST_COMPARED,
    PIECE,
    ROWS,
    _every_piece,
    _signatures,
    likeness,
    near_copies,
)

WORDS = ("a", "the", "film", "story", "plot", "actor", "scene", "dull", "bright", "warm", "great", "slow", "music")


def by_hand(text, other):
    plain = [
        " ".join("".join(char if char.isalnum() else " " for char in side.lower()).split()) for side in (text, other)
    ]
    first, second = ({side[i : i + PIECE] for i in range(max(1, len(side) - PIECE + 1))} for side in plain)
    return len(first & second) / len(first | second)


@given(text=st.text(alphabet="abc .,", max_size=40), other=st.text(alphabet="abc .,", max_size=40))
def test_likeness_is_what_sets_say(text, other):
    assert likeness(text, other) == by_hand(text, other) == likeness(other, text)


@given(st.lists(st.text(max_size=30), max_size=5))
def test_pieces_are_slices_and_those_that_come_again_change_no_signature(texts):
    plain = [GAPS.sub(" ", text.casefold()).strip() for text in texts]
    slices = [[side[i : i + PIECE] for i in range(max(1, len(side) - PIECE + 1))] for side in plain]
    assert [_every_piece(text) for text in texts] == slices
    expected = RMinHash.digests_from_token_sets([sorted(set(of)) for of in slices], BANDS * ROWS, 0)
    assert _signatures(texts).tolist() == expected


@pytest.mark.slow
def test_pairs_above_the_threshold_are_those_of_all_pairs():
    draw = random.Random(1)
    texts = []
    for _ in range(150):
        words = draw.choices(WORDS, k=25)
        texts.append(" ".join(words))
        for number in range(draw.randrange(4)):
            words[draw.randrange(25)] = f"other{number}"
            texts.append(" ".join(words))
    every = {(i, j) for i, j in combinations(range(len(texts)), 2) if likeness(texts[i], texts[j]) >= 0.7}
    pairs = {(i, j) for j, earlier in near_copies(texts, 0.7).items() for i in earlier}
    assert pairs <= every, "each is held against the exact figure"
    assert len(every) > 200
    assert len(pairs) >= 0.98 * len(every)


def test_the_result_depends_on_texts_and_order_alone():
    texts = [f"text number {number} of the same template, with a tail" for number in range(200)]
    assert near_copies(texts, 0.7) == near_copies(list(texts), 0.7)
    assert near_copies([], 0.7) == {} == near_copies(["one"], 0.7)


@pytest.mark.slow
def test_ten_thousand_texts_of_one_template_stay_few_comparisons():
    texts = [f"dear customer, your ticket number {number} has been received by us" for number in range(1000)]
    near = near_copies(texts, 0.7)
    assert len(near) > 950
    assert sum(map(len, near.values())) <= 1000 * MOST_COMPARED * 24
    assert len(near[999]) < 500


def test_case_punctuation_and_space_are_no_difference_and_scripts_without_spaces_have_pieces():
    assert likeness("Good -- film!", "good film") == 1
    assert likeness("これはとても良い映画でした", "これはとても良い映画でしたね") > 0.8
    assert likeness("", "?!") == 1
    assert likeness("abc", "xyz") == 0
