"""Iterative stratification: sizes exact, units whole, and labels in proportion, not by luck as in a random split."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import compose
from tunesmith.config.schema import Split
from tunesmith.data.splits import read_splits
from tunesmith.data.splitting.by_labels import divide_by_labels
from tunesmith.data.splitting.split import Basis, draw, split_rows
from tunesmith.errors import ConfigError
from tunesmith.tasks.registry import task_of

label_sets = st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=4).map(sorted), min_size=20, max_size=120)
seeds = st.integers(0, 1000)
fractions = st.floats(0.1, 0.4)


def skewed(num_rows, seed):
    """Rows with labels of very different frequency, as topics have."""
    draw_from = np.random.default_rng(seed)
    chances = 0.5 ** np.arange(1, 9)
    return [[f"l{i}" for i in np.flatnonzero(draw_from.random(8) < chances)] for _ in range(num_rows)]


def unevenness(sets, part):
    """Rows by which a label is off its share in a part, on average."""
    counts, there = (Counter(label for row in rows for label in sets[row]) for rows in (range(len(sets)), part))
    return float(np.mean([abs(there[label] - count * len(part) / len(sets)) for label, count in counts.items()]))


@given(label_sets, fractions, seeds)
def test_sizes_are_exact_and_every_row_is_in_one_part(sets, fraction, seed):
    number = round(len(sets) * fraction)
    first, second = divide_by_labels(sets, number, seed)
    assert sorted([*first, *second]) == list(range(len(sets)))
    assert len(second) == number
    assert all(one < other for part in (first, second) for one, other in pairwise(part.tolist()))
    assert all(map(np.array_equal, (first, second), divide_by_labels(sets, number, seed)))
    turned = [labels[::-1] for labels in sets]
    assert all(map(np.array_equal, (first, second), divide_by_labels(turned, number, seed))), "an order of labels"


@given(st.lists(st.sampled_from("abcdefgh"), max_size=80), fractions, seeds)
def test_with_one_label_each_it_is_an_ordinary_stratified_split(drawn, fraction, seed):
    labels = [*drawn, *"abcdefgh" * 4]
    number = round(len(labels) * fraction)
    _, second = divide_by_labels([[label] for label in labels], number, seed)
    there = Counter(labels[row] for row in second)
    for label, count in Counter(labels).items():
        assert abs(there[label] - count * number / len(labels)) < 1 + 1e-9, label


@pytest.mark.slow
@given(st.lists(st.integers(1, 4), min_size=10, max_size=40), fractions, seeds, st.data())
def test_units_stay_whole_and_single_rows_make_the_sizes_exact(sizes, fraction, seed, data):
    units = [unit for unit, size in enumerate([*sizes, *[1] * 30]) for _ in range(size)]
    sets = [data.draw(st.sets(st.sampled_from("abc")).map(sorted)) for _ in units]
    number = round(len(units) * fraction)
    first, second = divide_by_labels(sets, number, seed, units)
    assert not {units[row] for row in first} & {units[row] for row in second}
    assert len(first) + len(second) == len(units)
    assert len(second) <= number


@pytest.mark.parametrize("seed", range(5))
def test_rare_labels_are_in_proportion_where_a_random_split_has_them_by_luck(seed):
    sets = skewed(600, seed)
    split = Split(val_fraction=0.1, test_fraction=0.1, seed=seed)
    kept = split_rows([""] * 600, split, Basis(label_sets=sets))
    lucky = split_rows([""] * 600, split.model_copy(update={"method": "random"}))
    for name in ("val", "test"):
        assert len(kept[name]) == len(lucky[name]) == 60
        assert unevenness(sets, kept[name]) < 0.6 < unevenness(sets, lucky[name])
    chosen = draw([""] * 600, 200, split, sets)
    assert len(chosen) == 200
    assert unevenness(sets, chosen) < 0.6


def test_a_label_of_two_rows_is_trained_on():
    sets = [["common"]] * 98 + [["common", "rare"]] * 2
    for seed in range(20):
        parts = split_rows([""] * 100, Split(seed=seed), Basis(label_sets=sets))
        assert {98, 99} <= set(parts["train"].tolist())


def test_a_label_with_a_single_row_is_trained_on():
    sets = [[f"l{row // 2}"] if row >= 20 else [f"lone {row}"] for row in range(100)]
    for seed in range(5):
        parts = split_rows([""] * 100, Split(seed=seed), Basis(label_sets=sets))
        assert set(range(20)) <= set(parts["train"].tolist())
        trained = {label for row in parts["train"] for label in sets[row]}
        assert trained == {label for labels in sets for label in labels}


@pytest.fixture
def topics(tmp_path):
    path = tmp_path / "topics.jsonl"
    rows = [{"text": f"text {number % 190}", "label": labels} for number, labels in enumerate(skewed(200, 1))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ["task=multi_label", "data=jsonl", f"data.path={path}"]


def test_new_configs_keep_proportions_and_saved_ones_their_split(topics, caplog):
    def parts(config):
        return read_splits(config.data, task_of(config.task))

    new = compose(topics)
    assert new.saved["data"]["split"]["multi_label"] == "stratified"
    splits = parts(new.config)
    sets = [labels for rows in splits.values() for labels in rows.labels]
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 160, "val": 20, "test": 20}
    assert not set(splits["train"].texts) & {text for name in ("val", "test") for text in splits[name].texts}, "copies"
    assert unevenness(sets, range(180, 200)) < 0.6
    saved = {**new.saved, "data": {**new.saved["data"], "split": {**new.saved["data"]["split"]}}}
    del saved["data"]["split"]["multi_label"]
    before = new.with_saved(saved).config
    random = compose([*topics, "data.split.method=random"]).config
    assert {name: rows.ids for name, rows in parts(before).items()} == {
        name: rows.ids for name, rows in parts(random).items()
    }
    few = parts(compose([*topics, "data.num_rows=100"]).config)
    assert sum(map(len, few.values())) == 100


def test_the_key_is_refused_where_it_does_nothing(topics):
    with pytest.raises(ConfigError, match=r"data.split.multi_label: has no effect with task.multi_label=false"):
        compose(["data=csv", "data.path=a.csv", "data.split.multi_label=stratified"])
    with pytest.raises(ConfigError, match=r"data.split.multi_label: has no effect with data.split.method=hash"):
        compose([*topics, "data.split.method=hash", "data.split.multi_label=stratified"])
