"""Groups that given splits divide are told of, with the rows that are measured on a known group."""

import pytest

from tunesmith import compose
from tunesmith.data.splits import read_splits
from tunesmith.tasks.registry import task_of


def written(path, rows):
    lines = [",".join(row) for row in [("text", "label", "part", "customer"), *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows_of(part, customers):
    return [(f"{part} {n}", "xy"[n % 2], part, customer) for n, customer in enumerate(customers)]


@pytest.fixture
def parts():
    """12 rows to train on of 6 customers, of whom val has one and test two; val and test share one of their own."""
    train, val = rows_of("train", [f"c{n % 6}" for n in range(12)]), rows_of("val", ["c1", "c1", "new", "", "lone"])
    return {"train": train, "val": val, "test": rows_of("test", ["c1", "c2", "new", "other", ""])}


def test_groups_divided_by_a_column_are_counted(tmp_path, parts, caplog):
    path = written(tmp_path / "rows.csv", [row for rows in parts.values() for row in rows])
    line = ["data=csv", f"data.path={path}", "data.split.group_column=customer"]
    config = compose([*line, "data.split.method=column", "data.split.column=part"]).config
    splits = read_splits(config.data, task_of(config.task))
    assert {name: rows.texts for name, rows in splits.items()} == {
        name: [row[0] for row in rows] for name, rows in parts.items()
    }, "they stay where the column says"
    assert "3 of 9 groups (data.split.group_column=customer) are in several splits, such as 'c1'" in caplog.text
    assert "2 of 5 val rows and 2 of 5 test rows are of a group that is trained on" in caplog.text
    assert "data.split.method=stratified data.split.column=null" in caplog.text
    caplog.clear()
    drawn = compose([*line, "data.split.method=random", "data.split.val_fraction=0.2", "data.split.test_fraction=0.2"])
    read_splits(drawn.config.data, task_of(drawn.config.task))
    assert "in several splits" not in caplog.text


def test_groups_divided_by_files_are_counted(tmp_path, parts, caplog):
    files = {name: written(tmp_path / f"{name}.csv", rows) for name, rows in parts.items()}
    named = [f"data.path.{name}={path}" for name, path in files.items()]
    config = compose(["data=csv", *named, "data.split.group_column=customer"]).config
    read_splits(config.data, task_of(config.task))
    assert "3 of 9 groups" in caplog.text
    assert "data.path=[FILE,FILE]" in caplog.text
