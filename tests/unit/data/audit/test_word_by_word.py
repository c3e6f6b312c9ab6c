"""What the words of texts show: planted label errors, cues and templates, and figures against plain references."""

import itertools
import math
import random

import numpy as np
import pytest
from scipy.stats import binomtest

from tunesmith.data.audit.cues import cues_in
from tunesmith.data.audit.diversity import diversity, templates
from tunesmith.data.audit.interval import wilson
from tunesmith.data.audit.label_errors import TIMES, doubted, label_errors
from tunesmith.data.audit.studied import MOST_TEXTS, Studied, studied
from tunesmith.data.audit.words import MOST_WORDS, words_of
from tunesmith.data.examples import Example
from tunesmith.data.rows import rows_of
from tunesmith.tasks.registry import task_named

NUM_LABELS = 4
VOCABULARY = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(400)]


def topics(num_rows, seed=0):
    """Texts of 12 words, of which 4 are of the label's 40, so that no single word tells the label; none twice."""
    draw = random.Random(seed)
    rows = []
    for number in range(num_rows):
        label = number % NUM_LABELS
        own, others = VOCABULARY[40 * label : 40 * label + 40], VOCABULARY[40 * NUM_LABELS :]
        rows.append((" ".join(draw.choices(own, k=4) + draw.choices(others, k=8)), f"topic{label}"))
    return rows


def texts_of(rows, task="classification"):
    splits = {"train": rows_of([str(i) for i in range(len(rows))], [Example(text, label) for text, label in rows])}
    return splits, studied(splits, task_named(task))


def flipped(rows, num, seed=1):
    draw = random.Random(seed)
    chosen = draw.sample(range(len(rows)), num)
    mixed = list(rows)
    for row in chosen:
        others = [f"topic{label}" for label in range(NUM_LABELS) if rows[row][1] != f"topic{label}"]
        mixed[row] = (rows[row][0], draw.choice(others))
    return mixed, set(chosen)


@pytest.mark.parametrize(("num", "recall"), [(12, 0.6), (60, 0.55), (120, 0.5)])
def test_flipped_labels_are_found_with_the_label_that_they_had(num, recall):
    """The recall is that of docs/data.md; nothing else is reported."""
    rows = topics(1200)
    mixed, planted = flipped(rows, num)
    splits, texts = texts_of(mixed)
    (finding,) = label_errors(splits, texts)
    reported = {int(case["row"].split("'")[1]): case for case in finding.cases}
    assert len(reported) == finding.count
    assert set(reported) <= planted
    assert len(reported) >= recall * num
    for row, case in reported.items():
        assert (case["given"], case["suggested"]) == (mixed[row][1], rows[row][1])
    chances = [case["probability"] for case in finding.cases]
    assert min(chances) > 0.5


def test_right_labels_are_not_doubted_and_labels_of_chance_neither():
    splits, texts = texts_of(topics(1200))
    assert list(label_errors(splits, texts)) == []
    draw = random.Random(3)
    for chances in ((1, 1, 1, 1), (90, 4, 3, 3)):
        labels = [f"topic{label}" for label in draw.choices(range(NUM_LABELS), chances, k=1200)]
        splits, texts = texts_of([(text, label) for (text, _), label in zip(topics(1200), labels, strict=True)])
        assert list(label_errors(splits, texts)) == []


def test_a_label_is_doubted_by_the_mean_confidence_of_another_and_by_far():
    """The rule of confident learning, written out row by row."""
    draw = np.random.default_rng(0)
    probabilities = draw.dirichlet([0.2, 0.2, 0.4], 2000)
    given = np.where(draw.random(2000) < 0.9, probabilities.argmax(axis=1), draw.integers(0, 3, 2000))
    suggested, times = doubted(probabilities, given)
    means = [
        np.mean([row[label] for row, own in zip(probabilities, given, strict=True) if own == label])
        for label in range(3)
    ]
    for row, own, other, ratio in zip(probabilities, given, suggested, times, strict=True):
        able = [label for label in range(3) if row[label] >= means[label]]
        best = max(able, key=lambda label: row[label]) if able else own
        by_far = row[best] / max(row[own], 1e-9) * min(1, np.mean(given == own) / np.mean(given == best))
        expected = best if best != own and by_far >= TIMES else -1
        assert other == expected
        assert expected == -1 or ratio == pytest.approx(by_far)
    assert (suggested >= 0).sum() > 20


def test_a_planted_word_is_the_only_cue():
    draw = random.Random(0)
    rows = [
        (f"{text} zebra" if label == "topic2" and draw.random() < 0.6 else text, label) for text, label in topics(1200)
    ]
    (cue,) = [cue for cue in cues_in(texts_of(rows)[1]) if cue.what.startswith("the word")]
    assert (cue.what, cue.label) == ('the word "zebra"', "topic2")
    num = sum("zebra" in text for text, _ in rows)
    assert cue.having == cue.of_label == num
    assert cue.share == num / 300
    assert cues_in(texts_of(topics(1200))[1]) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda text: text[:40], "at most"),
        (lambda text: f"{text} and more of it", "more than"),
        (lambda text: f"{text}!", 'ending with "!"'),
        (lambda text: f"Re {text}", 'the word "re"'),
    ],
)
def test_a_length_and_an_edge_can_be_cues(change, what):
    rows = [(change(text) if label == "topic1" else text, label) for text, label in topics(600)]
    assert any(cue.what.startswith(what) and cue.label == "topic1" for cue in cues_in(texts_of(rows)[1]))
    assert {cue.label for cue in cues_in(texts_of(rows)[1])} == {"topic1"}


@pytest.mark.parametrize(("k", "n"), [(0, 5), (4, 5), (5, 5), (35, 35), (80, 100), (499, 500)])
def test_the_interval_is_that_of_scipy(k, n):
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_figures_of_diversity_are_those_counted_by_hand():
    texts = ["One two, two three.", "two three 3 times", "", "人工知能 two"]
    _, seen = texts_of([(text, "x") for text in texts])
    assert seen.words.vocabulary == ["one", "two", "three", "3", "times", "人", "工", "知", "能"]
    words = [["one", "two", "two", "three"], ["two", "three", "3", "times"], [], ["人", "工", "知", "能", "two"]]
    pairs = [pair for text in words for pair in itertools.pairwise(text)]
    assert diversity(seen) == {
        "num_texts": 4,
        "num_words": 13,
        "vocabulary": 9,
        "distinct_1": round(9 / 13, 4),
        "distinct_2": round(len(set(pairs)) / len(pairs), 4),
    }
    counts = seen.words.counts.toarray()
    assert counts[0].tolist() == [1, 2, 1, 0, 0, 0, 0, 0, 0]
    assert counts.sum() == 13


@pytest.mark.parametrize(("power", "expected"), [(1.0, 1.0), (0.5, 0.5)])
def test_the_exponent_is_that_with_which_the_vocabulary_grows(power, expected):
    new = [math.floor((n + 1) ** power) - math.floor(n**power) for n in range(20_000)]
    known = np.cumsum(new)
    text = [f"w{known[n] if new[n] else 1}" for n in range(20_000)]
    seen = texts_of([(" ".join(text[start : start + 500]), "x") for start in range(0, 20_000, 500)])[1]
    assert diversity(seen)["heaps_exponent"] == pytest.approx(expected, abs=0.02)


def test_texts_of_one_template_are_counted():
    rows = [
        *topics(300),
        *((f"Dear customer number {i}, your order is {word}", "topic1") for i, word in enumerate(VOCABULARY[:30])),
    ]
    splits, texts = texts_of(rows)
    (finding,) = templates(splits, texts)
    assert finding.count == 30
    assert "Dear customer number 0" in finding.examples[0]
    assert list(templates(*texts_of(topics(300)))) == []


def test_copies_are_looked_at_once_and_contradictions_not_at_all():
    rows = [("the same", "a"), ("the same ", "a"), ("two ways", "a"), ("two ways", "b"), ("another", "b")]
    seen = texts_of(rows)[1]
    assert (seen.texts, seen.labels, seen.num_texts) == (["the same", "another"], ["a", "b"], 2)


def test_very_many_texts_are_sampled_and_it_is_said(monkeypatch):
    monkeypatch.setattr("tunesmith.data.audit.studied.MOST_TEXTS", 100)
    seen = texts_of(topics(300))[1]
    assert len(seen.texts) == len(set(seen.texts)) == 100
    assert seen.among() == " among 100 of 300 different texts"
    assert MOST_TEXTS > 40_000


def test_a_long_text_is_looked_at_from_its_beginning():
    assert len(words_of(["word " * (MOST_WORDS + 5)]).numbers) == MOST_WORDS


def test_no_memory_is_kept_of_labels_that_are_several():
    rows = [("one text", ("a", "b")), ("another", ())]
    assert texts_of(rows, task="multi_label")[1].labels == ["", ""]
    assert isinstance(texts_of(rows, task="multi_label")[1], Studied)
