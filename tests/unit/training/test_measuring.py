"""What a run measures and by what it chooses: refused before anything is trained where that cannot be told."""

import json
from pathlib import Path

import pytest
import torch
from sklearn.metrics import confusion_matrix, roc_auc_score
from torchmetrics import classification, regression

from tunesmith import compose, train
from tunesmith.config.checking.directions import (
    HIGHER,
    TABLES,
    TASKS,
    direction_of,
    higher_is_better,
    is_per_label,
    is_table,
)
from tunesmith.errors import ConfigError
from tunesmith.tasks.registry import task_named
from tunesmith.training.auto_values import decide
from tunesmith.training.build import metric_function
from tunesmith.training.instantiate import build_callbacks
from tunesmith.training.trial_rows import check_metrics

CLASSIFICATION = task_named("classification")

LABELS = "torchmetrics.classification."
OWN = """
import torch
from torchmetrics import Metric


class Largest(Metric):
    higher_is_better = None
    def __init__(self):
        super().__init__()
        self.add_state("most", torch.tensor(0.0), dist_reduce_fx="max")
    def update(self, answers, truths):
        assert answers.dtype == torch.float64 and answers.shape[1] == 2
        assert ((answers.sum(dim=1) - 1).abs() < 1e-12).all()
        self.most = answers.max().float()
    def compute(self):
        return self.most


class Broken(Largest):
    higher_is_better = True
    def update(self, answers, truths):
        raise KeyError("nothing")
"""


def metric(name, target, **more):
    return [
        f"+evaluation.metrics.{name}._target_={target}",
        *(f"+evaluation.metrics.{name}.{k}={v}" for k, v in more.items()),
    ]


def test_directions_read_from_source_are_those_of_the_classes():
    """Every class of torchmetrics for labels and numbers; those that say nothing are listed or left open."""
    known = {None: 0, True: 0, False: 0}
    for room in (classification, regression):
        for name in room.__all__:
            cls, node = getattr(room, name), {"_target_": f"{room.__name__}.{name}"}
            bare = name
            for task in TASKS:
                bare = bare.removeprefix(task)
            if not hasattr(cls, "higher_is_better"):
                continue
            expected = cls.higher_is_better
            found = higher_is_better(node)
            assert found == (HIGHER.get(bare) if expected is None else expected), name
            known[found] += 1
            assert is_table(node) == (bare in TABLES), name
    assert min(known.values()) > 5


@pytest.mark.parametrize(
    ("node", "direction"),
    [
        ({"_target_": "torchmetrics.PearsonCorrCoef"}, "maximize"),
        ({"_target_": "torchmetrics.classification.MulticlassSpecificity"}, "maximize"),
        ({"_target_": "torchmetrics.Specificity", "task": "multiclass"}, "maximize"),
        ({"_target_": "torchmetrics.classification.MultilabelEER"}, "minimize"),
        ({"_target_": "torchmetrics.AUROC", "task": "multiclass"}, "maximize"),
        ({"_target_": "torchmetrics.HammingDistance", "task": "multilabel"}, "minimize"),
        ({"_target_": "torchmetrics.regression.TweedieDevianceScore"}, None),
        ({"_target_": "torchmetrics.MeanMetric"}, None),
        ({"_target_": "torchmetrics.text.WordInfoPreserved"}, "maximize"),
        ({"_target_": "torchmetrics.text.WordInfoLost"}, "minimize"),
    ],
)
def test_directions(node, direction):
    assert direction_of("val/m", {"m": node}) == direction


def test_values_per_label_are_known_from_the_default_too():
    assert is_per_label({"_target_": f"{LABELS}MulticlassLogAUC"})
    assert is_per_label({"_target_": f"{LABELS}MulticlassAUROC", "average": "none"})
    assert not is_per_label({"_target_": f"{LABELS}MulticlassAUROC"})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["evaluation.monitor=val/dev"], "evaluation.mode: is unknown for val/dev: .*evaluation.mode=max or"),
        (["callbacks.early_stopping.monitor=val/dev"], r"callbacks.early_stopping.mode: is unknown for val/dev"),
        (["evaluation.monitor=val/cm"], r"evaluation.monitor: is not a number that the run produces"),
        (["evaluation.metrics.cm._target_=torchmetrics.classification.BinaryAUROC"], "is marked as positive"),
        (["evaluation.metrics.cm._target_=torchmetrics.regression.R2Score"], "cannot be used with task=classification"),
    ],
)
def test_what_cannot_decide_or_measure_is_refused_with_the_config(overrides, message, tiny):
    metrics = [*metric("dev", "torchmetrics.SumMetric"), *metric("cm", f"{LABELS}MulticlassConfusionMatrix")]
    with pytest.raises(ConfigError, match=message):
        compose([*tiny, *metrics, *overrides])


def test_the_direction_of_a_monitor_without_one_is_taken_from_the_config(tiny):
    metrics = metric("dev", "torchmetrics.SumMetric")
    run = compose([*tiny, *metrics, "evaluation.monitor=val/dev", "evaluation.mode=min"])
    assert decide(run).config.evaluation.mode == "min"


@pytest.mark.parametrize(
    ("monitor", "mode"), [("val/loss", "min"), ("val/f1_macro", "max"), ("val/f1/good", "max"), ("val/accuracy", "max")]
)
def test_a_callback_with_a_monitor_of_its_own_takes_that_one_s_direction(monitor, mode, tiny):
    for main in ("val/loss", "val/accuracy"):
        chosen = [f"evaluation.monitor={main}", f"callbacks.early_stopping.monitor={monitor}"]
        (stopping,) = build_callbacks(decide(compose([*tiny, *chosen])).config)
        assert (stopping.monitor, stopping.mode) == (monitor, mode)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            metric("map", "torchmetrics.retrieval.RetrievalMAP"),
            "evaluation.metrics.map: cannot take the answers of task",
        ),
        (
            [*metric("auroc", f"{LABELS}MulticlassAUROC", average="none"), "evaluation.monitor=val/auroc/c"],
            "val/auroc/bad",
        ),
    ],
)
def test_metrics_are_tried_before_there_is_a_directory(overrides, message, tiny, tmp_path):
    with pytest.raises(ConfigError, match=message):
        train(compose([*tiny, *overrides]))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "task", ["classification", "multi_label", "regression", "token_classification", "text_to_text"]
)
def test_the_metrics_of_every_task_take_made_up_answers(task):
    model = {"text_to_text": "tiny_seq2seq"}.get(task, "tiny_encoder")
    more = ["data.target_column=target"] if task == "text_to_text" else []
    config = compose([f"task={task}", "data=jsonl", "data.path=x.jsonl", f"model={model}", *more]).config
    check_metrics(config, {"regression": ["score"], "text_to_text": []}.get(task, ["a", "b", "c"]))


def test_a_metric_of_several_parts_has_a_name_for_each(tmp_path):
    """torchmetrics' own ROUGE, which knows the words of every script here."""
    rouge = metric("rouge", "torchmetrics.text.ROUGEScore", rouge_keys="rougeL")
    data = ["task=text_to_text", "data=jsonl", "data.path=x.jsonl", "model=tiny_seq2seq", "data.target_column=target"]
    config = compose([*data, *rouge, "evaluation.monitor=val/rouge/rougeL_fmeasure"]).config
    check_metrics(config, [])
    measured = metric_function(config, [])(["весна пришла"], ["весна ушла"])
    assert measured["rouge/rougeL_fmeasure"] == pytest.approx(0.5)
    wrong = compose([*data, *rouge, "evaluation.monitor=val/rouge/rougeL"]).config
    with pytest.raises(ConfigError, match=r"This run has .*val/rouge/rougeL_fmeasure"):
        check_metrics(wrong, [])


def test_made_up_answers_hold_every_label_and_stay_few():
    logits, right = CLASSIFICATION.made_up([str(i) for i in range(20)])
    assert (logits.shape, set(right.tolist())) == ((40, 20), set(range(20)))
    assert len(CLASSIFICATION.made_up([str(i) for i in range(5000)])[0]) == 64


@pytest.mark.slow
def test_tables_curves_and_scores_of_a_run_are_those_of_scikit_learn(tiny, tmp_path, inside):
    chosen = [
        *metric("cm", f"{LABELS}MulticlassConfusionMatrix"),
        *metric("roc", f"{LABELS}MulticlassROC", thresholds=3),
        *metric("auroc", f"{LABELS}MulticlassAUROC"),
    ]
    record = train(compose([*tiny, *chosen, "trainer.max_epochs=1"]))
    for split in ("val", "test"):
        rows = record.predictions(split)
        wanted, said = ([row[key] for row in rows] for key in ("label", "prediction"))
        table = record.tables[f"{split}/cm"]
        assert table["labels"] == record.labels
        assert table["values"] == confusion_matrix(wanted, said, labels=record.labels).tolist()
        margins = [row["logits"][1] - row["logits"][0] for row in rows]
        area = roc_auc_score([label == record.labels[1] for label in wanted], margins)
        assert record.metrics[f"{split}/auroc"] == pytest.approx(area)
        assert len(record.tables[f"{split}/roc"]["values"]) == 3
    assert not {"val/cm", "val/roc"} & record.metrics.keys()
    assert f"tables in {record.directory.results}: val/cm, val/roc, test/cm" in inside("show", record.path).stdout
    done = inside("evaluate", record.path, "--split", "val")
    results = json.loads((Path(done.stdout.strip().splitlines()[-1]) / "results.json").read_text())
    assert results["tables"]["val/cm"] == record.tables["val/cm"]


@pytest.mark.slow
def test_a_metric_of_one_s_own_is_given_probabilities(tiny, tmp_path, monkeypatch):
    (tmp_path / "metrics_of_mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    trust = ["metrics_of_mine"]
    chosen = [*tiny, *metric("mine", "metrics_of_mine.Largest"), "trainer.max_steps=1"]
    record = train(compose(chosen, trust=trust))
    rows = torch.tensor([row["logits"] for row in record.predictions("val")]).double().softmax(dim=1)
    assert record.metrics["val/mine"] == pytest.approx(rows.max().item(), abs=1e-6)
    with pytest.raises(ConfigError, match=r"evaluation\.mode: is unknown for val/mine: metrics_of_mine\.Largest"):
        compose([*chosen, "evaluation.monitor=val/mine"], trust=trust)
    broken = [*tiny, *metric("mine", "metrics_of_mine.Broken")]
    with pytest.raises(ConfigError, match=r"evaluation\.metrics\.mine: cannot take the answers .* KeyError: 'nothing'"):
        train(compose(broken, trust=trust))


@pytest.mark.slow
def test_a_monitor_without_any_value_is_said(tiny, tmp_path):
    """The correlation of numbers that are all the same: nothing can be chosen by it."""
    path = tmp_path / "same.jsonl"
    path.write_text("".join(json.dumps({"text": f"film {i}", "label": 2}) + "\n" for i in range(40)))
    task = ["task=regression", "data=jsonl", f"data.path={path}", "evaluation.monitor=val/pearson"]
    record = train(compose([*tiny, *task, "data.text_column=text", "data.label_column=label", "trainer.max_epochs=1"]))
    assert any("val/pearson had no value at any validation" in sentence for sentence in record.warnings)
    assert isinstance(record.metrics["val/mse"], float)
