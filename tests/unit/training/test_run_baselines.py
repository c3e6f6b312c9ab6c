"""A run is held against trivial models, and told if it does not beat them."""

import json

import pytest

from tunesmith import compose, train


@pytest.fixture(scope="module")
def telling(tmp_path_factory):
    """A hundred and fifty texts whose label is one word of theirs."""
    path = tmp_path_factory.mktemp("telling") / "rows.jsonl"
    rows = [
        {"text": f"item {n % 7} is {('fine', 'poor')[n % 2]} {n % 11}", "label": ("yes", "no")[n % 2]}
        for n in range(150)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def overrides(tiny, path):
    own = [item for item in tiny if not item.startswith(("data=", "data.path", "data.text_c", "data.label_c"))]
    return [*own, "data=jsonl", f"data.path={path}", "data.split.val_fraction=0.2", "data.split.test_fraction=0.2"]


@pytest.mark.slow
def test_a_run_that_a_linear_model_beats_is_told_so(telling, tiny, inside):
    run = train(compose([*overrides(tiny, telling), "optimizer.lr=1e-6", "trainer.max_epochs=1"]))
    linear = "TF-IDF + logistic regression"
    assert {name: values[linear] for name, values in run.baselines.items()} == {
        "val/accuracy": 1.0,
        "test/accuracy": 1.0,
    }
    assert run.baselines["test/accuracy"]["majority"] == pytest.approx(0.5, abs=0.02)
    sentence = (
        f"test/accuracy {run.metrics['test/accuracy']:.4f} does not beat a trivial model: {linear} is better, 1.0000"
    )
    assert sentence in run.warnings
    shown = inside("show", run.path).stdout
    assert "baselines of test/accuracy: majority 0.5000, random by frequency" in shown


@pytest.mark.slow
def test_they_are_left_out_on_demand_and_change_nothing(telling, tiny):
    with_them = train(compose([*overrides(tiny, telling), "trainer.max_epochs=1"]))
    without = train(compose([*overrides(tiny, telling), "trainer.max_epochs=1", "evaluation.baselines=false"]))
    assert (without.baselines, bool(with_them.baselines)) == ({}, True)
    assert without.results["weights_sha256"] == with_them.results["weights_sha256"]
    assert without.metrics == with_them.metrics


@pytest.mark.slow
def test_a_metric_that_is_no_function_of_sums_is_computed_as_the_run_does(telling, tiny):
    own = "{_target_: torchmetrics.classification.MulticlassCohenKappa}"
    monitored = [f"+evaluation.metrics.own={own}", "evaluation.monitor=val/own", "optimizer.lr=1e-6"]
    run = train(compose([*overrides(tiny, telling), *monitored, "trainer.max_epochs=1"]))
    assert run.intervals == {}
    assert run.baselines["val/own"]["TF-IDF + logistic regression"] == 1.0
    assert run.baselines["val/own"]["majority"] == 0.0
    assert any("does not beat a trivial model" in sentence for sentence in run.warnings)
