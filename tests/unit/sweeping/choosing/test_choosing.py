"""Choosing a model: what is found on a machine, in which order it comes, and the sweep that follows."""

import argparse
import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import compose
from tunesmith.cli.advise import num_bytes, seconds
from tunesmith.data.rows import Rows
from tunesmith.errors import ConfigError
from tunesmith.sweeping.choosing.advice import sample_of
from tunesmith.sweeping.choosing.candidates import Candidate, cached_models, models_at_hand, named_candidates
from tunesmith.sweeping.choosing.measuring import Gauged
from tunesmith.sweeping.choosing.ranking import rank, score_of, seconds_of_run, trivial_scores
from tunesmith.sweeping.choosing.sweep_file import MOST_TRIALS, planned_sweep, sweep_node, write_sweep
from tunesmith.tasks.registry import task_of

LABELS = ["bad", "good"]


@pytest.fixture(scope="module")
def config():
    return compose(["data=csv", "data.path=any.csv", "model=tiny_encoder", "trainer.max_epochs=3"]).config


def gauged(name, *, step_s=0.1, answers=None, option=None, method="full", bits=None):
    candidate = Candidate(name, f"/models/{name}", "named", option)
    words = [*candidate.words_of("encoder"), *["method=lora"] * (method == "lora")]
    tokens = {"num_texts": 9, "tokens_per_word": 1.5, "unknown_fraction": 0.0, "cut_fraction": 0.0}
    return Gauged(candidate, words, method, "encoder", 1000, 1000, tokens, [step_s] * 3, 10, 1.0, 100.0, answers, bits)


def answering(rows, share, seed=0):
    """Logits that are right for a share of the rows."""
    right = np.random.default_rng(seed).permutation(len(rows)) < share * len(rows)
    truth = np.array([LABELS.index(label) for label in rows.labels])
    return np.eye(2)[np.where(right, truth, 1 - truth)] * 3.0


def rows_of_labels(number):
    labels = [LABELS[place % 2] for place in range(number)]
    texts = [f"{'fine' if label == 'good' else 'poor'} text {place}" for place, label in enumerate(labels)]
    return Rows([str(place) for place in range(number)], texts, labels)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        *[(seconds, "90s", 90), (seconds, "1.5h", 5400), (seconds, "2d", 172800), (num_bytes, "8g", 8e9)],
        *[(num_bytes, "512MB", 5.12e8), (seconds, "30", None), (seconds, "0m", None), (num_bytes, "-1g", None)],
    ],
)
def test_times_and_sizes_are_read_with_their_unit(read, text, value):
    if value is not None:
        assert read(text) == value
        return
    with pytest.raises(argparse.ArgumentTypeError, match="takes a"):
        read(text)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A Hugging Face cache with a model of an option, another, one without weights, and one that is not at main."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name, files, reference in [
        ("google-bert--bert-base-uncased", ("config.json", "model.safetensors"), "abc"),
        ("org--own", ("config.json", "model-1.safetensors"), "abc"),
        ("org--pickle", ("config.json", "model.bin"), "abc"),
        ("org--other", ("config.json", "model.safetensors"), "def"),
    ]:
        snapshot = tmp_path / f"models--{name}" / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        (snapshot.parents[1] / "refs").mkdir()
        (snapshot.parents[1] / "refs" / "main").write_text(reference)
        for file in files:
            (snapshot / file).write_text("{}")
    return tmp_path


def test_models_in_the_cache_are_found_by_their_option_or_their_id(cache):
    assert cached_models() == ["google-bert/bert-base-uncased", "org/own"]
    there, absent = models_at_hand([])
    named = {candidate.name: candidate for candidate in there}
    assert named["bert_base"].words == ["model=bert_base"]
    assert named["org/own"].words_of("causal") == ["model=causal", "model.path=org/own"]
    assert "google-bert/bert-base-uncased" not in named, "once, by its option"
    assert [line for line in absent if line.startswith("distilbert (")]
    assert not {"encoder", "from_run", "tiny_encoder"} & named.keys()


def test_models_are_named_by_option_folder_or_id(tmp_path):
    found = named_candidates(["org/own", str(tmp_path), "bert_base", "org/own"], [])
    assert [candidate.option for candidate in found] == [None, None, "bert_base"]
    with pytest.raises(ConfigError) as caught:
        named_candidates(["bert_bas", "no such.gguf"], [])
    assert "bert_base" in str(caught.value.problems[0])
    assert len(caught.value.problems) == 2


@given(st.lists(st.sampled_from("aaaaaaaabbbbc"), min_size=10, max_size=60), st.integers(3, 9))
def test_a_sample_has_every_label_and_hardly_more_rows_than_asked_for(config, labels, most):
    rows = Rows([str(place) for place in range(len(labels))], ["x"] * len(labels), labels)
    sample = sample_of(rows, task_of(config.task), 0, most)
    assert set(sample.labels) == set(labels)
    assert min(most, len(labels)) <= len(sample) <= most + 2
    assert sample.ids == sorted(sample.ids, key=int)


def test_probes_that_cannot_be_told_apart_are_ordered_by_their_time(config):
    rows, task = rows_of_labels(200), task_of(config.task)
    shares = {"best": 0.9, "near": 0.87, "worse": 0.6}
    measured = [
        gauged("best", step_s=0.3, answers=answering(rows, 0.9)),
        gauged("near", step_s=0.1, answers=answering(rows, 0.87, seed=2)),
        gauged("worse", step_s=0.01, answers=answering(rows, 0.6, seed=1)),
    ]
    scores = {each.candidate.name: score_of(each.answers, config, task, LABELS, rows) for each in measured}
    assert {name: score.value for name, score in scores.items()} == pytest.approx(shares)
    assert all(score.bounds[0] < score.value < score.bounds[1] for score in scores.values())
    order = rank(measured, config, scores, 1000, None)
    assert [(item.gauged.candidate.name, item.is_tied) for item in order] == [
        ("near", True),
        ("best", True),
        ("worse", False),
    ]
    assert [item.epoch_s for item in order] == pytest.approx([10.0, 30.0, 1.0])
    assert [item.run_s for item in order] == pytest.approx([30.0, 90.0, 3.0])
    late = rank(measured, config, scores, 1000, 60)
    assert [item.gauged.candidate.name for item in late] == ["near", "worse", "best"], "too slow comes last"


def test_trivial_models_stand_beside_on_the_same_rows(config):
    rows, task = rows_of_labels(60), task_of(config.task)
    scores = trivial_scores(config, task, LABELS, rows_of_labels(20), rows, rows)
    assert {name: score.value for name, score in scores.items()} == {
        "TF-IDF + logistic regression, the same 20 training rows": 1.0,
        "majority, all 60 training rows": 0.5,
        "TF-IDF + logistic regression, all 60 training rows": 1.0,
    }


def test_without_a_probe_bits_decide_and_else_time(config):
    by_bits = rank([gauged("a", bits=2.0), gauged("b", bits=1.5, step_s=9.0)], config, {}, 100, None)
    assert [item.gauged.candidate.name for item in by_bits] == ["b", "a"]
    by_time = rank([gauged("a", step_s=0.2), gauged("b", step_s=0.1)], config, {}, 100, None)
    assert [item.gauged.candidate.name for item in by_time] == ["b", "a"]


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=5), st.floats(10, 1e5))
def test_a_sweep_goes_into_its_time(config, steps, time):
    measured = [gauged(f"m{place}", step_s=step_s) for place, step_s in enumerate(steps)]
    ranked = rank(measured, config, {}, 1000, time)
    sweep = planned_sweep(ranked, config, 1000, time, may_shorten=True)
    runs = [seconds_of_run(each, config, 1000) for each in measured]
    if sweep is None:
        assert min(runs) > time
        return
    assert all(item.is_fast_enough for item in sweep.chosen)
    assert 1 <= sweep.n_trials <= MOST_TRIALS
    assert sweep.n_trials == 1 or sweep.seconds <= time
    assert 1 <= sweep.epochs <= 3
    assert sweep.epochs == 3 or sweep.n_trials <= 12, "runs are only shortened where time is short"
    assert sweep.timeout == time


def test_the_file_varies_what_differs_between_the_models_and_fixes_the_rest(config, tmp_path):
    named = [gauged("minilm", option="minilm"), gauged("bert_base", option="bert_base", method="lora")]
    plan = planned_sweep(rank(named, config, {}, 100, None), config, 100, None, may_shorten=True)
    node = sweep_node(plan, config, [])
    assert node["hydra"]["sweeper"]["params"] == {
        "model": "choice(minilm, bert_base)",
        "method": "choice(full, lora)",
        "optimizer.lr": "tag(log, interval(1e-5, 5e-3))",
    }
    assert node["hydra"]["sweeper"]["zip"] == [["model", "method"]]
    alone = planned_sweep(rank([gauged("a b")], config, {}, 100, None), config, 100, None, may_shorten=False)
    assert json.loads(json.dumps(sweep_node(alone, config, ["method=full"]))) == {
        "defaults": ["train", "_self_", {"override model": "encoder"}],
        "model": {"path": "/models/a b"},
        "hydra": {"sweeper": {"n_trials": 12, "params": {"optimizer.lr": "tag(log, interval(1e-5, 5e-4))"}}},
    }
    assert yaml.safe_load(yaml.safe_dump(node)) == node
    other = sweep_node(alone, config, ["optimizer=sgd", "method=full"])["hydra"]["sweeper"]["params"]
    assert other == {"optimizer.lr": f"tag(log, interval({config.optimizer.lr / 10:g}, {config.optimizer.lr * 10:g}))"}
    words = ["optimizer.lr=0.1", "method=full"]
    assert write_sweep(alone, config, tmp_path, words, ["--trust", "x"]) == (
        "tunesmith train optimizer.lr=0.1 method=full model=encoder 'model.path='\"'\"'/models/a b'\"'\"'' --trust x"
    )
    assert not list(tmp_path.iterdir()), "a single run needs no file"
