"""`tunesmith audit` as it is typed."""

import json
import re

import pytest

REVIEWS = ["data=csv", "data.text_column=review", "data.label_column=verdict"]


@pytest.fixture
def faulty(tmp_path, reviews_csv):
    path = tmp_path / "reviews.csv"
    rows = reviews_csv.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*rows, *rows[1:4], "red \x1b[31m alert [bold]x[/bold],good", ""]), encoding="utf-8")
    return path


def test_an_audit_prints_what_it_writes_and_changes_nothing(command, faulty, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    ended = command("audit", *REVIEWS, f"data.path={faulty}")
    assert ended.returncode == 0, ended.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert "\x1b" not in ended.stdout
    assert 'line 80: "red \\x1b[31m alert [bold]x[/bold]"' in ended.stdout
    page = tmp_path / "audit.html"
    written = command("audit", *REVIEWS, f"data.path={faulty}", "--json", tmp_path / "audit.json", "--html", page)
    assert written.returncode == 0
    assert written.stdout.splitlines()[-2:] == [str(tmp_path / "audit.json"), str(page)]
    html = page.read_text(encoding="utf-8")
    assert f"tunesmith audit data=csv data.text_column=review data.label_column=verdict data.path={faulty}" in html
    audited = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert audited["counts"]["control_characters"] == 1
    assert sum(audited["rows"].values()) == 79
    for finding in audited["findings"]:
        assert f"  {finding['kind']}: {finding['text']}" in ended.stdout
    none = re.search(r"none of: (.*)", ended.stdout)[1].split(", ")
    assert {*none, *(finding["kind"] for finding in audited["findings"])} == set(audited["counts"])


def test_kinds_that_are_not_to_be_there_are_exit_3(inside, faulty):
    arguments = ["audit", *REVIEWS, f"data.path={faulty}"]
    assert inside(*arguments, "--fail-on", "markup,mojibake").returncode == 0
    ended = inside(*arguments, "--fail-on", "markup,control_characters")
    assert ended.returncode == 3
    assert "control_characters (1)" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_kind_that_is_none_is_refused_with_the_nearest(inside, faulty):
    assert inside("audit", *REVIEWS, f"data.path={faulty}", "--fail-on", "cut").returncode == 2, "no model is named"
    named = inside("audit", *REVIEWS, f"data.path={faulty}", "--fail-on", "cut", "model=tiny_encoder")
    assert named.returncode == 0, named.stderr
    assert "tokens_per_word" in named.stdout
    ended = inside("audit", *REVIEWS, f"data.path={faulty}", "--fail-on", "duplicate")
    assert ended.returncode == 2
    assert "Did you mean duplicates?" in ended.stderr


@pytest.mark.parametrize("flag", ["--json", "--html"])
def test_a_file_that_cannot_be_written_is_exit_5(inside, faulty, tmp_path, flag):
    ended = inside("audit", *REVIEWS, f"data.path={faulty}", flag, tmp_path / "nowhere" / "audit")
    assert ended.returncode == 5


def test_rows_that_are_written_clean_are_those_that_a_run_would_clean(inside, faulty, tmp_path):
    from tunesmith import compose
    from tunesmith.data.prepared import read_prepared
    from tunesmith.data.splits import data_fingerprint
    from tunesmith.tasks.registry import task_of

    def fingerprint(*overrides):
        config = compose(overrides).config
        return data_fingerprint(read_prepared(config.data, task_of(config.task)).splits)

    file = tmp_path / "clean.jsonl"
    cleaning = ["data/cleaning=[standard,length]", "data.cleaning.length.least=12"]
    ended = inside("audit", *REVIEWS, f"data.path={faulty}", *cleaning, "--write-cleaned", file)
    assert ended.returncode == 0, ended.stderr
    columns = ["data.id_column=id", "data.split.method=column", "data.split.column=split"]
    again = ["data=jsonl", *REVIEWS[1:], *columns, f"data.path={file}"]
    assert fingerprint(*again) == fingerprint(*REVIEWS, f"data.path={faulty}", *cleaning)
    removed = [json.loads(line) for line in (tmp_path / "clean.jsonl.removed.jsonl").read_text().splitlines()]
    written = file.read_text(encoding="utf-8").splitlines()
    assert len(written) + len(removed) == 79
    assert {row["step"] for row in removed} == {"duplicates", "length"}
    assert all(row["split"] == "train" and row["line"] > 1 and row["reason"] for row in removed)


def test_rows_without_a_label_are_listed_among_those_left_out(inside, tmp_path):
    rows = [f"text {number} of these,{'xy'[number % 2]}" for number in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *rows, "no label,", ""]), encoding="utf-8")
    written = ["--write-cleaned", tmp_path / "out.jsonl"]
    assert inside("audit", "data=csv", f"data.path={tmp_path / 'rows.csv'}", *written).returncode == 0
    removed = (tmp_path / "out.jsonl.removed.jsonl").read_text(encoding="utf-8")
    assert [(row["line"], row["step"]) for row in map(json.loads, removed.splitlines())] == [(42, "empty")]
