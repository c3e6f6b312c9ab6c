"""Two versions of a data set: what was added, removed and relabelled, by content or by id."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.audit.versions import compare_versions
from tunesmith.data.rows import Rows
from tunesmith.tasks.registry import task_named

TASK = task_named("classification")
rows_drawn = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=12)


def made(pairs, ids=None):
    texts, labels = [text for text, _ in pairs], [label for _, label in pairs]
    return Rows(ids or [str(number) for number in range(len(pairs))], texts, labels)


@given(rows_drawn, rows_drawn)
def test_what_was_added_removed_and_relabelled_makes_one_of_the_other(then, now):
    changes = compare_versions(made(then), made(now), TASK, None)
    rows = Counter(then)
    rows.subtract(then[row] for row in changes.removed)
    rows.update(now[row] for row in changes.added)
    for before, after in changes.relabelled:
        assert then[before][0] == now[after][0]
        assert then[before][1] != now[after][1]
        rows.subtract([then[before]])
        rows.update([now[after]])
    assert +rows == Counter(now)
    assert min(rows.values(), default=0) >= 0
    same = sum((Counter(then) & Counter(now)).values())
    assert len(changes.added) + len(changes.relabelled) == len(now) - same, "a row that is there twice is no change"
    fewest = sum((Counter(text for text, _ in then) & Counter(text for text, _ in now)).values()) - same
    assert len(changes.relabelled) == fewest
    again = compare_versions(made(then), made(now[::-1]), TASK, None)
    assert [len(again.added), len(again.removed)] == [len(changes.added), len(changes.removed)], "in any order"
    for counts in changes.labels.values():
        assert counts["then"] + counts["added"] + counts["to"] - counts["removed"] - counts["from"] == counts["now"]


def test_by_id_a_text_may_be_edited():
    then = made([("a", "x"), ("b", "y"), ("c", "x")], ["1", "2", "3"])
    now = made([("d", "x"), ("b!", "x"), ("c", "x")], ["4", "2", "3"])
    changes = compare_versions(then, now, TASK, "key")
    assert (changes.added, changes.removed) == ([0], [0])
    assert changes.relabelled == changes.edited == [(1, 1)]
    assert changes.known_by == "key"


@pytest.fixture
def files(tmp_path):
    then = [f"text {n},{'xy'[n % 2]}" for n in range(20)]
    now = [*then[3:], "new \x1b[31m,x", "other,y", "text 0,y"]
    for name, rows in (("then.csv", then), ("now.csv", now)):
        (tmp_path / name).write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return tmp_path / "then.csv", tmp_path / "now.csv"


def test_the_command_prints_what_it_writes(files, tmp_path, inside):
    then, now = files
    written = tmp_path / "changes.json"
    ended = inside("audit", "data=csv", f"data.path={now}", "--against", then, "--json", written)
    assert ended.returncode == 0, ended.stderr
    assert "20 rows then, 20 now (known by their content)" in ended.stdout
    for line in ("added: 2 rows", "removed: 2 rows", "relabelled: 1 row", 'x -> y: line 21: "text 0"'):
        assert line in ended.stdout
    assert "\x1b" not in ended.stdout
    content = json.loads(written.read_text(encoding="utf-8"))
    assert (content["added"], content["removed"], content["relabelled"]) == (2, 2, 1)
    assert content["labels"]["x"] == {"then": 10, "now": 9, "added": 1, "removed": 1, "to": 0, "from": 1}


def test_what_does_not_go_with_a_comparison_is_refused(files, tmp_path, inside):
    then, now = files
    line = ["audit", "data=csv", f"data.path={now}", "--against"]
    refused = inside(*line, then, "--fail-on", "leaks")
    assert refused.returncode == 2
    assert "--fail-on: has no effect with --against" in refused.stderr
    missing = inside(*line, tmp_path / "nowhere.csv")
    assert missing.returncode == 3
    assert "nowhere.csv" in missing.stderr
