"""Groups and copies stay whole, time goes forward, an added row moves no other."""

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tunesmith import compose
from tunesmith.config.schema import Data, Split
from tunesmith.data.rows import Rows
from tunesmith.data.splits import read_splits
from tunesmith.data.splitting.split import SPLITS, Basis, split_rows
from tunesmith.data.splitting.units import divide_units, units_of
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")
fractions = st.floats(0.1, 0.3)
seeds = st.integers(0, 1000)


def rows_with(texts, groups=None):
    ids = [str(number) for number in range(len(texts))]
    return Rows(ids, list(texts), ["a"] * len(texts), groups=groups)


def sides(parts, num_rows):
    """The split of each row; each row has exactly one."""
    assert sorted(np.concatenate([parts[name] for name in SPLITS]).tolist()) == list(range(num_rows))
    return {int(row): name for name in SPLITS for row in parts[name]}


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 9)), min_size=1, max_size=40))
def test_rows_that_share_a_group_or_a_text_are_one_unit(pairs):
    texts, groups = [text for text, _ in pairs], [str(group) for _, group in pairs]
    units = units_of(rows_with(texts, groups), duplicates=True) or list(range(len(pairs)))
    assert units_of(rows_with(texts), duplicates=False) is None
    for one, unit in enumerate(units):  # against a search through the graph
        reached, edge = {one}, [one]
        while edge:
            row = edge.pop()
            more = {o for o in range(len(pairs)) if texts[o] == texts[row] or groups[o] == groups[row]} - reached
            reached |= more
            edge += more
        assert {other for other, its in enumerate(units) if its == unit} == reached


@pytest.mark.slow
@given(st.lists(st.integers(1, 4), min_size=20, max_size=60), fractions, fractions, seeds, st.booleans(), st.data())
def test_units_stay_whole_and_single_rows_make_the_sizes_exact(sizes, val, test, seed, stratified, data):
    units = [unit for unit, size in enumerate([*sizes, *[1] * 30]) for _ in range(size)]
    labels = [data.draw(st.sampled_from("ab")) for _ in units]
    method = "stratified" if stratified else "random"
    split = Split(method=method, val_fraction=val, test_fraction=test, seed=seed)
    parts = split_rows(labels, split, Basis(units=units))
    side = sides(parts, len(units))
    for unit in set(units):
        assert len({side[row] for row, its in enumerate(units) if its == unit}) == 1
    assert len(parts["test"]) == round(len(units) * test)
    assert len(parts["val"]) == round(len(units) * val)
    again = split_rows(labels, split, Basis(units=units))
    assert all(np.array_equal(parts[name], again[name]) for name in SPLITS)
    assert all((np.diff(part) > 0).all() for part in parts.values())


def test_copies_leave_the_proportions_of_labels_as_they_are():
    labels = ["a"] * 700 + ["b"] * 300
    units = [row // 2 * 2 if row < 200 else row for row in range(1000)]
    parts = split_rows(labels, Split(val_fraction=0.2, test_fraction=0.2), Basis(units=units))
    for name in ("val", "test"):
        assert Counter(labels[row] for row in parts[name]) == {"a": 140, "b": 60}


def test_copies_are_as_frequent_in_every_split_as_in_the_whole():
    units = [row // 2 * 2 if row < 1000 else row for row in range(4000)]  # a quarter of the rows
    parts = split_rows(["a"] * 4000, Split(val_fraction=0.2, test_fraction=0.2), Basis(units=units))
    for name in SPLITS:
        share = sum(row < 1000 for row in parts[name]) / len(parts[name])
        assert abs(share - 0.25) < 0.06, "about four standard deviations of pairs drawn into the smaller splits"


def test_a_unit_that_is_larger_than_a_split_is_told(caplog):
    units = [unit for unit, size in enumerate((79, 7, 7, 7)) for _ in range(size)]
    with caplog.at_level("WARNING", "tunesmith"):
        parts = split_rows(["a"] * 100, Split(method="random"), Basis(units=units))
    assert {name: len(part) for name, part in parts.items()} == {"train": 86, "val": 7, "test": 7}
    assert "test has 7 rows instead of 10: groups and copies of a text stay together" in caplog.text


def test_copies_are_parted_if_there_are_too_few_texts_and_that_is_told(caplog):
    labels = ["a", "b"] * 20
    with caplog.at_level("WARNING", "tunesmith"):
        parts = split_rows(labels, Split(), Basis(units=[row % 2 for row in range(40)]))
    assert "copies of a text are on both sides of the split" in caplog.text
    apart = split_rows(labels, Split())
    assert all(np.array_equal(parts[name], apart[name]) for name in SPLITS)


def test_groups_that_fit_no_split_are_refused():
    with pytest.raises(
        DataError, match=r"no group is small enough for a val split of 10 rows. Set a larger data.split.val_frac"
    ):
        split_rows(["a"] * 100, Split(method="random"), Basis(units=[row // 25 for row in range(100)], grouped=True))


@given(st.lists(st.integers(0, 50), min_size=20, max_size=60), fractions, fractions)
def test_time_goes_forward_and_sizes_are_exact(days, val, test):
    start = datetime(2026, 1, 1)
    column = [(start + timedelta(days=day)).isoformat() for day in days]
    split = Split(method="time", column="day", val_fraction=val, test_fraction=test)
    parts = split_rows(["a"] * len(days), split, Basis(column=column))
    sides(parts, len(days))
    assert len(parts["test"]) == round(len(days) * test)
    assert len(parts["val"]) == round(len(days) * val)
    assert max(days[row] for row in parts["train"]) <= min(days[row] for row in parts["val"])
    assert max(days[row] for row in parts["val"]) <= min(days[row] for row in parts["test"])
    numbers = split_rows(["a"] * len(days), split, Basis(column=[f"{day}.5" for day in days]))
    assert all(np.array_equal(parts[name], numbers[name]) for name in SPLITS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["2026-01-01", "yesterday"],
            "the time 'yesterday' .line 7. is not a date without a time zone, as '2026-01-01' is",
        ),
        (["3", "2026-01-01"], "the time '2026-01-01' .line 7. is not a number, as '3' is"),
        (["2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00"], "is not a date without a time zone"),
        (["soon", "later"], "the time 'soon' .line 3. is not a number or an ISO 8601 date. data.split.column has to"),
        (["nan", "1"], "the time 'nan'"),
    ],
)
def test_what_is_no_time_is_refused_with_its_line(values, message):
    split = Split(method="time", column="day", val_fraction=0.2, test_fraction=0.2)
    column, lines = [*values[:1] * 5, *values[1:] * 5], [3] * 5 + [7] * 5
    with pytest.raises(DataError, match=message):
        split_rows(["a"] * 10, split, Basis(column=column, lines=lines))


@pytest.mark.slow
@given(st.lists(st.text(max_size=5), min_size=60, max_size=120, unique=True), seeds, st.data())
def test_an_added_row_moves_no_other_in_a_split_by_hash(keys, seed, data):
    split = Split(method="hash", val_fraction=0.25, test_fraction=0.25, seed=seed)
    kept = sorted(data.draw(st.sets(st.integers(0, len(keys) - 1), min_size=50)))
    try:
        whole = sides(split_rows(["a"] * len(keys), split, Basis(keys=keys)), len(keys))
        few = sides(split_rows(["a"] * len(kept), split, Basis(keys=[keys[row] for row in kept])), len(kept))
    except DataError:
        assume(False)
    assert [few[place] for place in range(len(kept))] == [whole[row] for row in kept]


def test_a_split_by_hash_has_about_its_fractions():
    keys = [f"text {number}" for number in range(20_000)]
    parts = split_rows(["a"] * len(keys), Split(method="hash"), Basis(keys=keys))
    for name in ("val", "test"):
        assert abs(len(parts[name]) - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5, "five standard deviations"


@pytest.fixture
def tickets(tmp_path):
    """60 rows of 20 customers with a date each; every third text stands twice."""
    lines = ["text,label,customer,day"]
    lines += [f"text {n if n % 3 else n // 6 * 6},{'ab'[n % 2]},c{n % 20},2026-01-{n // 2 + 1:02d}" for n in range(60)]
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_group_column_keeps_customers_whole(tickets):
    split = Split(group_column="customer", val_fraction=0.2, test_fraction=0.2)
    parts = read_splits(Data(path=str(tickets), format="csv", split=split), CLASSIFICATION)
    seen = [set(rows.groups) for rows in parts.values()]
    assert sum(map(len, seen)) == 20
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 36, "val": 12, "test": 12}


@pytest.mark.parametrize("method", ["random", "hash"])
def test_rows_without_a_group_are_divided_one_by_one_and_counted(tmp_path, caplog, method):
    path = tmp_path / "some.csv"
    lines = [f"text {n},{'ab'[n % 2]},{'' if n % 3 else f'c{n % 12}'}" for n in range(90)]
    path.write_text("\n".join(["text,label,customer", *lines]) + "\n")
    split = Split(method=method, group_column="customer", val_fraction=0.2, test_fraction=0.2)
    with caplog.at_level("WARNING", "tunesmith"):
        parts = read_splits(Data(path=str(path), format="csv", split=split), CLASSIFICATION)
    assert "60 of 90 rows have nothing in data.split.group_column=customer" in caplog.text
    assert all("" in rows.groups for rows in parts.values()), "they are on every side"
    named = [set(rows.groups) - {""} for rows in parts.values()]
    assert sum(map(len, named)) == 4, "a customer is on one side"


def test_copies_are_together_in_a_new_config_and_apart_in_one_of_before(tickets):
    new = compose(["data=csv", f"data.path={tickets}"])
    assert new.config.data.split.duplicates == "together"
    assert new.saved["data"]["split"]["duplicates"] == "together"
    before = Data(path=str(tickets), format="csv")
    assert before.split.duplicates == "apart"

    def shared(parts):
        texts = [set(rows.texts) for rows in parts.values()]
        return sum(len(texts[one] & texts[other]) for one, other in ((0, 1), (0, 2), (1, 2)))

    assert shared(read_splits(new.config.data, CLASSIFICATION)) == 0
    assert shared(read_splits(before, CLASSIFICATION)) > 0


def test_without_copies_the_split_is_the_same_to_the_row(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("text,label\n" + "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(80)))

    def ids(duplicates):
        data = Data(path=str(path), format="csv", split=Split(duplicates=duplicates))
        return {name: rows.ids for name, rows in read_splits(data, CLASSIFICATION).items()}

    assert ids("together") == ids("apart")


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        (["data.split.method=time"], "data.split.column: is required with data.split.method=time"),
        (["data.split.column=day"], "has no effect with data.split.method=stratified"),
        (
            ["data.split.method=time", "data.split.column=day", "data.split.group_column=customer"],
            "data.split.group_column: has no effect with data.split.method=time",
        ),
        (
            ["data.split.method=time", "data.split.column=day", "data.split.duplicates=together"],
            "data.split.duplicates: has no effect with data.split.method=time",
        ),
        (
            ["data.split.method=time", "data.split.column=day", "data.split.seed=3"],
            "data.split.seed: has no effect with",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused(tickets, overrides, rule):
    from tunesmith.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        compose(["data=csv", f"data.path={tickets}", *overrides])
    assert rule in str(caught.value)


def test_a_column_that_is_missing_is_named(tickets):
    data = Data(path=str(tickets), format="csv", split=Split(group_column="client"))
    with pytest.raises(DataError, match=r"no column 'client'.*data.split.group_column=..."):
        read_splits(data, CLASSIFICATION)


def test_many_rows_are_divided_without_a_step_for_every_pair_of_them():
    """With one, this took several minutes."""
    number = 60_000
    rest, second = divide_units(np.arange(number), ["ab"[i % 2] for i in range(number)], list(range(number)), 6_000, 1)
    assert (len(rest), len(second)) == (54_000, 6_000)
    assert np.array_equal(np.sort(np.concatenate([rest, second])), np.arange(number))
    assert np.count_nonzero(second % 2) == 3_000
