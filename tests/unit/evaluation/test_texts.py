import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.text import CHRFScore, ROUGEScore

from tunesmith.evaluation.text_scores import common_subsequence, exact_match, normalized, token_f1
from tunesmith.evaluation.texts import (
    ChrF,
    ExactMatch,
    Perplexity,
    Rouge1,
    Rouge2,
    RougeL,
    TokenF1,
)
from tunesmith.evaluation.words import know_all_words, words


@pytest.mark.parametrize(
    ("prediction", "truth", "same", "f1"),
    [
        ("The Eiffel Tower!", "eiffel tower", 1.0, 1.0),
        ("a tower in Paris", "the tower", 0.0, 2 * 1 / (3 + 1)),
        ("dull dull film", "dull film film", 0.0, 2 * 2 / (3 + 3)),
        ("", "film", 0.0, 0.0),
        ("the", "a", 0.0, 0.0),
        ("A.", "a", 1.0, 1.0),
        ("", "A", 0.0, 0.0),
        ("-", "+", 0.0, 0.0),
        ("", "", 1.0, 1.0),
        ("«Эйфелева башня»…", "эйфелева башня", 1.0, 1.0),
        ("Cafe\u0301", "café", 1.0, 1.0),
        ("我爱北京", "我爱上海", 0.0, 2 * 2 / (4 + 4)),
        ("warm", "cold", 0.0, 0.0),
    ],
)
def test_match_and_f1_of_words_as_in_squad(prediction, truth, same, f1):
    assert exact_match(prediction, truth) == same
    assert token_f1(prediction, truth) == pytest.approx(f1)


def test_they_are_torchmetrics_s_squad():
    from torchmetrics.text import SQuAD

    pairs = [("The film, of 1999", "film of 1999!"), ("a warm scene", "the cold scene"), ("plot", "an actor")]
    squad = SQuAD()
    squad.update(
        [{"prediction_text": one, "id": str(i)} for i, (one, _) in enumerate(pairs)],
        [{"answers": {"answer_start": [0], "text": [other]}, "id": str(i)} for i, (_, other) in enumerate(pairs)],
    )
    expected = squad.compute()
    ours = {"exact_match": ExactMatch(), "f1": TokenF1()}
    for name, metric in ours.items():
        metric.update(*map(list, zip(*pairs, strict=True)))
        assert 100 * metric.compute().item() == pytest.approx(expected[name].item(), abs=1e-4)


def test_normal_form():
    assert normalized(" A  Warm, the-Film ") == "warm thefilm"


def test_rouge_l_by_hand():
    """Longest common subsequence `the film was` of 3 words: precision 3/4, recall 3/5."""
    metric = RougeL()
    metric.update(["the film was good"], ["the film that was bad"])
    assert metric.compute().item() == pytest.approx(2 * (3 / 4) * (3 / 5) / (3 / 4 + 3 / 5))


def longest(one, other):
    """Length of the longest common subsequence, by the table of every textbook."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, left in enumerate(one):
        for j, right in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


few_words = st.lists(st.sampled_from("abcd"), max_size=90)


@given(few_words, few_words)
def test_the_longest_common_subsequence_is_that_of_the_table(one, other):
    assert common_subsequence(one, other) == longest(one, other)


def score(metric, predictions, truths):
    metric.update(predictions, truths)
    return metric.compute().item()


SENTENCES = [
    ("the film was good, and long", "the film that was bad"),
    ("весна пришла рано", "весна пришла"),
    ("η άνοιξη ήρθε", "η άνοιξη δεν ήρθε"),
    ("봄이 왔다 다시", "봄이 다시 왔다"),
    ("الربيع جاء", "جاء الربيع"),
    ("L'été est là", "l'été n'est pas là"),
]


@pytest.mark.parametrize(("prediction", "truth"), SENTENCES)
def test_rouge_l_knows_the_letters_of_every_script(prediction, truth):
    one, other = (re.findall(r"\w+", text.lower()) for text in (prediction, truth))
    expected = 2 * longest(one, other) / (len(one) + len(other))
    assert score(RougeL(), [prediction], [truth]) == pytest.approx(expected)
    assert score(RougeL(), [truth], [truth]) == 1.0
    theirs = ROUGEScore(rouge_keys=("rougeL",))
    know_all_words(theirs)
    theirs.update([prediction], [truth])
    assert theirs.compute()["rougeL_fmeasure"].item() == pytest.approx(expected, abs=1e-6)


def test_rouge_l_of_english_is_that_of_torchmetrics():
    pairs = [("The film, of 1999", "film of 1999!"), ("a warm scene", "the cold scene"), ("plot", "an actor plot")]
    theirs = ROUGEScore(rouge_keys=("rougeL",))
    theirs.update(*map(list, zip(*pairs, strict=True)))
    ours = score(RougeL(), *map(list, zip(*pairs, strict=True)))
    assert ours == pytest.approx(theirs.compute()["rougeL_fmeasure"].item(), abs=1e-6)


PIECES = ("the", "film", "кот", "η", "봄", "É", "猫", "ที่", "hi", "7", " ", " ", ", ", "!")
odd_texts = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@given(st.lists(st.tuples(odd_texts, odd_texts), min_size=1, max_size=7), st.integers(1, 7))
def test_rouge_1_and_2_are_those_of_torchmetrics_in_every_script_and_batching(pairs, size):
    for order, metric in ((1, Rouge1()), (2, Rouge2())):
        scored = [pair for pair in pairs if len(words(pair[1])) >= order]
        for start in range(0, len(pairs), size):
            metric.update(*zip(*pairs[start : start + size], strict=True))
        left_out = len(pairs) - len(scored)
        assert (f"leaves out {left_out} of {len(pairs)} rows" in (metric.remark or "")) == (left_out > 0)
        theirs = ROUGEScore(rouge_keys=(f"rouge{order}",))
        know_all_words(theirs)
        if not scored:
            assert math.isnan(metric.compute())
            continue
        theirs.update(*map(list, zip(*scored, strict=True)))
        expected = theirs.compute()[f"rouge{order}_fmeasure"].item()
        assert metric.compute().item() == pytest.approx(expected, abs=1e-6)


def test_words_of_scripts_without_spaces_are_characters_with_their_marks():
    assert words("今日は いい天気ABC です。") == [*"今日はいい天気", "abc", "で", "す"]
    assert words("ที่นี่") == ["ที่", "นี่"]
    assert words("हिन्दी में") == ["हिन्दी", "में"]
    assert words("Cafe\u0301") == words("café") == ["café"]
    assert score(RougeL(), ["我爱北京"], ["我爱上海"]) == pytest.approx(0.5)


def test_a_reference_without_a_word_has_no_rouge_and_is_counted():
    metric = RougeL()
    assert score(metric, ["film", "anything", ""], ["film", "?!", "a film"]) == pytest.approx(1 / 2)
    assert metric.remark == "leaves out 1 of 3 rows, whose reference has no words"
    metric.reset()
    assert math.isnan(score(metric, ["film", ""], ["?!", "..."]))
    assert RougeL().remark is None


def test_chrf_of_the_same_and_of_nothing_in_common():
    for prediction, expected in (("a warm film", 1.0), ("zzz", 0.0)):
        assert score(ChrF(), [prediction], ["a warm film"]) == pytest.approx(expected, abs=1e-4)


@given(st.lists(st.text("abcdé .,", min_size=1).map(lambda text: f"the{text} end of it"), min_size=1, max_size=4))
def test_chrf_is_that_of_torchmetrics_where_every_pair_has_something_in_common(texts):
    predictions, truths = texts, texts[1:] + texts[:1]
    theirs = CHRFScore()
    theirs.update(predictions, [[truth] for truth in truths])
    assert score(ChrF(), predictions, truths) == pytest.approx(theirs.compute().item(), abs=1e-5)


@pytest.mark.parametrize("text", ["да", "x", "今日は", "hello", "a warm film"])
def test_chrf_of_a_short_text_and_itself_is_one(text):
    """torchmetrics counts the n-grams that it is too short for as failures: 0.25 for a letter."""
    assert score(ChrF(), [text], [text]) == pytest.approx(1.0)


def test_chrf_counts_the_references_of_predictions_that_share_nothing_with_them():
    """By hand: half of what is predicted and of what is wanted is right, in every order; torchmetrics says 0.83."""
    metric = ChrF()
    metric.update(["ab", "cd"], ["ab", "ef"])
    assert metric.right[0] / metric.predicted[0] == metric.right[0] / metric.wanted[0] == 0.5
    assert metric.compute().item() == pytest.approx((0.5 + 0.5 + 0.5) / 3), "1 and 2 characters, and 1 word"


def test_perplexity_weighs_tokens_and_not_texts():
    metric = Perplexity()
    metric.update(torch.tensor([2.0, 30.0]), torch.tensor([1, 20]))
    metric.update(torch.tensor([0.5]), torch.tensor([4]))
    assert metric.compute().item() == pytest.approx(math.exp(32.5 / 25))
