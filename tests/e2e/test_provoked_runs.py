"""Runs in which one thing was made to go wrong are told so, and what they advise can be typed."""

import csv
import json
import random
import shlex
import subprocess
import sys
import time

import pytest
from conftest import FILLER, reviews, tiny_overrides

from tunesmith import compose, load_run, train
from tunesmith.config.composing.compose import compose_from
from tunesmith.errors import TunesmithError

PROVOKED = {
    "healthy": (dict(num_rows=400), "data.batch_size=16 trainer.max_epochs=3", set()),
    "64_rows_for_20_epochs": (
        None,
        "data=rotten_tomatoes data.num_rows=128 data.split.val_fraction=0.25 data.split.test_fraction=0.25 "
        "trainer.max_epochs=20 callbacks=none",
        {"overfitting", "too_little_data"},
    ),
    "rate_of_1e_7": (dict(num_rows=400), "optimizer.lr=1e-7", {"rate_too_low"}),
    "rate_of_1": (dict(num_rows=400), "optimizer.lr=1", {"divergence"}),
    "30_percent_flipped": (
        dict(num_rows=2400, flipped=0.3),
        "trainer.max_epochs=2 data.batch_size=16 data.split.val_fraction=0.2",
        {"label_noise"},
    ),
    "one_epoch_of_many": (
        dict(num_rows=1600, flipped=0.05),
        "trainer.max_epochs=1 data.batch_size=16 optimizer.lr=1e-3",
        {"undertrained"},
    ),
    "majority_guesser": (dict(num_rows=400, rare=0.1), "trainer.max_epochs=2 data.batch_size=16", {"one_answer"}),
}


def write(path, num_rows, flipped=0.0, rare=None):
    """Reviews; with some labels flipped, or with words that tell nothing and a rare label."""
    draw = random.Random(0)
    rows = []
    for text, label in reviews(num_rows):
        if draw.random() < flipped:
            label = {"good": "bad", "bad": "good"}[label]
        if rare is not None:
            label = "bad" if draw.random() < rare else "good"
            text = " ".join(word for word in text.split() if word in FILLER) or "the"
        rows.append((text, label))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("review", "verdict"), *rows])
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVOKED)
def test_a_provoked_run_gets_its_verdict_and_nothing_else(name, tmp_path, cache_dir, inside):
    data, words, kinds = PROVOKED[name]
    overrides = tiny_overrides(tmp_path / "rows.csv", cache_dir, tmp_path / "runs")
    if data is None:
        overrides = [
            item for item in overrides if not item.startswith(("data=", "data.path", "data.text_", "data.lab"))
        ]
    else:
        write(tmp_path / "rows.csv", **data)
    run = train(compose([*overrides, "evaluation.test=false", "evaluation.baselines=false", *words.split()]))
    assert {verdict["kind"] for verdict in run.diagnosis} == kinds
    told = inside("diagnose", run.path)
    assert told.returncode == 0
    assert told.stdout.partition("\n")[2] in inside("show", run.path).stdout
    for verdict in run.diagnosis:
        assert verdict["sentence"] in told.stdout
        if verdict["override"]:
            assert f"try next: tunesmith train --from {run.argument} {verdict['override']}\n" in told.stdout
            assert compose_from(run.path, shlex.split(verdict["override"])).config


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_diagnosed(tmp_path, tiny, inside):
    wild = ["optimizer=sgd", "optimizer.lr=1e30", "trainer.gradient_clip_val=null"]
    with pytest.raises(TunesmithError):
        train(compose([*tiny, *wild]))
    (path,) = (tmp_path / "runs").glob("*/*")
    (verdict,) = load_run(path).diagnosis
    assert (verdict["kind"], verdict["override"]) == ("divergence", "optimizer.lr=1e+29")
    assert inside("diagnose", path).stdout.count("the training diverged: its loss was no longer a number") == 1


@pytest.mark.slow
def test_it_reads_finished_runs_without_torch_in_seconds(finished, tmp_path):
    words = ["diagnose", str(finished.path), "--json", str(tmp_path / "verdicts.json")]
    script = f"import sys\nfrom tunesmith.cli.main import main\nprint(main({words!r}), 'torch' in sys.modules)"
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert time.monotonic() - start < 10, "a generous bound for a busy machine"
    assert done.stdout == f"{finished.path}: nothing is sure to be wrong\n0 False\n", done.stderr
    assert json.loads((tmp_path / "verdicts.json").read_text()) == []
