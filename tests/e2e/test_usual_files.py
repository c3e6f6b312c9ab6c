"""Files as other tools write them, from the command line to the finished run."""

import gzip
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas
import pyarrow
import pytest
from conftest import reviews
from datasets import Dataset
from pyarrow import feather, parquet

from tunesmith import compose, load_run, save_rows
from tunesmith.config.schema import DataSource
from tunesmith.errors import DataError
from tunesmith.training.early_look import look_early

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


def as_csv(*rows, header="text,label", delimiter=","):
    lines = [f"{row['text']},{row['label']}" for row in ROWS]
    return "".join(f"{line}\n" for line in (header, *lines, *rows)).replace(",", delimiter).encode()


def as_zstd(content):
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
FOLDER = object()
AGAIN = "Copy or download it again"
BAD = {
    "missing": ("jsonl", None, ": no such file. Name another: data.path=FILE"),
    "empty": ("csv", b"", ": the file is empty. Its first line has to name the columns"),
    "empty array": ("json", b"", ": the file is empty"),
    "empty table": ("parquet", b"", ": the file is empty, and not a Parquet file. Write, copy or download it again"),
    "header alone": ("csv", b"text,label\n", ": no rows. Add some, or take another file: data.path=FILE"),
    "wrong separator": (
        "csv",
        as_csv(delimiter=";"),
        ":2: no column 'text'; the columns are 'text;label'. data.delimiter=semicolon reads the header as",
    ),
    "invalid UTF-8": (
        "csv",
        as_csv() + b"caf\xe9,good\n",
        ":62: not UTF-8 text (invalid continuation byte). Convert it to UTF-8",
    ),
    "unclosed quote": (
        "csv",
        as_csv('"open,good', "more,bad"),
        ":62: not valid CSV: unexpected end of data. A quoted field opens in this line. Double the quotes inside a "
        "quoted field, or take every quote as text: data.quoting=none",
    ),
    "half a line": (
        "jsonl",
        LINES + b'{"text": "a',
        ":61: not valid JSON: Unterminated string starting at at character 10. Each line is one whole object: mend",
    ),
    "column twice": (
        "csv",
        as_csv(header="label,label"),
        ":1: the column 'label' stands twice in the header. Rename one of the two",
    ),
    "no labels": (
        "csv",
        as_csv(header="text,verdict"),
        ":2: no column 'label'; the columns are 'text', 'verdict'. Name the right ones: data.text_column=..., "
        "data.label_column=...",
    ),
    "no label": (
        "csv",
        as_csv("a,", ",b"),
        ": 2 rows have no text or no label (lines 62, 63). Mend them, or leave them out with data.on_empty=drop",
    ),
    "one class": (
        "csv",
        as_csv().replace(b"bad", b"good"),
        ": classification needs at least two labels; the data has only ['good'] in column 'label'. Name another with "
        "data.label_column=..., or add rows with other labels",
    ),
    "a label once": (
        "csv",
        as_csv("a,goood"),
        ": 1 of 3 labels have a single row left to split (first: 'goood'), so they cannot be in every split. If they "
        "are misspelt: 'data.label_names={\"goood\": good}'. Is data.label_column right?",
    ),
    "folder": ("csv", FOLDER, ": a folder, not a file. Name another: data.path=FILE. For a text in each of its files"),
    "cut gzip": ("jsonl", gzip.compress(LINES)[:-20], f": packed with gzip, and cut off or damaged: .*{AGAIN}"),
    "cut zstd": ("jsonl", as_zstd(LINES)[:-20], f": packed with zstd, and cut off or damaged: .*{AGAIN}"),
    "cut Parquet": ("parquet", as_parquet()[:-20], ": a Parquet file, and cut off or damaged: .*download it again"),
    "text as Parquet": ("parquet", b"text,label\na,b\n", ": not a Parquet file, by its first bytes"),
    "Parquet as text": ("csv", as_parquet(), ": a Parquet file, not text. Read it with data=parquet"),
    "file as folder": ("folder", b"a", ": a file, not a folder"),
}
"""Option, content and what is said behind the name of the file: line or row, rule and next step."""


def write_bad(path, content):
    if content is FOLDER:
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)


def said(path, message):
    start, *rest = message.split(".*")
    return re.escape(f"{path}{start}") + "".join(f".*{re.escape(part)}" for part in rest)


@pytest.mark.parametrize("case", list(BAD))
def test_a_bad_file_ends_the_run_before_its_directory_and_before_torch(tmp_path, line, inside, case, monkeypatch):
    option, content, message = BAD[case]
    write_bad(tmp_path / "rows.data", content)
    monkeypatch.setitem(sys.modules, "tunesmith.training.start", None)  # which imports torch
    done = inside("train", f"data={option}", f"data.path={tmp_path / 'rows.data'}", *line)
    assert done.returncode == 3, done.stderr
    assert re.search(said(tmp_path / "rows.data", message), done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def two_sources():
    """The config of a mixture with one source."""
    return compose(["data=mixture", "data.sources.b.path=rows.data", "model=tiny_encoder"])


@pytest.mark.parametrize("case", [case for case in BAD if case not in ("one class", "a label once")])
def test_a_bad_file_of_several_sources_is_named_with_its_keys(tmp_path, two_sources, case):
    option, content, message = BAD[case]
    write_bad(tmp_path / "rows.data", content)
    (tmp_path / "good.csv").write_bytes(as_csv())
    good, bad = DataSource(path=str(tmp_path / "good.csv")), {"path": str(tmp_path / "rows.data"), "format": option}
    data = two_sources.config.data.model_copy(update={"sources": {"a": good, "b": DataSource.model_validate(bad)}})
    config = two_sources.config.model_copy(update={"data": data})
    with pytest.raises(DataError) as refusal:
        look_early(replace(two_sources, config=config))
    own = re.sub(r"\bdata\.(?=path|delimiter|quoting|text_column|label_column)", "data.sources.b.", message)
    own = own.replace("data=parquet", "data.sources.b.format=parquet")
    assert re.search(r"data\.sources\.b: " + said(tmp_path / "rows.data", own), str(refusal.value))


def test_the_look_at_data_imports_no_torch(tmp_path):
    """A label that stands in val alone, told by a new process without torch; so is a fault early in a large file."""
    rows = as_csv("a,new", header="text,label").decode().splitlines()
    split = ["split", *["train"] * 60, "val"]
    (tmp_path / "new.csv").write_text("".join(f"{row},{of}\n" for row, of in zip(rows, split, strict=True)))
    big = as_csv("a,b,c") + b"text of some more words,good\n" * 50_000
    (tmp_path / "big.csv").write_bytes(big)
    new = ["data.path=new.csv", "data.split.method=column", "data.split.column=split"]
    lines = [["train", "data=csv", "model=tiny_encoder", *more] for more in (new, ["data.path=big.csv"])]
    code = (
        "import sys\nfrom tunesmith.cli.main import main\n"
        f"print([main(line) for line in {lines!r}], {{'torch', 'transformers'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "[3, 3] set()\n", done.stdout + done.stderr
    assert "new.csv: the label 'new' occurs in val but never in train, so it cannot be learned" in done.stderr
    assert "big.csv:62: 3 fields where the header has 2" in done.stderr
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
