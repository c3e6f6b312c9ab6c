"""Which numbers are doubted, by hand; and that numbers of a model that has learned are not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")


def doubted(task, predictions, truths, loss=0.1, num_guesses=2):
    return list(task.doubts("val", predictions, truths, loss, num_guesses))


def test_one_answer_for_everything():
    (told,) = doubted(CLASSIFICATION, ["x"] * 4, ["x", "x", "x", "y"])
    assert told.startswith("the prediction for all 4 rows of val is 'x', which is correct for 3 of them")
    assert doubted(CLASSIFICATION, ["x"] * 4, ["x"] * 4) == [], "the rows themselves are told of before"
    (told,) = doubted(task_named("multi_label"), [[], []], [("x",), ("y", "x")])
    assert "is no label, which is correct for 0 of them" in told
    (told,) = doubted(task_named("token_classification"), [["O", "O"], ["O"]], [("O", "B"), ("O",)])
    assert told.startswith("the prediction for all 3 words of val is 'O', which is correct for 2 of them")
    (told,) = doubted(task_named("text_to_text"), ["a a", "a a"], ["b", "c"], num_guesses=30_000)
    assert told.startswith("the prediction for all 2 answers of val is 'a a'")


def test_no_better_than_the_most_frequent_label():
    (told,) = doubted(CLASSIFICATION, ["x", "y", "x", "x"], ["x", "x", "x", "y"])
    assert told.startswith("val/accuracy 0.5000 is not above 0.7500, the share of 'x' among the 4 val rows")
    assert doubted(CLASSIFICATION, ["x", "x", "x", "y"], ["x", "x", "x", "y"]) == []


@pytest.mark.parametrize(
    ("task", "guesses", "guessing"),
    [
        (CLASSIFICATION, 2, math.log(2)),
        (CLASSIFICATION, 100, math.log(100)),
        (task_named("multi_label"), 100, math.log(2)),
        (task_named("language_modeling"), 30_000, math.log(30_000)),
    ],
)
def test_a_loss_far_above_that_of_guessing(task, guesses, guessing):
    answers = ([], []) if task.traits.option == "language_modeling" else (["x", "y"], ["x", "y"])
    assert doubted(task, *answers, loss=guessing + 1.9, num_guesses=guesses) == []
    (told,) = doubted(task, *answers, loss=guessing + 2.1, num_guesses=guesses)
    assert f"is far above {guessing:.2f}, that of guessing" in told


def test_numbers():
    truths = [1.0, 2.0, 3.0, 4.0]  # variance 1.25
    task = task_named("regression")
    (told,) = doubted(task, [2.5, 2.5, 2.5, 2.51], truths, loss=1.25)
    assert told.startswith("the prediction for all 4 val rows is about 2.5")
    assert doubted(task, [1.0, 2.0, 3.5, 4.0], truths, loss=9.0) == []
    (told,) = doubted(task, [10.0, 20.0, 30.0, 40.0], truths, loss=1200.0)
    assert "val/loss 1,200 is far above 1.25" in told
    assert doubted(task, [2.0, 2.0], [3.0, 3.0], loss=1.0) == []


@given(truths=st.lists(st.sampled_from("xyz"), min_size=2, max_size=20))
def test_right_answers_are_never_doubted(truths):
    assert doubted(CLASSIFICATION, truths, truths, num_guesses=3) == []
