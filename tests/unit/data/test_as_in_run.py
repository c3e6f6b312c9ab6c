"""Rows in the split that they had in an earlier run: known by content or id, new and missing ones counted."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import compose
from tunesmith.config.schema import Data, Split
from tunesmith.data.content import content_ids
from tunesmith.data.prepared import read_prepared
from tunesmith.data.rows import Rows
from tunesmith.data.splits import divided
from tunesmith.data.splitting.as_in_run import _with_their_like
from tunesmith.data.splitting.split_file import SplitRecord, read_split_file, split_record
from tunesmith.errors import ConfigError, DataError, FilesError
from tunesmith.tasks.registry import task_named, task_of

ROWS = [(f"text {number}", "xy"[number % 2], f"r{number}") for number in range(60)]


def written(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "key"), *rows])
    return path


def read(path, *overrides):
    config = compose(["data=csv", f"data.path={path}", *overrides]).config
    return read_prepared(config.data, task_of(config.task))


def run_with(folder, prepared):
    folder.mkdir()
    (folder / "split.json").write_text("".join(prepared.record.pieces()), encoding="utf-8")
    return folder


def sides(prepared):
    """Text to split."""
    return {text: name for name, rows in prepared.splits.items() for text in rows.texts}


@pytest.fixture
def earlier(tmp_path):
    """A run's split by content, and the rows of its splits."""
    prepared = read(written(tmp_path / "then.csv", ROWS))
    return run_with(tmp_path / "earlier", prepared), sides(prepared)


def test_the_same_rows_have_the_same_split_in_any_order_and_under_any_label(earlier, tmp_path, caplog):
    run, then = earlier
    relabelled = [(text, "y" if text == "text 6" else label, "") for text, label, _ in ROWS[::-1]]
    path = written(tmp_path / "now.csv", relabelled)
    with caplog.at_level("INFO", "tunesmith"):
        assert sides(read(path, f"data.split.from_run={run}")) == then
    assert f"the 60 rows are split as in {run}" in caplog.text
    few = sides(read(path, f"data.split.from_run={run}", "data.num_rows=30"))
    assert few.items() < then.items()
    assert list(few.values()).count("train") == 24, "drawn from each split in proportion"


def test_new_rows_are_trained_on_unless_a_copy_is_elsewhere_and_missing_ones_are_counted(earlier, tmp_path, caplog):
    run, then = earlier
    tested = [text for text, name in then.items() if name == "test"]
    rows = [row for row in ROWS if row[0] != tested[0]] + [("new 1", "x", ""), (tested[1], "y", ""), ("new 2", "y", "")]
    now = read(written(tmp_path / "now.csv", rows), f"data.split.from_run={run}")
    assert sides(now) == {text: name for text, name in then.items() if text != tested[0]} | {
        "new 1": "train",
        "new 2": "train",
    }
    assert now.splits["test"].texts.count(tested[1]) == 2
    counted = "3 rows are new (2 in train, 1 in test); 1 row is gone (1 in test)"
    assert f"split as in {run}: {counted}" in caplog.text


def test_rows_are_known_by_their_id_if_both_have_one(tmp_path):
    key = "data.id_column=key"
    prepared = read(written(tmp_path / "then.csv", ROWS), key)
    run = run_with(tmp_path / "earlier", prepared)
    then = {row_id: name for name, rows in prepared.splits.items() for row_id in rows.ids}
    edited = written(
        tmp_path / "edited.csv", [(f"{text} at last", label, row_id) for text, label, row_id in ROWS[::-1]]
    )
    now = read(edited, key, f"data.split.from_run={run}")
    assert {row_id: name for name, rows in now.splits.items() for row_id in rows.ids} == then
    with pytest.raises(DataError, match=r"none of the 60 rows is a train row .*by content.*data.split.from_run=null"):
        read(edited, f"data.split.from_run={run}")
    same = read(written(tmp_path / "same.csv", ROWS[::-1]), f"data.split.from_run={run}")
    assert sides(same) == sides(prepared), "without an id of its own, a row is known by its content"


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("123456"), st.sampled_from([None, "train", "test"])))
)
def test_a_new_row_is_where_its_like_are(rows):
    texts, groups, known = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    made = Rows([str(number) for number in range(len(rows))], texts, ["x"] * len(rows), groups=groups)
    data = Data(path="a", format="csv", split=Split(group_column="g", duplicates="together"))
    names = _with_their_like(made, known, data)
    for row, (name, before) in enumerate(zip(names, known, strict=True)):
        like, edge = {row}, [row]
        while edge:
            one = edge.pop()
            more = {o for o in range(len(rows)) if texts[o] == texts[one] or groups[o] == groups[one]} - like
            like |= more
            edge += more
        there = [known[other] for other in sorted(like) if known[other] is not None]
        assert name == (before or (there[0] if there else "train"))


def test_the_record_is_of_the_rows_as_divided_whatever_is_cleaned_away(tmp_path):
    rows = [*ROWS, *[(f" text  {number} ", "xy"[number % 2], "") for number in range(0, 60, 2)]]
    prepared = read(written(tmp_path / "rows.csv", rows), "data/cleaning=standard", "data.split.duplicates=apart")
    by_content = prepared.record.content_ids
    assert sum(map(len, by_content.values())) == 90 > sum(map(len, prepared.splits.values()))
    whole = content_ids(Rows([""] * 90, [text for text, _, _ in rows], [""] * 90))
    assert sorted(name for names in by_content.values() for name in names) == sorted(whole)
    assert prepared.record.ids is None
    assert read_split_file(run_with(tmp_path / "run", prepared)) == SplitRecord(
        {name: list(ids) for name, ids in by_content.items()}
    )


def test_what_is_no_run_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(FilesError, match=r"is not a run directory: it has no split.json.*data.split.from_run=null"):
        read_split_file(tmp_path)
    (tmp_path / "config.yaml").write_text("{}")
    with pytest.raises(FilesError, match=r"which is older. Run it again.*tunesmith reproduce "):
        read_split_file(tmp_path)
    for content in ("[]", "{", '{"content_ids": {"train": "abc"}}', '{"content_ids": {"dev": []}}', '{"ids": {}}'):
        (tmp_path / "split.json").write_text(content)
        with pytest.raises(FilesError, match=r"split.json"):
            read_split_file(tmp_path)


@pytest.mark.parametrize(
    "override",
    ["data.split.method=hash", "data.split.val_fraction=0.2", "data.split.seed=3", "data.path={train: a.csv}"],
)
def test_keys_that_would_divide_anew_are_refused_beside_it(override):
    line = ["data=csv", "data.path=a.csv", "data.split.from_run=runs/a", override]
    with pytest.raises(ConfigError, match=r"data.split.from_run"):
        compose(line)
    if "seed" in override:
        assert compose([*line, "data.num_rows=9"]).config.data.split.seed == 3, "which draws the rows"


def test_a_saved_path_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    composed = compose(["data=csv", "data.path=a.csv", "data.split.from_run=runs/a"])
    assert composed.saved["data"]["split"]["from_run"] == str(tmp_path / "runs" / "a")
    assert composed.config.data.split.from_run == str(tmp_path / "runs" / "a")


def test_rows_made_in_python_have_a_record_too():
    rows = Rows(["0", "1"], ["a", "b"], ["x", "y"])
    data = Data(path="a", format="csv")
    record = split_record({"train": rows.take([1]), "val": rows.take([0])}, data)
    assert record.content_ids == {"train": content_ids(rows.take([1])), "val": content_ids(rows.take([0]))}
    assert divided(rows.take([0, 1] * 10), data, task_named("classification"))["val"].content_ids is None
