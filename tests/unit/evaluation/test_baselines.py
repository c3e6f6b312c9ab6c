"""Trivial models answer as their definition says, and as scikit-learn's pipeline does."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tunesmith.evaluation import baselines
from tunesmith.evaluation.baselines import (
    LINEAR,
    MAJORITY,
    RANDOM,
    RIDGE,
    for_numbers,
    for_one_label,
    for_several_labels,
)
from tunesmith.evaluation.kept_answers import kept_answers

TEXTS = ["good warm film", "warm and good", "dull film", "dull, bad", "bad bad bad", "a good one", "dull and cold"]
LABELS = np.array([2, 2, 0, 0, 0, 2, 0])
OTHERS = ["good", "dull", "nothing known", "warm cold"]


def test_one_label():
    answers = for_one_label(TEXTS, LABELS, OTHERS, size=3, seed=0)
    shares = np.array([4, 0, 3]) / 7
    assert np.exp(answers[MAJORITY]) == pytest.approx(np.tile(shares, (4, 1)), abs=2e-6)
    assert set(answers[RANDOM].argmax(axis=1)) <= {0, 2}
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
    model = make_pipeline(vectors, LogisticRegression(max_iter=200)).fit(TEXTS, LABELS)
    assert np.exp(answers[LINEAR])[:, [0, 2]] == pytest.approx(model.predict_proba(OTHERS), abs=1e-6)
    assert answers[LINEAR].argmax(axis=1)[:2].tolist() == [2, 0]


def test_random_answers_have_the_frequencies_and_the_seed():
    answers = for_one_label(["x"] * 100, np.arange(100) // 80, ["x"] * 20_000, size=2, seed=3)[RANDOM]
    assert answers.argmax(axis=1).mean() == pytest.approx(0.2, abs=0.02)
    again = for_one_label(["x"] * 100, np.arange(100) // 80, ["x"] * 20_000, size=2, seed=3)[RANDOM]
    assert (answers == again).all()


def test_several_labels():
    labels = np.stack([LABELS == 2, LABELS == 0, np.ones(7)], axis=1).astype(float)
    answers = for_several_labels(TEXTS, labels, OTHERS, seed=0)
    given = answers[LINEAR] > 0
    assert given[:2].tolist() == [[True, False, True], [False, True, True]]
    assert 1 / (1 + np.exp(-answers[MAJORITY][0])) == pytest.approx([3 / 7, 4 / 7, 1.0], abs=2e-6)


def test_numbers():
    answers = for_numbers(TEXTS, LABELS.astype(float), OTHERS, seed=0)
    assert answers["mean"] == pytest.approx([LABELS.mean()] * 4)
    good, dull, *_ = answers[RIDGE]
    assert good > LABELS.mean() > dull


def test_texts_without_a_word_leave_the_linear_model_out():
    assert LINEAR not in for_one_label(["!", "?"], np.array([0, 1]), ["."], size=2, seed=0)
    assert RIDGE not in for_numbers(["!", "?"], np.array([0.0, 1.0]), ["."], seed=0)


def test_many_rows_are_sampled(monkeypatch):
    monkeypatch.setattr(baselines, "MOST_ROWS", 4)
    texts = [f"word{i}" for i in range(50)]
    answers = for_numbers(texts, np.arange(50.0), texts, seed=1)[RIDGE]
    assert len(set(answers.round(6))) == 5  # four known words, and the mean for the rest


def test_of_many_labels_a_model_knows_fewer_words(monkeypatch):
    monkeypatch.setattr("tunesmith.evaluation.baselines.MOST_WEIGHTS", 12)
    answers = for_one_label(TEXTS, LABELS, OTHERS, size=3, seed=0)
    weights = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=4, token_pattern=r"\w+")
    model = LogisticRegression(max_iter=200).fit(weights.fit_transform(TEXTS), LABELS)
    expected = model.predict_proba(weights.transform(OTHERS))
    found = np.exp(answers["TF-IDF + logistic regression"])[:, model.classes_]
    assert found == pytest.approx(np.maximum(expected, 1e-6))


def test_answers_are_kept_by_what_they_depend_on(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"a + b": np.array([1.0, len(made)])}

    def asked(settings=("x", 1), texts=("one", "two")):
        return kept_answers(settings, texts, tmp_path / "cache", make)["a + b"].tolist()

    assert [asked(), asked()] == [[1, 1], [1, 1]]
    assert [asked(settings=("x", 2)), asked(texts=("onet", "wo"))] == [[1, 2], [1, 3]]
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert asked() == [1, 4]
    (tmp_path / "file").write_text("no folder")
    assert kept_answers((), (), tmp_path / "file", make)["a + b"].tolist() == [1, 5]
