import math

import pytest
import torch

from tunesmith.evaluation.texts import ChrF, ExactMatch, Perplexity, RougeL, TokenF1, exact_match, normalized, token_f1


@pytest.mark.parametrize(
    ("prediction", "truth", "same", "f1"),
    [
        ("The Eiffel Tower!", "eiffel tower", 1.0, 1.0),
        ("a tower in Paris", "the tower", 0.0, 2 * 1 / (3 + 1)),
        ("dull dull film", "dull film film", 0.0, 2 * 2 / (3 + 3)),
        ("", "film", 0.0, 0.0),
        ("the", "a", 1.0, 1.0),
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


def test_chrf_of_the_same_and_of_nothing_in_common():
    for prediction, expected in (("a warm film", 1.0), ("zzz", 0.0)):
        metric = ChrF()
        metric.update([prediction], ["a warm film"])
        assert metric.compute().item() == pytest.approx(expected, abs=1e-4)


def test_perplexity_weighs_tokens_and_not_texts():
    metric = Perplexity()
    metric.update(torch.tensor([2.0, 30.0]), torch.tensor([1, 20]))
    metric.update(torch.tensor([0.5]), torch.tensor([4]))
    assert metric.compute().item() == pytest.approx(math.exp(32.5 / 25))
