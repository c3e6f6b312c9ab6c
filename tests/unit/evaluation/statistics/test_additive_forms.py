"""Metrics as functions of sums have the values of torchmetrics, and of ours."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hydra.utils import instantiate

from tunesmith.config.schema import Task as TaskConfig
from tunesmith.evaluation.inputs import PlainInputs
from tunesmith.evaluation.metrics import compute_metrics
from tunesmith.evaluation.statistics.of_rows import FORMS, additive_metrics
from tunesmith.tasks.registry import task_of

CONF = Path(__file__).parents[4] / "conf" / "evaluation"
LABELS = ["joy", "fear", "rage"]
WORDS = ["кот", "сидит", "на", "the", "mat", "猫", "un", "chat", "noir"]
MORE = {
    "classification": {
        "balanced": {"_target_": "torchmetrics.classification.MulticlassAccuracy", "average": "macro"},
        "f1_weighted": {"_target_": "torchmetrics.classification.MulticlassF1Score", "average": "weighted"},
        "brier": {"_target_": "tunesmith.evaluation.probabilities.BrierScore"},
        "mcc": {"_target_": "torchmetrics.classification.MulticlassMatthewsCorrCoef"},
    },
    "regression": {
        "r2": {"_target_": "torchmetrics.regression.R2Score"},
        "rmse": {"_target_": "torchmetrics.regression.MeanSquaredError", "squared": False},
    },
    "multi_label": {"brier": {"_target_": "tunesmith.evaluation.probabilities.BrierScore"}},
    "text_to_text": {
        "rouge_1": {"_target_": "tunesmith.evaluation.texts.Rouge1"},
        "rouge_2": {"_target_": "tunesmith.evaluation.texts.Rouge2"},
    },
}
WITHOUT = {"regression": {"spearman"}}
"""Shipped metrics that are no function of sums."""
OUTPUTS = {"classification": 3, "multi_label": 3, "token_classification": 3}


def drawn_rows(task, draw, count):
    """Rows of `predictions.jsonl`, with what metrics are given for them."""
    if task == "regression":
        truths = [100 + draw.gauss(0, 1) for _ in range(count)]
        answers = [truth + draw.gauss(0, 1) for truth in truths]
        rows = [{"label": t, "prediction": a, "logits": [a]} for t, a in zip(truths, answers, strict=True)]
        return rows, torch.tensor(answers, dtype=torch.float64), torch.tensor(truths, dtype=torch.float64)
    if task == "language_modeling":
        counts = [draw.randint(1, 30) for _ in range(count)]
        losses = [draw.uniform(0.5, 4) for _ in range(count)]
        rows = [{"label": None, "loss": loss, "num_tokens": n} for loss, n in zip(losses, counts, strict=True)]
        sums = torch.tensor([loss * n for loss, n in zip(losses, counts, strict=True)], dtype=torch.float64)
        return rows, sums, torch.tensor(counts, dtype=torch.float64)
    if task == "text_to_text":
        truths = [" ".join(draw.choices(WORDS, k=draw.randint(1, 6))) for _ in range(count)]
        answers = [draw.choice([truth, " ".join(draw.choices(WORDS, k=4)), ""]) for truth in truths]
        return [{"label": t, "prediction": a} for t, a in zip(truths, answers, strict=True)], answers, truths
    if task == "token_classification":
        tags = ["O", "B-PER", "I-PER"]
        truths = [[draw.choice(tags) for _ in range(draw.randint(1, 9))] for _ in range(count)]
        answers = [[draw.choice([tag, tag, draw.choice(tags), None]) for tag in sentence] for sentence in truths]
        return [{"label": t, "prediction": a} for t, a in zip(truths, answers, strict=True)], answers, truths
    logits = torch.tensor([[draw.gauss(0, 1) for _ in LABELS] for _ in range(count)])
    if task == "multi_label":
        truths = torch.tensor([[draw.random() < 0.4 for _ in LABELS] for _ in range(count)]).int()
        names = [[name for name, on in zip(LABELS, row, strict=True) if on] for row in truths.tolist()]
        given = [[name for name, x in zip(LABELS, row, strict=True) if x > 0] for row in logits.tolist()]
    else:
        truths = torch.tensor([draw.choice([0, 0, 0, 1, 2]) for _ in range(count)])
        names, given = [LABELS[i] for i in truths], [LABELS[i] for i in logits.argmax(dim=1)]
    rows = zip(names, given, logits.tolist(), strict=True)
    return [{"label": t, "prediction": a, "logits": x} for t, a, x in rows], logits, truths


def task_for(option):
    name = "classification" if option == "multi_label" else option
    return task_of(TaskConfig(name=name, multi_label=option == "multi_label"))


@pytest.mark.parametrize("count", [1, 2, 37])
@pytest.mark.parametrize("option", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_every_shipped_metric_has_the_value_that_the_run_records(option, count):
    nodes = yaml.safe_load((CONF / f"{option}.yaml").read_text())["metrics"] | MORE.get(option, {})
    draw = random.Random(f"{option} {count}")
    rows, answers, truths = drawn_rows(option, draw, count)
    size = OUTPUTS.get(option)
    sizes = {} if size is None else {"num_labels" if option == "multi_label" else "num_classes": size}
    metrics = {
        name: instantiate({**node, **(sizes if "classification.Multi" in node["_target_"] else {})})
        for name, node in nodes.items()
    }
    tags = option == "token_classification"  # the task makes tags of logits
    inputs = PlainInputs(answers, truths) if tags else task_for(option).metric_inputs(answers, truths, LABELS)
    measured = compute_metrics(metrics, inputs).values
    for name, node in nodes.items():
        recorded = {key[len(name) + 1 :]: value for key, value in measured.items() if key.partition("/")[0] == name}
        defined = {label: value for label, value in recorded.items() if value == value}
        forms = additive_metrics(node, rows, LABELS, recorded)
        assert set(forms) == (set() if name in WITHOUT.get(option, ()) else set(defined)), (name, recorded)
        assert all(len(form) == count for form in forms.values())


def test_the_loss_is_torch_s():
    draw = random.Random(5)
    rows, logits, truths = drawn_rows("classification", draw, 50)
    loss = torch.nn.functional.cross_entropy(logits, truths).item()
    assert additive_metrics(None, rows, LABELS, {"": loss})[""].of_all() == pytest.approx(loss, rel=1e-6)
    rows, logits, truths = drawn_rows("multi_label", draw, 50)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truths.float()).item()
    assert additive_metrics(None, rows, LABELS, {"": loss})[""].of_all() == pytest.approx(loss, rel=1e-6)


def test_a_metric_whose_predictions_give_another_value_has_no_form():
    rows, _, _ = drawn_rows("classification", random.Random(1), 40)
    node = {"_target_": "torchmetrics.classification.MulticlassAccuracy", "average": "micro"}
    right = np.mean([row["label"] == row["prediction"] for row in rows])
    assert additive_metrics(node, rows, LABELS, {"": float(right)})
    assert not additive_metrics(node, rows, LABELS, {"": float(right) + 0.01})
    assert not additive_metrics(node | {"top_k": 2}, rows, LABELS, {"": float(right)})
    assert not additive_metrics({"_target_": "my.Own"}, rows, LABELS, {"": float(right)})
    assert not additive_metrics(node, [{"label": None, "loss": 1.0, "num_tokens": 3}], [], {"": 1.0})


def test_rows_of_a_group_are_summed():
    rows, _, _ = drawn_rows("classification", random.Random(2), 30)
    for name in ("MulticlassF1Score", "MulticlassMatthewsCorrCoef"):
        (form,) = FORMS[name](rows, LABELS, {}).values()
        grouped = form.by_group([row % 7 for row in range(30)])
        assert len(grouped) == 7
        assert grouped.of_all() == pytest.approx(form.of_all())
        assert grouped.columns[2] == pytest.approx(form.columns[2::7].sum(axis=0))
