"""The untuned model and a linear probe of its features stand beside a run, and change nothing in it."""

import numpy as np
import pytest
import torch
from conftest import tiny_overrides
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from tunesmith import compose, train
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.prepared import read_prepared
from tunesmith.evaluation.linear_probe import PROBE, probe_numbers, probe_one_label, probe_several_labels
from tunesmith.models.features import backbone_of, mean_states
from tunesmith.models.groundwork import read_groundwork
from tunesmith.tasks.registry import task_of
from tunesmith.training.build import build_network
from tunesmith.training.untuned import UNTUNED


def points(seed=0):
    draw = np.random.default_rng(seed)
    features = draw.normal(3, 5, size=(80, 6))
    return features, (features[:, 0] > 3).astype(int), draw.normal(3, 5, size=(30, 6))


def test_a_probe_is_a_linear_model_of_scaled_features():
    features, labels, others = points()
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(features), labels)
    logs = probe_one_label(features, labels, others, 2)
    assert np.exp(logs) == pytest.approx(model.predict_proba(scaler.transform(others)), abs=1e-5)
    several = probe_several_labels(features, np.stack([labels, 1 - labels], axis=1), others)
    assert several[:, 0] == pytest.approx(-several[:, 1], abs=1e-3)
    assert (several[:, 0] > 0).tolist() == (logs[:, 1] > logs[:, 0]).tolist()
    ridge = Ridge().fit(scaler.transform(features), labels)
    assert probe_numbers(features, labels, others) == pytest.approx(ridge.predict(scaler.transform(others)))


def test_a_label_that_no_training_text_has_is_never_answered():
    features, labels, others = points()
    logs = probe_one_label(features, np.full_like(labels, 2), others, 3)
    assert set(logs.argmax(axis=1).tolist()) == {2}


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["model.head.pooling=mean"],
        ["method=lora"],
        pytest.param(["model=tiny_causal"], marks=pytest.mark.slow),
        pytest.param(["model=tiny_seq2seq"], marks=pytest.mark.slow),
    ],
    ids=["encoder", "pooled", "lora", "causal", "seq2seq"],
)
def test_features_are_the_mean_of_the_last_hidden_states(more, tiny):
    config = compose([*tiny, *more]).config
    ground = read_groundwork(config.model)
    task = task_of(config.task)
    splits = read_prepared(config.data, task).splits
    data = TextDataModule(config.data, ground.tokenizer, task, splits=splits, family=ground.family)
    network = build_network(config, data.labels, ground).train()
    from tunesmith.data.batching import MicroBatch

    dataset = data.dataset("val")
    features = mean_states(network, lambda rows: dataset[MicroBatch(rows, 1.0)], np.arange(5), size=2)
    assert network.training
    row = dataset[MicroBatch(np.array([3]), 1.0)]
    network.eval()
    with torch.inference_mode():
        states = backbone_of(network)(input_ids=row["input_ids"], attention_mask=row["attention_mask"])
    assert features[3] == pytest.approx(states.last_hidden_state[0].mean(dim=0).numpy(), abs=1e-5)


def test_a_probe_of_what_has_no_answer_per_text_is_refused(tiny, inside):
    words = ["task=language_modeling", "model=tiny_causal", "evaluation.probe=true", "data.text_column=review"]
    done = inside("check", "data=csv", *tiny[1:2], *words)
    assert (done.returncode, "evaluation.probe: has no effect with task=language_modeling" in done.stderr) == (2, True)


@pytest.mark.slow
def test_both_stand_beside_a_run_that_is_the_same_without_them(finished, reviews_csv, cache_dir, tmp_path, inside):
    overrides = tiny_overrides(reviews_csv, cache_dir, tmp_path)
    run = train(compose([*overrides, "evaluation.at_start=true", "evaluation.probe=true"]))
    assert run.results["weights_sha256"] == finished.results["weights_sha256"]
    assert run.metrics == finished.metrics
    assert run.provenance["config_fingerprint"] == finished.provenance["config_fingerprint"]
    (start,) = [point for point in run.curves() if point["step"] == 0]
    assert run.baselines["val/accuracy"][UNTUNED] == start["val/accuracy"]
    assert UNTUNED not in run.baselines["test/accuracy"]
    for name, values in run.baselines.items():
        assert 0 <= values[PROBE] <= 1
        assert {key: value for key, value in values.items() if key not in (PROBE, UNTUNED)} == finished.baselines[name]
    assert f"{UNTUNED} {start['val/accuracy']:.4f}" in inside("show", run.path).stdout
