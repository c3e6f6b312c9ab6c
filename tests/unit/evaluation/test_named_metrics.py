"""Every named metric equals scikit-learn, scipy, sacreBLEU or a computation by hand, and can be resampled.

Rows are drawn with labels that are absent, a single label for all, one row alone, and texts of odd scripts; they reach
a metric in uneven batches, as an evaluation pass collects them.
"""

import re
from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn import metrics as sk

from tunesmith.config.checking.directions import higher_is_better
from tunesmith.config.metrics import NAMED, K, with_entries
from tunesmith.config.schema import Evaluation
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.evaluation.inputs import PlainInputs
from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.evaluation.statistics.headline import interval_of
from tunesmith.evaluation.statistics.of_rankings import ranking_metric
from tunesmith.evaluation.statistics.of_rows import additive_metrics
from tunesmith.evaluation.texts import Bleu, ChrF2
from tunesmith.tasks.registry import task_of
from tunesmith.training.instantiate import build_metrics

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning", "ignore:y_pred contains")

LABELS = ["joy", "fear", "rage"]
WITHOUT = {"spearman"}
"""Metrics that cannot be resampled by weights or sums."""
ERRORS = {"mse", "rmse", "mae", "log_loss", "brier", "ece", "perplexity", "bits_per_byte"}
TASKS = {option: TaskConfig(name=option.replace("multi_label", "classification")) for option in NAMED}
TASKS["multi_label"] = TaskConfig(name="classification", multi_label=True)


def entries_of(option):
    names = [name.replace(K, "2") for name in NAMED[option]]
    entries, problems = with_entries({name: name for name in names}, option)
    assert not problems
    return entries


@cache
def metrics_of(option):
    return build_metrics(Evaluation(metrics=entries_of(option)), num_labels=len(LABELS))


def run_of(option, answers, truths, rows):
    """What a run records, and the rows of its `predictions.jsonl`, checked against resampling."""
    task, entries = task_of(TASKS[option]), entries_of(option)
    metrics = metrics_of(option)
    tags = option == "token_classification"  # the task makes tags of logits
    inputs = PlainInputs(answers, truths, LABELS) if tags else task.metric_inputs(answers, truths, LABELS)
    measured = compute_metrics(metrics, inputs)
    assert not measured.failures
    resampled(entries, rows, measured.values)
    return measured.values


def resampled(entries, rows, values):
    """Each defined value is that of the saved rows, and the sums of uneven parts add up to it."""
    for full, value in values.items():
        name, _, label = full.partition("/")
        if name in WITHOUT or value != value:
            continue
        ranking = ranking_metric(entries[name], rows, LABELS, label)
        if ranking is not None:
            assert ranking.value(np.ones((1, len(rows))))[0] == pytest.approx(value, abs=1e-6), full
            continue
        form = additive_metrics(entries[name], rows, LABELS, {label: value})[label]
        parts = [form.take(slice(start, start + 7)).columns.sum(axis=0) for start in range(0, len(rows), 7)]
        assert float(form.value(np.sum(parts, axis=0))) == pytest.approx(value, rel=1e-4, abs=1e-5), full


def compare(values, expected):
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, rel=1e-4, abs=1e-5, nan_ok=True), name


def in_batches(values, size=7):
    return torch.cat([values[start : start + size] for start in range(0, len(values), size)])


def by_hand_ece(top, right):
    """The mean over answers of the gap of their bin; bins end with their upper edge."""
    places = np.clip(np.ceil(np.round(top * 15, 12)) - 1, 0, 14)
    return sum((places == i).mean() * abs((right - top)[places == i].mean()) for i in set(places))


def averaged(right, predicted, indices):
    values = {}
    for average in ("macro", "micro", "weighted", None):
        scores = sk.precision_recall_fscore_support(right, predicted, labels=indices, average=average, zero_division=0)[
            :3
        ]
        for name, score in zip(("precision", "recall", "f1"), scores, strict=True):
            if average is None:
                values |= {f"{name}/{label}": each for label, each in zip(LABELS, score, strict=True)}
            else:
                values[f"{name}_{average}"] = score
    return values


def of_ranking(score, there, probabilities):
    """The mean over labels; none if a label has all rows or no row."""
    if ((there.sum(axis=0) == 0) | (there.sum(axis=0) == len(there))).any():
        return np.nan
    return np.mean([score(there[:, i], probabilities[:, i]) for i in range(there.shape[1])])


sizes = st.integers(1, 40)
seeds = st.integers(0, 10_000)


@given(sizes, seeds, st.sampled_from([[0, 1, 2], [0, 0, 0, 2], [1]]), st.sampled_from([0.3, 3.0]))
@settings(max_examples=15, phases=[Phase.generate])
def test_of_one_label_per_text(rows, seed, frequencies, scale):
    random = np.random.default_rng(seed)
    right = random.choice(frequencies, rows)
    logits = torch.from_numpy((random.normal(size=(rows, 3)) * scale).astype(np.float32))
    predicted, p = logits.argmax(dim=1).numpy(), logits.double().softmax(dim=1).numpy()
    hot, indices = np.eye(3)[right], range(3)
    constant = len(set(right)) == 1 or len(set(predicted)) == 1
    saved = zip(right, predicted, logits.tolist(), strict=True)
    lines = [{"label": LABELS[t], "prediction": LABELS[a], "logits": x} for t, a, x in saved]
    compare(
        run_of("classification", in_batches(logits), in_batches(torch.from_numpy(right)), lines),
        {
            "accuracy": sk.accuracy_score(right, predicted),
            "balanced_accuracy": sk.balanced_accuracy_score(right, predicted),
            **averaged(right, predicted, indices),
            "mcc": np.nan if constant else sk.matthews_corrcoef(right, predicted),
            "roc_auc": of_ranking(sk.roc_auc_score, hot, p),
            "pr_auc": of_ranking(sk.average_precision_score, hot, p),
            "log_loss": sk.log_loss(right, p, labels=indices),
            "brier": sk.brier_score_loss(right, p, labels=indices, scale_by_half=False),
            "ece": by_hand_ece(p.max(axis=1), predicted == right),
            "top_2_accuracy": sk.top_k_accuracy_score(right, p, k=2, labels=indices),
        },
    )


@given(sizes, seeds, st.sampled_from([0.0, 0.4, 1.0]))
@settings(max_examples=12, phases=[Phase.generate])
def test_of_several_labels_per_text(rows, seed, share):
    random = np.random.default_rng(seed)
    there = (random.random((rows, 3)) < share).astype(int)
    logits = torch.from_numpy(random.normal(size=(rows, 3)).astype(np.float32))
    p, given_ = logits.double().sigmoid().numpy(), (logits > 0).int().numpy()

    def named(row):
        return [label for label, on in zip(LABELS, row, strict=True) if on]

    saved = zip(there, given_, logits.tolist(), strict=True)
    lines = [{"label": named(t), "prediction": named(a), "logits": x} for t, a, x in saved]
    losses = [sk.log_loss(there[:, i], p[:, i], labels=[0, 1]) for i in range(3)]
    compare(
        run_of("multi_label", in_batches(logits), in_batches(torch.from_numpy(there)), lines),
        {
            "exact_match": sk.accuracy_score(there, given_),
            **averaged(there, given_, None),
            "roc_auc": of_ranking(sk.roc_auc_score, there, p),
            "pr_auc": of_ranking(sk.average_precision_score, there, p),
            "log_loss": np.mean(losses),
            "brier": np.mean((p - there) ** 2),
            "ece": by_hand_ece(p.ravel(), there.ravel()),
        },
    )


@given(sizes, seeds, st.sampled_from([0.0, 1.0]))
@settings(max_examples=12, phases=[Phase.generate])
def test_of_numbers(rows, seed, spread):
    random = np.random.default_rng(seed)
    truths = 100 + spread * random.normal(size=rows)
    answers = 100 + random.normal(size=rows)
    lines = [{"label": t, "prediction": a, "logits": [a]} for t, a in zip(truths, answers, strict=True)]
    constant = len(set(truths)) == 1
    compare(
        run_of("regression", in_batches(torch.from_numpy(answers)), in_batches(torch.from_numpy(truths)), lines),
        {
            "mse": sk.mean_squared_error(truths, answers),
            "rmse": sk.root_mean_squared_error(truths, answers),
            "mae": sk.mean_absolute_error(truths, answers),
            "r2": np.nan if constant else sk.r2_score(truths, answers),
            "pearson": np.nan if constant else pearsonr(truths, answers).statistic,
            "spearman": np.nan if constant else spearmanr(truths, answers).statistic,
        },
    )


@given(sizes, seeds)
@settings(max_examples=10, phases=[Phase.generate])
def test_of_losses(rows, seed):
    random = np.random.default_rng(seed)
    tokens, means = random.integers(1, 30, rows), random.uniform(0.5, 4, rows)
    sizes = tokens * random.integers(1, 5, rows)
    columns = zip(means, tokens.tolist(), sizes.tolist(), strict=True)
    lines = [{"label": None, "loss": m, "num_tokens": n, "num_bytes": b} for m, n, b in columns]
    counts = torch.from_numpy(np.stack([tokens, sizes], axis=1))
    nats = (means * tokens).sum()
    expected = {"perplexity": np.exp(nats / tokens.sum()), "bits_per_byte": nats / np.log(2) / sizes.sum()}
    compare(run_of("language_modeling", torch.from_numpy(means * tokens), counts, lines), expected)


def spans(tags):
    """Entities of tags in which each `I` continues a `B` of its type, by a pattern over the whole sentence."""
    text = "".join({"O": "o", "B-P": "p", "I-P": "P", "B-Q": "q", "I-Q": "Q"}[tag] for tag in tags)
    return {(match.group()[0], match.span()) for match in re.finditer("pP*|qQ*", text)}


@given(sizes, seeds)
@settings(max_examples=10, phases=[Phase.generate])
def test_of_tags(rows, seed):
    random = np.random.default_rng(seed)
    pieces = [["O"], ["B-P"], ["B-P", "I-P"], ["B-Q", "I-Q", "I-Q"]]

    def sentence(length):
        drawn = [tag for _ in range(length) for tag in pieces[random.integers(4)]]
        return (drawn + ["O"] * length)[:length]

    truths = [sentence(random.integers(1, 9)) for _ in range(rows)]
    answers = [truth if random.random() < 0.5 else sentence(len(truth)) for truth in truths]
    found, there = ([spans(tags) for tags in side] for side in (answers, truths))
    right, given_, all_ = (
        sum(map(len, side)) for side in ([a & t for a, t in zip(found, there, strict=True)], found, there)
    )
    flat = [(a, t) for one, other in zip(answers, truths, strict=True) for a, t in zip(one, other, strict=True)]
    lines = [{"label": t, "prediction": a} for t, a in zip(truths, answers, strict=True)]
    compare(
        run_of("token_classification", answers, truths, lines),
        {
            "precision": right / max(given_, 1),
            "recall": right / max(all_, 1),
            "f1": 2 * right / max(given_ + all_, 1),
            "accuracy": np.mean([a == t for a, t in flat]),
        },
    )


WORDS = {
    "кот": ["кот"],
    "The": ["the"],
    "mat,": ["mat"],
    "猫在": ["猫", "在"],
    "नमस्ते": ["नमस्ते"],
    "봄이": ["봄이"],
    "!": [],
}
"""A piece of text and its words."""


def f_of_counts(one, other):
    one, other = Counter(one), Counter(other)
    return 2 * (one & other).total() / (one.total() + other.total())


def f_of_sequences(one, other):
    table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    for i, left in enumerate(one):
        for j, right in enumerate(other):
            table[i + 1, j + 1] = table[i, j] + 1 if left == right else max(table[i, j + 1], table[i + 1, j])
    return 2 * table[-1, -1] / (len(one) + len(other))


def pairs_of(words):
    return list(pairwise(words))


def orders(text, most):
    return [Counter(text[i : i + n] for i in range(len(text) - n + 1)) for n in range(1, most + 1)]


def by_hand_bleu(answers, truths):
    """Papineni's formula on pieces between spaces, the comma apart, with the halving of mteval-v13a."""
    tokens = [[t.replace(",", " , ").split() for t in side] for side in (answers, truths)]
    logarithm, halvings = 0.0, 0
    for n in range(1, 5):
        grams = [[Counter(zip(*(t[i:] for i in range(n)), strict=False)) for t in side] for side in tokens]
        right = sum((a & b).total() for a, b in zip(*grams, strict=True))
        total = sum(a.total() for a in grams[0])
        if total == 0 or (n == 1 and right == 0):
            return 0.0
        halvings += right == 0
        logarithm += np.log((right or 0.5**halvings) / total) / 4
    ours, theirs = (sum(map(len, side)) for side in tokens)
    return np.exp(logarithm + min(0.0, 1 - theirs / ours))


def by_hand_chrf2(answers, truths):
    counts = np.zeros((6, 3))
    for answer, truth in zip(answers, truths, strict=True):
        for n, (a, t) in enumerate(
            zip(orders(answer.replace(" ", ""), 6), orders(truth.replace(" ", ""), 6), strict=True)
        ):
            counts[n] += [(a & t).total(), a.total() if t else 0, t.total()]
    counts = counts[(counts[:, 1:] > 0).all(axis=1)]
    if not len(counts) or not counts[:, 0].any():
        return 0.0
    precision, recall = (counts[:, 0] / counts[:, 1]).mean(), (counts[:, 0] / counts[:, 2]).mean()
    return 5 * precision * recall / (4 * precision + recall)


@given(sizes, seeds)
@settings(max_examples=10, phases=[Phase.generate])
def test_of_texts_in_odd_scripts(rows, seed):
    random = np.random.default_rng(seed)
    pieces = [[list(WORDS)[i] for i in random.integers(0, 6, random.integers(1, 7))] for _ in range(rows)]
    others = [[list(WORDS)[i] for i in random.integers(0, 7, random.integers(0, 7))] for _ in range(rows)]
    chosen = [piece if random.random() < 0.3 else other for piece, other in zip(pieces, others, strict=True)]
    truths, answers = ([" ".join(piece) for piece in side] for side in (pieces, chosen))
    words = [[[word for piece in row for word in WORDS[piece]] for row in side] for side in (chosen, pieces)]
    # SQuAD's rules: articles are dropped, unless nothing else is left
    bare = [[[word for word in row if word != "the"] or row for row in side] for side in words]
    joined = [[" ".join(row).lower().replace(",", "") for row in side] for side in (chosen, pieces)]
    squad = [[" ".join(part for part in text.split() if part not in ("the", "!")) for text in side] for side in joined]
    squad = [[bare_ or text for bare_, text in zip(*sides, strict=True)] for sides in zip(squad, joined, strict=True)]

    def mean(score, sides, least=1):
        scores = [score(one, other) for one, other in zip(*sides, strict=True) if len(other) >= least]
        return np.mean(scores) if scores else np.nan

    measured = run_of(
        "text_to_text", answers, truths, [{"label": t, "prediction": a} for t, a in zip(truths, answers, strict=True)]
    )
    token_f1 = measured.pop("token_f1")
    if not any(set(row) <= {"!", "The"} for row in (*chosen, *pieces)):  # their rules are tested in test_texts.py
        assert token_f1 == pytest.approx(mean(f_of_counts, bare))
    compare(
        measured,
        {
            "exact_match": np.mean([one == other for one, other in zip(*squad, strict=True)]),
            "rouge_1": mean(f_of_counts, words),
            "rouge_2": mean(f_of_counts, [[pairs_of(row) for row in side] for side in words]),
            "rouge_l": mean(f_of_sequences, words),
            "bleu": by_hand_bleu(answers, truths),
            "chrf": measured["chrf"],  # chrF++, tested in test_texts.py
            "chrf2": by_hand_chrf2(answers, truths),
        },
    )


SACREBLEU = {
    "english": (
        ["The cat sat on the mat.", "It costs $3.50, not 4!", "Hello there"],
        ["The cat is on the mat.", "It costs $3.50 & not 4.", "Hello, there you go"],
        (0.370155120746, 0.599181264658),
    ),
    "cyrillic and hindi": (
        ["кот сидит на коврике сейчас", "मैं घर जा रहा हूँ"],
        ["кот сидел на коврике сейчас", "मैं घर जा रही हूँ आज"],
        (0.325111804958, 0.708747739161),
    ),
    "chinese": (["猫坐在垫子上", "我喜欢吃苹果和梨"], ["猫坐在垫子上", "我们喜欢吃苹果"], (0.0, 0.676635649698)),
    "no pair of tokens": (["a b c d e"], ["a x b y c"], (0.140585331298, 0.12)),
    "nothing right": (["x y z w"], ["a b c d"], (0.0, 0.0)),
    "too short": (["a b", "c"], ["a b", "c"], (0.0, 1.0)),
    "empty": (["", ""], ["a b c d e", "c"], (0.0, 0.0)),
    "signs": (
        ["&quot;Well-known&quot; (3-4) it's\nnew<skipped>", "10,000.5% off... now - go"],
        ['"Well-known" (3-4) its new', "10,000.5 % off now - go"],
        (0.568953404457, 0.644323543239),
    ),
}
"""Texts with `corpus_bleu` and `corpus_chrf` of sacreBLEU 2.6.0, divided by 100."""


@pytest.mark.parametrize("name", SACREBLEU)
def test_bleu_and_chrf2_are_those_of_sacrebleu(name):
    answers, truths, expected = SACREBLEU[name]
    for metric, value in zip((Bleu(), ChrF2()), expected, strict=True):
        for answer, truth in zip(answers, truths, strict=True):
            metric.update([answer], [truth])
        assert metric.compute().item() == pytest.approx(value, abs=1e-11)
        scripts = isinstance(metric, Bleu) and name == "chinese"
        assert ("2 of 2 references are in a script without spaces" in str(getattr(metric, "remark", ""))) == scripts


def test_the_better_direction_of_each_is_known():
    for option in NAMED:
        for name, entry in entries_of(option).items():
            assert higher_is_better(entry) is (name not in ERRORS), name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MulticlassAUROC", "MultilabelAveragePrecision"])
def test_an_interval_of_a_ranking_is_that_of_drawing_rows(name):
    """Percentiles of scikit-learn's score on rows drawn with replacement; BCa differs by a little."""
    random = np.random.default_rng(3)
    several, score = name.startswith("Multilabel"), {"C": sk.roc_auc_score, "n": sk.average_precision_score}[name[-1]]
    right = random.choice(2, 150)
    logits = np.round(random.normal(size=(150, 2)) + 1.5 * np.eye(2)[right], 1)  # with ties
    logits -= 0 if several else logits.max(axis=1, keepdims=True)
    p = 1 / (1 + np.exp(-logits)) if several else np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    hot = np.eye(2)[right]
    label = [[LABELS[i]] for i in right] if several else [LABELS[i] for i in right]
    rows = [{"label": t, "prediction": t, "logits": list(x)} for t, x in zip(label, logits, strict=True)]
    value = of_ranking(score, hot, p)
    bounds = interval_of({"_target_": f"torchmetrics.classification.{name}"}, rows, LABELS[:2], "", float(value))
    drawn = [of_ranking(score, hot[pick], p[pick]) for pick in random.integers(0, 150, (300, 150))]
    width = np.quantile(drawn, 0.975) - np.quantile(drawn, 0.025)
    assert bounds.low < value < bounds.high
    assert bounds.high - bounds.low == pytest.approx(width, rel=0.15)
    grouped = [row | {"group": str(place // 10)} for place, row in enumerate(rows)]
    assert interval_of({"_target_": f"torchmetrics.classification.{name}"}, grouped, LABELS[:2], "", float(value))
    assert interval_of({"_target_": f"torchmetrics.classification.{name}"}, rows, LABELS[:2], "", value + 0.01) is None
