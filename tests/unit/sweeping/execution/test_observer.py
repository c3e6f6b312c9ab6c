"""A trial with its sweep's rungs and pauses ends in the bits of the same run outside a sweep."""

import math
import re

import pytest
import torchmetrics.classification
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import compose, load_run, train
from tunesmith.config.checking.directions import HIGHER, direction_of, higher_is_better, objective_problem
from tunesmith.sweeping.execution.observer import rung_steps
from tunesmith.sweeping.execution.trial import run_trial
from tunesmith.sweeping.record.layout import freeze_job
from tunesmith.training.callbacks.interruption import Pruned


def frozen(directory, overrides, rungs, **job):
    wanted = {"metric": "val/accuracy", "rungs": rungs, "judged": 0, "attempted": False, "trust": []}
    freeze_job(directory, compose(overrides), wanted | job)


def go_on(directory, judged):
    import json

    job = json.loads((directory / "job.json").read_text())
    (directory / "job.json").write_text(json.dumps(job | {"judged": judged, "attempted": True}))


def run_with_pauses(directory, overrides, rungs, pauses):
    """Run a trial, pausing at these rungs; the messages that it sent."""
    frozen(directory, overrides, rungs)
    messages = []

    def tell(message):
        messages.append(message)
        if message["kind"] == "rung":
            return "pause" if message["rung"] in pauses else "continue"
        return None

    for number in [*sorted(pauses), None]:
        if number is None:
            run_trial(directory, tell)
            continue
        with pytest.raises(Pruned):
            run_trial(directory, tell)
        assert load_run(directory).status == "pruned"
        assert (directory / "checkpoints" / "last.ckpt").is_file()
        go_on(directory, number + 1)
    return messages


# 60 training rows in batches of 8: 8 steps an epoch, 16 in all.
CASES = {
    "at the end of an epoch and inside one": (["trainer.max_epochs=2"], [0.5, 0.8], {0, 1}, [8, 13]),
    "measured and not paused": (["trainer.max_epochs=2"], [0.25, 0.5], set(), [4, 8]),
    "inside epochs, with accumulation": (
        ["trainer.max_epochs=2", "data.micro_batch_size=2", "model.dropout=0.1"],
        [0.2, 0.7],
        {1},
        [4, 12],
    ),
    "adapters and early stopping": (
        ["trainer.max_epochs=4", "method=lora", "optimizer.lr=1e-3", "callbacks.early_stopping.patience=1"],
        [0.25, 0.4],
        {0, 1},
        [8, 13],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if i > 1 else name for i, name in enumerate(CASES)]
)
def test_a_trial_is_its_config_run_alone(name, tiny, tmp_path):
    more, rungs, pauses, steps = CASES[name]
    overrides = [*tiny, "evaluation.test=false", *more]
    messages = run_with_pauses(tmp_path / "trial", overrides, rungs, pauses)
    alone = train(compose([*overrides, f"run.dir={tmp_path / 'alone'}"]))
    trial = load_run(tmp_path / "trial")
    assert trial.results["weights_sha256"] == alone.results["weights_sha256"]
    assert trial.metrics == alone.metrics
    assert trial.results["steps"] == alone.results["steps"]
    for key in ("val/loss", "val/accuracy", "train/loss", "train/lr", "train/grad_norm"):
        curve = {point["step"]: point[key] for point in trial.curves() if key in point}
        assert curve == {point["step"]: point[key] for point in alone.curves() if key in point}, key
    asked = [message for message in messages if message["kind"] == "rung"]
    reached = [step for step in steps if step < alone.results["steps"]]
    assert [(message["rung"], message["step"]) for message in asked] == list(enumerate(reached))
    assert messages[0]["rungs"] == steps
    measured = {point["step"]: point["val/accuracy"] for point in alone.curves() if "val/accuracy" in point}
    for message in asked:
        assert 0 <= message["value"] <= 1
        assert message["value"] == measured.get(message["step"], message["value"])


@pytest.mark.slow
def test_a_rung_measures_what_a_validation_there_would_have(tiny, tmp_path):
    overrides = [*tiny, "evaluation.test=false", "model.dropout=0.1"]
    ends_there = train(compose([*overrides, "trainer.max_steps=4", "scheduler=constant", f"run.dir={tmp_path / 'a'}"]))
    again = run_with_pauses(tmp_path / "b", [*overrides, "scheduler=constant"], [0.25], set())
    (rung,) = [message for message in again if message["kind"] == "rung"]
    assert rung["step"] == 4
    assert rung["value"] == ends_there.metrics["val/accuracy"]


@given(
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True).map(sorted),
    st.integers(1, 5000),
    st.floats(0, 1),
)
def test_no_rung_lies_before_twice_the_warm_up(fractions, total, warmup):
    steps = rung_steps(fractions, total, warmup)
    assert steps == sorted(set(steps))
    assert len(steps) == len(fractions)
    for fraction, step in zip(fractions, steps, strict=True):
        assert step >= max(1, fraction * total - 1e-9, 2 * warmup * total - 1e-9)
    free = rung_steps(fractions[:1], total, 0.0)
    assert free == [max(1, math.ceil(fractions[0] * total))]


def test_the_better_direction_is_torchmetrics_own():
    composed = compose(["data=rotten_tomatoes"])
    metrics = composed.saved["evaluation"]["metrics"]
    assert len(metrics) >= 3
    names = [name for name in torchmetrics.classification.__all__ if name[0].isupper()]
    compared = 0
    for name in names:
        cls = getattr(torchmetrics.classification, name)
        if getattr(cls, "__module__", "").startswith("torchmetrics."):
            own = getattr(cls, "higher_is_better", None)
            stated = own if isinstance(own, bool) else HIGHER.get(re.sub("^(Binary|Multiclass|Multilabel)", "", name))
            assert higher_is_better({"_target_": f"torchmetrics.classification.{name}"}) == stated, name
            compared += 1
    assert compared > 60
    for name, node in metrics.items():
        module, _, cls = str(node["_target_"]).rpartition(".")
        own = getattr(__import__(module, fromlist=[cls]), cls).higher_is_better
        assert direction_of(f"val/{name}", metrics) == ("maximize" if own else "minimize")
    assert direction_of("val/loss", metrics) == "minimize"
    assert direction_of("duration_s", metrics) == "minimize"
    assert direction_of("num_trainable_parameters", metrics) == "minimize"


def test_what_no_search_may_decide_by():
    metrics = compose(["data=rotten_tomatoes"]).saved["evaluation"]["metrics"]
    assert objective_problem("val/accuracy", metrics, "x") is None
    assert "never looks at the test split" in objective_problem("test/accuracy", metrics, "x").rule
    assert "val/accuracy" in objective_problem("val/acuracy", metrics, "x").hint
    assert objective_problem("train/loss", metrics, "x").rule == "is not a number that a run reports"
