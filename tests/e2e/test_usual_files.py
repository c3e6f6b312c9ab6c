"""Files as other tools write them, from the command line to the finished run."""

import gzip
import io
import json
import re
from pathlib import Path

import pandas
import pyarrow
import pytest
from conftest import reviews
from datasets import Dataset
from pyarrow import feather, parquet

from tunesmith import load_run, save_rows

SHORT = ("trainer=cpu", "trainer.threads=1", "trainer.max_epochs=null", "trainer.max_steps=2", "data.batch_size=8")
ROWS = [{"text": text, "label": label} for text, label in reviews(60)]


@pytest.fixture
def line(tmp_path, cache_dir):
    return ["model=tiny_encoder", *SHORT, f"data.cache_dir={cache_dir}", "logger=none", f"run.root={tmp_path / 'runs'}"]


def fingerprint(done):
    assert done.returncode == 0, done.stderr
    return load_run(done.stdout.split()[-1]).results["data_fingerprint"]


@pytest.mark.slow
def test_one_data_set_is_the_same_however_it_was_written(tmp_path, line, command):
    """The fingerprint is of the rows: a packed file, an array and lines are the same data."""
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=1))
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    feather.write_feather(pyarrow.Table.from_pylist(ROWS), str(tmp_path / "a.arrow"))
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    files = {"a.jsonl": "jsonl", "a.jsonl.gz": "jsonl", "a.json": "json", "a.parquet": "parquet", "a.arrow": "arrow"}
    files |= {"saved": "arrow", str(save_rows(pandas.DataFrame(ROWS), tmp_path)): "arrow"}
    seen = {
        fingerprint(command("train", f"data={kind}", f"data.path={tmp_path / name}", *line))
        for name, kind in files.items()
    }
    assert len(seen) == 1


@pytest.mark.slow
def test_a_folder_is_learned_evaluated_and_reproduced(tmp_path, line, command):
    for number, row in enumerate(ROWS):
        (tmp_path / "films" / row["label"]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "films" / row["label"] / f"{number}.txt").write_text(row["text"])
    done = command("train", "data=folder", f"data.path={tmp_path / 'films'}", *line)
    assert done.returncode == 0, done.stderr
    run = load_run(done.stdout.split()[-1])
    assert run.labels == ["bad", "good"]
    measured = command("evaluate", run.path)
    assert measured.returncode == 0, measured.stderr
    again = command("reproduce", run.path)
    assert again.returncode == 0, again.stdout + again.stderr
    answered = command("predict", run.path, tmp_path / "films")
    assert len(answered.stdout.splitlines()) == len(ROWS), answered.stderr


@pytest.mark.slow
def test_plain_text_is_modelled(tmp_path, line, command):
    (tmp_path / "a.txt").write_text("".join(row["text"] + "\n" for row in ROWS))
    done = command("train", "data=text", f"data.path={tmp_path / 'a.txt'}", *line, "model=tiny_causal")
    assert done.returncode == 0, done.stderr
    rows = load_run(done.stdout.split()[-1]).results["num_rows"]
    assert rows == {"train": 48, "val": 6, "test": 6}


PACKAGES = {"aclsum": "tiny_seq2seq", "chitchat": "tiny_causal", "chatterbot": "tiny_causal"}


@pytest.mark.slow
@pytest.mark.parametrize("data", PACKAGES)
def test_the_data_sets_of_packages_are_trained_on(data, line, command):
    done = command("train", *line, f"data={data}", f"model={PACKAGES[data]}", "data.num_rows=60")
    assert done.returncode == 0, done.stderr
    run = load_run(done.stdout.split()[-1])
    rows = run.results["num_rows"]
    dropped = re.search(r"(\d+) of 60 rows are too long and left out", " ".join(run.results["warnings"]))
    assert sum(rows.values()) == 60 - (int(dropped[1]) if dropped else 0)
    assert 0 < run.metrics["val/loss"] < 20
    measured = command("evaluate", run.path, "--split", "val")
    assert measured.returncode == 0, measured.stderr
    (again,) = run.path.glob("evaluations/*/*/results.json")
    assert json.loads(again.read_text())["metrics"] == {k: v for k, v in run.metrics.items() if k.startswith("val/")}


@pytest.mark.slow
def test_a_mixture_is_learned_evaluated_and_reproduced(tmp_path, line, command):
    as_lines(tmp_path / "a.jsonl", ROWS)
    stars = {"good": 5, "bad": 1}
    others = [{"said": f"{text} {i}", "stars": stars[label]} for i, (text, label) in enumerate(reviews(40, 1))]
    parquet.write_table(pyarrow.Table.from_pylist(others), tmp_path / "b.parquet")
    b = [f"path={tmp_path / 'b.parquet'}", "text_column=said", "label_column=stars", "label_names={5: good, 1: bad}"]
    b += ["format=parquet", "weight=2.5"]
    mixed = ["data=mixture", "data.format=jsonl", f"data.sources.a.path={tmp_path / 'a.jsonl'}"]
    done = command("train", *mixed, *(f"data.sources.b.{each}" for each in b), *line)
    assert done.returncode == 0, done.stderr
    run = load_run(done.stdout.split()[-1])
    assert run.labels == ["bad", "good"]
    rows = {"train": 32, "val": 4, "test": 4}
    assert run.results["sources"] == {
        "a": {"train": 48, "val": 6, "test": 6, "trained_on": 48},
        "b": {**rows, "trained_on": 80},
    }
    assert "a 48 of 48 rows, b 80 of 32 rows" in done.stderr
    assert [row["source"] for row in run.predictions("test")].count("b") == 4
    assert command("evaluate", run.path).returncode == 0
    again = command("reproduce", run.path)
    assert "verdict: bit-identical" in again.stdout, again.stdout + again.stderr
    one = command("evaluate", run.path, f"data.path={tmp_path / 'a.jsonl'}")
    assert one.returncode == 0, one.stderr


def as_parquet():
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), file)
    return file.getvalue()


BAD = {
    "missing": ("jsonl", None, "no such file"),
    "empty": ("json", b"", "the file is empty"),
    "empty table": ("parquet", b"", "the file is empty, and not a Parquet file"),
    "header alone": ("csv", b"text,label\n", "no rows. Add some"),
    "cut gzip": ("jsonl", gzip.compress(json.dumps(ROWS).encode())[:-20], "packed with gzip, and cut off or damaged"),
    "cut Parquet": ("parquet", as_parquet()[:-20], "a Parquet file, and cut off or damaged"),
    "text as Parquet": ("parquet", b"text,label\na,b\n", "not a Parquet file, by its first bytes"),
    "Parquet as text": ("csv", as_parquet(), "a Parquet file, not text. Read it with data=parquet"),
    "file as folder": ("folder", b"a", "a file, not a folder"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_a_bad_file_ends_the_run_before_its_directory(tmp_path, line, inside, case):
    option, content, message = BAD[case]
    if content is not None:
        (tmp_path / "rows.data").write_bytes(content)
    done = inside("train", f"data={option}", f"data.path={tmp_path / 'rows.data'}", *line)
    assert done.returncode == 3, done.stderr
    assert f"{tmp_path / 'rows.data'}: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_folder_without_files_ends_the_run_before_its_directory(tmp_path, line, inside):
    (tmp_path / "films" / "good").mkdir(parents=True)
    done = inside("train", "data=folder", f"data.path={tmp_path / 'films'}", *line)
    assert done.returncode == 3
    assert "films: a folder without files. Name another: data.path=FILE" in done.stderr
    assert not (tmp_path / "runs").exists()


def rows_of_last(done):
    return json.loads((Path(done.stdout.split()[-1]) / "results.json").read_text())["num_rows"]


def as_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.slow
def test_files_for_each_split_hold_from_training_to_every_later_verb(tmp_path, line, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    as_lines(tmp_path / "a.jsonl", ROWS[:24])
    as_lines(tmp_path / "b.jsonl", ROWS[24:48])
    as_lines(tmp_path / "test.jsonl", ROWS[48:])
    files = ("data.path.train=[a.jsonl,b.jsonl]", "data.path.test=test.jsonl")
    done = command("train", "data=jsonl", *files, *line)
    assert done.returncode == 0, done.stderr
    assert "no file for val: 5 of the 48 rows of train are taken" in done.stderr + done.stdout
    run = load_run(done.stdout.split()[-1])
    assert run.results["num_rows"] == {"train": 43, "val": 5, "test": 12}
    assert run.config["data"]["path"] == {
        "train": [f"{tmp_path}/a.jsonl", f"{tmp_path}/b.jsonl"],
        "test": f"{tmp_path}/test.jsonl",
    }
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = command("reproduce", run.path)
    assert again.returncode == 0, again.stdout + again.stderr
    measured = command("evaluate", run.path)
    assert measured.returncode == 0, measured.stderr
    assert rows_of_last(measured) == {"test": 12}
    other = command("evaluate", run.path, f"data.path={tmp_path}/a.jsonl")
    assert other.returncode == 0, other.stderr
    assert rows_of_last(other) == {"all": 24}
    files = (f"data.path.train={tmp_path}/a.jsonl", f"data.path.val={tmp_path}/b.jsonl")
    variation = command("train", "--from", run.path, *files)
    assert variation.returncode == 0, variation.stderr
    assert load_run(variation.stdout.split()[-1]).results["num_rows"] == {"train": 24, "val": 24, "test": 12}


def test_a_pattern_without_files_ends_the_run_before_its_directory(tmp_path, line, inside):
    done = inside("train", "data=jsonl", f"data.path={tmp_path}/*.jsonl", *line)
    assert done.returncode == 3
    assert f"{tmp_path}/*.jsonl: no file matches" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_file_with_other_columns_ends_the_run_before_its_directory(tmp_path, line, inside):
    as_lines(tmp_path / "a.jsonl", ROWS)
    as_lines(tmp_path / "b.jsonl", [{"text": "a", "mood": "x"}])
    done = inside("train", "data=jsonl", f"data.path=[{tmp_path}/a.jsonl,{tmp_path}/b.jsonl]", *line)
    assert done.returncode == 3
    assert f"{tmp_path}/b.jsonl:1: no column 'label'; the columns are 'text', 'mood'" in done.stderr
    assert not (tmp_path / "runs").exists()
