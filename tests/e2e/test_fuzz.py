"""Whatever a file holds or an argument says, a user gets a sentence and a known exit code, never a traceback.

The quick suite draws the same few examples each time; the slow one draws new ones for 10 seconds per test
(TUNESMITH_FUZZ_S sets another time).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import time

import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st

from tunesmith.cli.main import main
from tunesmith.cli.predict import read_questions
from tunesmith.config.outline import leaves
from tunesmith.config.schema import Data, Split
from tunesmith.data.splits import data_fingerprint, read_splits
from tunesmith.errors import TunesmithError
from tunesmith.runs.ledger import looks
from tunesmith.runs.record import load_run
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")

FUZZ_S = float(os.environ.get("TUNESMITH_FUZZ_S", "10"))
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
QUICK = settings(deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)
BATCH = settings(QUICK, derandomize=False, max_examples=2, phases=[Phase.generate], print_blob=True)


def for_a_while(strategy, check):
    """Check new examples, batch after batch, until the time is up; the seed of a failing batch is in the message."""
    end, number = time.monotonic() + FUZZ_S, time.time_ns()
    while time.monotonic() < end:
        number += 1

        @seed(number)
        @BATCH
        @given(strategy)
        def batch(value):
            check(value)

        try:
            batch()
        except BaseException as error:
            error.add_note(f"hypothesis seed {number}")
            raise


def says(*arguments):
    """Exit code and output of a command line; the code is one of the contract, and there is no traceback."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, arguments)])
    said = out.getvalue() + err.getvalue()
    assert code in (0, 2, 3, 5), said
    assert "Traceback" not in said
    assert code == 0 or err.getvalue().strip(), "a fault has a sentence"
    return code


# Arguments.

ODD = st.text(alphabet="ab1.,=:/~+@'\"()[]{}$\\ ?*#%ü-\n\x00", max_size=12)
KEYED = st.builds("{}{}={}".format, st.sampled_from(["", "+", "++", "~"]), st.sampled_from([*leaves()]), ODD)
ARGUMENTS = st.lists(ODD | KEYED, max_size=3)


def check_arguments(overrides):
    if not any(text.startswith("-") for text in overrides):  # a flag may ask for help, or for a file of ours
        says("check", "data=csv", "data.path=nowhere.csv", *overrides)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@example(["+data.path=~\x00"])
@given(ARGUMENTS)
@settings(QUICK, max_examples=10)
def test_arguments(overrides):
    check_arguments(overrides)


# Data.

SPECIAL = ('"', ",", "\n", "\r", "\x00", "a", "good", "bad", "\ufeff", "\ud800", " ")
CELLS = st.text(max_size=6) | st.sampled_from(SPECIAL)
KEYS = st.sampled_from(["text", "label", "a", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.tuples(st.text("ab ,\"'\n", max_size=5), st.sampled_from(["x", "y", "1", "2", ""])), max_size=12)


def as_text(cells):
    return "".join(cells).encode("utf-8", "surrogatepass")


CSV_BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(CELLS, max_size=20).map(as_text),
    st.lists(CELLS, max_size=20).map(lambda cells: b"text,label\n" + as_text(cells)),
    ROWS.map(lambda rows: "\n".join(["text,label", *(f"{text},{label}" for text, label in rows)]).encode()),
)
JSONL_BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(JSON.map(json.dumps), max_size=8).map(lambda lines: "\n".join(lines).encode()),
    ROWS.map(lambda rows: "\n".join(json.dumps({"text": text, "label": label}) for text, label in rows).encode()),
    st.integers(1, 5000).map(lambda depth: b'{"text": ' + b"[" * depth),
    st.integers(1, 9000).map(lambda digits: b'{"label": 1, "text": ' + b"9" * digits + b"}"),
)
FILES = st.tuples(st.just("csv"), CSV_BYTES) | st.tuples(st.just("jsonl"), JSONL_BYTES)
SPLITS = st.builds(
    Split,
    method=st.sampled_from(["stratified", "random"]),
    val_fraction=st.floats(0, 0.5, exclude_max=True),
    test_fraction=st.floats(0, 0.5, exclude_max=True),
)


def check_data(folder, value):
    (kind, content), split, on_empty = value
    file = folder / f"data.{kind}"
    file.write_bytes(content)
    with contextlib.suppress(TunesmithError):
        splits = read_splits(Data(path=str(file), format=kind, split=split, on_empty=on_empty), CLASSIFICATION)
        assert sum(map(len, splits.values())) > 0
        assert len(data_fingerprint(splits)) == 64
        CLASSIFICATION.label_names(splits, "label")
    with contextlib.suppress(TunesmithError):
        data = Data(path=str(file), format=kind)
        assert all(isinstance(item.text, str) for item in read_questions(str(file), CLASSIFICATION, data))


DATA = st.tuples(FILES, SPLITS, st.sampled_from(["error", "drop"]))


@given(DATA)
@settings(QUICK, max_examples=150)
def test_data_files(tmp_path, value):
    check_data(tmp_path, value)


# Run directories.

NAMES = ("config.yaml", "results.json", "provenance.json", "metrics.jsonl", "predictions.jsonl", "test_looks.jsonl")
DEEP = b"[" * 100_000


@st.composite
def damage(draw):
    """A file of a run, and what becomes of it: other bytes, a cut, a flipped byte, or another value under a key."""
    name = draw(st.sampled_from(NAMES))
    kind = draw(st.sampled_from(["bytes", "cut", "flip", "value", "key", "json", "deep"]))
    return name, kind, draw(st.floats(0, 1)), draw(st.binary(max_size=20)), draw(JSON)


def damaged(name, content, kind, place, noise, value):
    at = int(place * len(content))
    if kind == "bytes":
        return noise
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        return content[:at] + noise[:1] + content[at + 1 :]
    if kind == "json":
        return json.dumps(value).encode()
    if kind == "deep":
        return DEEP
    try:
        tree = yaml.safe_load(content) if name.endswith("yaml") else json.loads(content.splitlines()[0])
    except (ValueError, IndexError, RecursionError, yaml.YAMLError):  # an earlier damage left no tree
        return content
    nodes = list(walk(tree))
    if not nodes:  # an earlier damage left an empty tree, or a bare value
        return content
    parent, key = nodes[int(place * (len(nodes) - 1))]
    if kind == "value":
        parent[key] = value
    else:
        del parent[key]
    return json.dumps(tree).encode()


def walk(node):
    """Every place in a tree: its container and its key."""
    for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, key
        yield from walk(node[key])


@pytest.fixture(scope="module")
def original(finished):
    looked = {"run": "x", "data_fingerprint": "f"}
    files = {name: finished.path / name for name in NAMES}
    content = {name: path.read_bytes() for name, path in files.items() if path.is_file()}
    return content | {"test_looks.jsonl": json.dumps(looked).encode() + b"\n"}


def check_run(folder, original, damages):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    content = dict(original)
    for name, *how in damages:
        content[name] = damaged(name, content[name], *how)
    for name, text in content.items():
        (folder / name).write_bytes(text)
    code = says("show", folder)
    assert code in (0, 5)
    looks(folder, "f")
    says("check", "--from", folder)
    says("predict", folder, folder / "none.txt")
    says("resume", folder)
    for read in ("metrics", "labels", "status", "provenance", "root", "typed"):
        with contextlib.suppress(TunesmithError):
            getattr(load_run(folder), read)
    with contextlib.suppress(TunesmithError):
        record = load_run(folder)
        assert all(isinstance(row, dict) for row in [*record.curves(), *record.predictions("val")])


RUNS = st.lists(damage(), min_size=1, max_size=3)


@pytest.mark.slow
@given(RUNS)
@settings(QUICK, max_examples=5)
def test_run_directories(tmp_path, original, damages):
    check_run(tmp_path / "run", original, damages)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["arguments", "data files", "run directories"])
def test_new_examples_for_a_while(what, tmp_path, original):
    checks = {
        "arguments": (ARGUMENTS, check_arguments),
        "data files": (DATA, lambda value: check_data(tmp_path, value)),
        "run directories": (RUNS, lambda value: check_run(tmp_path / "run", original, value)),
    }
    for_a_while(*checks[what])
