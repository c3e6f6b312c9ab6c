"""Folds: each row is validated on once, units stay whole, time goes forward, the test rows stay outside."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit
from sklearn.utils.class_weight import compute_class_weight

from tunesmith import compose
from tunesmith.config.schema import Split
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.prepared import read_prepared
from tunesmith.data.splits import names_of_labels, read_splits
from tunesmith.data.splitting.split import Basis, split_rows
from tunesmith.errors import ConfigError, DataError
from tunesmith.evaluation.baselines import LINEAR, MAJORITY
from tunesmith.tasks.registry import task_named, task_of
from tunesmith.training.baselines import measure_baselines

seeds = st.integers(0, 1000)
folds_ = st.integers(2, 6)


def all_folds(labels, basis=None, *, folds, start=0, **split):
    """The splits of every fold, after what holds for any method but time: disjoint, complete, one test split."""
    parts = [
        split_rows(labels, Split(folds=folds, fold=start + fold, **split), basis or Basis()) for fold in range(folds)
    ]
    for part in parts:
        assert sorted(np.concatenate(list(part.values())).tolist()) == list(range(len(labels)))
        assert np.array_equal(part["test"], parts[0]["test"])
        assert all((np.diff(rows) > 0).all() for rows in part.values())
    validated = Counter(int(row) for part in parts for row in part["val"])
    assert validated == Counter(set(range(len(labels))) - set(parts[0]["test"].tolist()))
    return parts


@settings(max_examples=25, deadline=None)
@given(st.integers(30, 80), folds_, seeds, st.sampled_from(["stratified", "random"]), st.sampled_from([0.0, 0.2]))
def test_every_row_outside_the_test_is_validated_on_once_and_sizes_are_even(number, folds, seed, method, test):
    labels = ["a" if row % 3 else "b" for row in range(number)]
    parts = all_folds(labels, folds=folds, method=method, seed=seed, test_fraction=test)
    sizes = [len(part["val"]) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    if method == "stratified":
        for label in "ab":
            counts = [sum(labels[row] == label for row in part["val"]) for part in parts]
            assert max(counts) - min(counts) <= 1
    if test:
        plain = split_rows(labels, Split(method=method, seed=seed, test_fraction=test, val_fraction=0.1))
        assert np.array_equal(plain["test"], parts[0]["test"])  # the test rows of a run without folds


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=12, max_size=30),
    folds_,
    seeds,
    st.sampled_from(["stratified", "random"]),
    st.booleans(),
)
def test_units_stay_whole(sizes, folds, seed, method, grouped):
    units = [unit for unit, size in enumerate([*sizes, *[1] * 30]) for _ in range(size)]
    labels = ["a" if row % 3 else "b" for row in range(len(units))]
    basis = Basis(units=units, grouped=grouped)
    parts = all_folds(labels, basis, folds=folds, method=method, seed=seed, test_fraction=0.1)
    for part in parts:
        for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
            assert not {units[row] for row in part[one]} & {units[row] for row in part[other]}
    if method == "random" or not grouped:
        counts = [len(part["val"]) for part in parts]
        assert max(counts) - min(counts) <= (1 if method == "random" else max(sizes))


def test_labels_of_rows_with_several_are_in_every_fold_in_their_proportions():
    random = np.random.default_rng(0)
    rates = {"a": 0.5, "b": 0.2, "c": 0.05}
    sets = [tuple(label for label, rate in rates.items() if random.random() < rate) for _ in range(400)]
    parts = all_folds([""] * 400, Basis(label_sets=sets), folds=5, test_fraction=0.0)
    for label in rates:
        counts = [sum(label in sets[row] for row in part["val"]) for part in parts]
        assert max(counts) - min(counts) <= 2
    assert {len(part["val"]) for part in parts} == {80}


def test_a_later_number_is_a_fold_of_another_division_and_the_test_stays():
    labels = ["a", "b"] * 30
    first = all_folds(labels, folds=3, test_fraction=0.2)
    second = all_folds(labels, folds=3, start=3, test_fraction=0.2)
    assert np.array_equal(first[0]["test"], second[0]["test"])
    assert not any(np.array_equal(one["val"], other["val"]) for one in first for other in second)


@given(st.lists(st.integers(0, 50), min_size=12, max_size=40), folds_, st.sampled_from([0.0, 0.2]))
def test_time_goes_forward_in_blocks(times, folds, test):
    basis = Basis(column=[str(time) for time in times])
    validated = Counter()
    num_test = round(len(times) * test)
    blocks = list(TimeSeriesSplit(folds).split(range(len(times) - num_test)))
    for fold in range(folds):
        split = Split(method="time", folds=folds, fold=fold, column="day", test_fraction=test)
        part = split_rows([""] * len(times), split, basis)
        assert max(times[row] for row in part["train"]) <= min(times[row] for row in part["val"])
        assert [len(part[name]) for name in ("train", "val", "test")] == [*map(len, blocks[fold]), num_test]
        validated.update(part["val"].tolist())
    assert set(validated.values()) == {1}


def test_a_row_that_is_added_moves_no_other_between_folds_of_a_hash():
    keys = [f"text {number}" for number in range(300)]
    split = {"folds": 4, "method": "hash", "test_fraction": 0.1}
    before = all_folds([""] * 300, Basis(keys=keys), **split)
    after = all_folds([""] * 301, Basis(keys=[*keys, "new"]), **split)
    assert all(
        set(one["val"].tolist()) == set(other["val"].tolist()) - {300} for one, other in zip(before, after, strict=True)
    )
    assert all(40 < len(part["val"]) < 100 for part in before)


def test_too_few_rows_groups_or_rows_of_a_label_are_refused_with_a_way_out():
    with pytest.raises(DataError, match=r"At most data.split.folds=3"):
        split_rows(["a", "a", "b", "b", "a", "b"], Split(folds=5, test_fraction=0), Basis((), [0, 0, 1, 1, 2, 2], True))
    with pytest.raises(DataError, match="single row for all folds"):
        split_rows(["a"] * 9 + ["b"], Split(folds=3, test_fraction=0))
    with pytest.raises(DataError, match=r"At most data.split.folds=3"):
        split_rows([""] * 4, Split(folds=4, method="time", column="day", test_fraction=0), Basis(column=list("1234")))


def test_copies_of_a_text_are_in_one_fold_and_a_fold_of_one_run_is_that_of_the_next(tmp_path):
    file = tmp_path / "rows.csv"
    texts = [f"text {number // 2 if number < 20 else number}" for number in range(60)]
    file.write_text("text,label\n" + "".join(f"{text},{'ab'[n // 4 % 2]}\n" for n, text in enumerate(texts)))

    def splits_of(fold):
        keys = [f"data.path={file}", "data.split.folds=3", f"data.split.fold={fold}"]
        return read_splits(compose(["data=csv", "model=tiny_encoder", *keys]).config.data, task_named("classification"))

    folds = [splits_of(fold) for fold in range(3)]
    assert folds[1]["val"].ids == splits_of(1)["val"].ids
    for splits in folds:
        assert not set(splits["val"].texts) & (set(splits["train"].texts) | set(splits["test"].texts))
    assert sum(len(splits["val"]) for splits in folds) == 60 - len(folds[0]["test"])


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        (["data.path=a.csv", "data.split.fold=1"], "without folds"),
        (
            ["data.path=a.csv", "data.split.folds=3", "data.split.method=column", "data.split.column=c"],
            "gives the split of each row",
        ),
        (
            [
                "data.path=a.csv",
                "data.split.folds=3",
                "data.split.fold=3",
                "data.split.method=time",
                "data.split.column=c",
            ],
            "less than",
        ),
        (["data.path=a.csv", "data.split.folds=3", "data.split.val_fraction=0.2"], "no effect with data.split.folds"),
        (["data.split.folds=3", "data.path.train=a.csv", "data.path.val=b.csv"], "a file for val"),
    ],
)
def test_keys_that_contradict_folds_are_refused(overrides, rule):
    with pytest.raises(ConfigError, match=rule):
        compose(["data=csv", "model=tiny_encoder", *overrides])


@pytest.mark.parametrize("fold", [0, 2])
def test_nothing_that_is_fitted_sees_the_rows_of_the_fold(fold, tmp_path):
    """Cleaning by majority and the labels stay as they are when the fold's own rows are changed."""

    def prepared(labels, name):
        file = tmp_path / name
        texts = [f"text {number % 40}" for number in range(120)]
        file.write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in zip(texts, labels, strict=True)))
        keys = ["data.split.method=random", "data.split.folds=3", f"data.split.fold={fold}"]
        keys += ["data.split.duplicates=apart", "data/cleaning=[standard,conflicts]"]
        keys += ["data.cleaning.conflicts.keep=majority", "data.cleaning.duplicates=null"]
        data = compose(["data=csv", "model=tiny_encoder", f"data.path={file}", *keys]).config.data
        return read_prepared(data, task_named("classification"))

    honest = [("ab" if row % 3 else "ba")[row // 40 % 2] for row in range(120)]
    before = prepared(honest, "honest.csv")
    planted = list(honest)
    for row_id in before.splits["val"].ids:  # the fold's rows all vote for one label
        planted[int(row_id)] = "a"
    after = prepared(planted, "planted.csv")
    assert after.splits["val"].ids == before.splits["val"].ids
    assert after.splits["train"].labels == before.splits["train"].labels
    assert after.splits["train"].texts == before.splits["train"].texts
    votes = {f"text {text}": Counter(planted[text::40]).most_common(1)[0][0] for text in range(40)}
    train = zip(after.splits["train"].texts, after.splits["train"].labels, strict=True)
    assert any(votes[text] != label for text, label in train), "cleaned over all rows, labels would have changed"
    planted[int(before.splits["val"].ids[0])] = "leaked"
    with pytest.raises(DataError, match="occurs in val but never in train"):
        names_of_labels(prepared(planted, "leaked.csv").splits, "label", task="classification", needed=2)


def test_weights_of_labels_and_baselines_are_fitted_to_the_training_rows_of_the_fold(tokenizer, tmp_path):
    """Words that give the labels of the fold away, and labels that are frequent in it, teach nobody anything."""
    fold, labels = 1, ["a" if row % 4 else "b" for row in range(160)]

    def data_of(texts, labels, name):
        file = tmp_path / name
        file.write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in zip(texts, labels, strict=True)))
        keys = ["data.split.method=random", "data.split.folds=4", f"data.split.fold={fold}"]
        keys += ["data.split.duplicates=apart", "task.class_weights=balanced", f"data.cache_dir={tmp_path / 'cache'}"]
        config = compose(["data=csv", "model=tiny_encoder", f"data.path={file}", *keys]).config
        return config, TextDataModule(config.data, tokenizer, task_of(config.task))

    texts = [f"row {row}" for row in range(160)]
    _, honest = data_of(texts, labels, "plain.csv")
    for row_id in map(int, honest.splits["val"].ids):
        labels[row_id] = "b" if row_id % 4 else "a"  # the rare label is the frequent one here
        texts[row_id] += f" marks {labels[row_id]} for sure"
    config, leaky = data_of(texts, labels, "leaky.csv")
    train, val = leaky.splits["train"], leaky.splits["val"]
    assert train.labels == honest.splits["train"].labels

    def weights_for(rows):
        return compute_class_weight("balanced", classes=np.array(leaky.labels), y=rows)

    assert leaky.class_weights == pytest.approx(weights_for(train.labels))
    assert leaky.class_weights != pytest.approx(weights_for(labels), rel=0.05), "all rows have other weights"

    def words_fitted_to(texts, labels):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
        model = LogisticRegression(max_iter=200).fit(words.fit_transform(texts), labels)
        return model.score(words.transform(val.texts), val.labels)

    def accuracy(logits, truths):
        return {"accuracy": float((logits.argmax(-1) == torch.as_tensor(truths)).float().mean())}

    known = {"val/accuracy": 0.5}
    truths = torch.tensor([leaky.labels.index(label) for label in val.labels])
    rows = [{"id": row_id, "split": "val", "label": of} for row_id, of in zip(val.ids, val.labels, strict=True)]
    output = SimpleNamespace(split="val", defined_metrics=known, metrics=known, labels=truths)
    values, _ = measure_baselines(config.evaluation, leaky, task_of(config.task), accuracy, [output], rows)
    measured = values["val/accuracy"]
    assert measured[LINEAR] == pytest.approx(words_fitted_to(train.texts, train.labels))
    assert words_fitted_to(texts, labels) == 1.0 > measured[LINEAR] + 0.5, "fitted to all rows, it would know them all"
    assert measured[MAJORITY] == pytest.approx(val.labels.count("a") / len(val))
    assert measured[MAJORITY] < 0.5, "the most frequent label of the fold itself would have most rows right"
