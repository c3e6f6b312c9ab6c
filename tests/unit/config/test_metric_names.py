"""Metrics by their short names, in every place where a config may be written."""

from pathlib import Path

import pytest
import yaml

from tunesmith.config.checking.rules.evaluation import monitored
from tunesmith.config.composing.compose import compose, compose_from
from tunesmith.config.metrics import NAMED, K, named_metric, with_entries
from tunesmith.errors import ConfigError
from tunesmith.training.monitors import check_monitors

CONF = Path(__file__).parents[3] / "conf" / "evaluation"
BASE = ["data=csv", "data.path=x.csv", "model=tiny_encoder"]
MCC = {"_target_": "torchmetrics.classification.MulticlassMatthewsCorrCoef"}


@pytest.mark.parametrize("option", sorted(NAMED))
def test_a_shipped_metric_has_the_same_name(option):
    shipped = yaml.safe_load((CONF / f"{option}.yaml").read_text())["metrics"]
    assert shipped.items() <= NAMED[option].items()
    assert with_entries({name: name for name in shipped}, option) == (shipped, [])


def test_a_list_replaces_the_metrics_of_the_task():
    overrides = ["evaluation.metrics=[accuracy,mcc,top_3_accuracy]", "+evaluation.metrics.own=ece"]
    saved = compose([*BASE, *overrides]).saved["evaluation"]["metrics"]
    assert list(saved) == ["accuracy", "mcc", "top_3_accuracy", "own"]
    assert saved["mcc"] == MCC
    assert saved["top_3_accuracy"]["top_k"] == 3


def test_a_name_under_a_key_is_added_and_can_be_the_monitor(tmp_path):
    composed = compose([*BASE, "+evaluation.metrics.phi=mcc", "evaluation.monitor=val/phi"])
    assert composed.saved["evaluation"]["metrics"]["phi"] == MCC
    assert "val/accuracy" in monitored(composed.saved["evaluation"]["metrics"])
    (tmp_path / "saved.yaml").write_text(yaml.safe_dump(composed.saved))
    again = compose_from(tmp_path / "saved.yaml", ["evaluation.metrics.ece=ece"]).saved["evaluation"]["metrics"]
    assert again["phi"] == MCC
    assert again["ece"]["_target_"].startswith("tunesmith.")


def test_a_file_may_name_them_too(tmp_path):
    (tmp_path / "evaluation").mkdir()
    text = "monitor: val/mcc\nmetrics: [mcc, f1_weighted]\n"
    (tmp_path / "evaluation" / "mine.yaml").write_text(text)
    saved = compose([*BASE, "evaluation=mine"], config_dirs=[tmp_path]).saved
    assert list(saved["evaluation"]["metrics"]) == ["mcc", "f1_weighted"]
    (tmp_path / "experiment").mkdir()
    text = "# @package _global_\nevaluation: {metrics: {mcc: mcc}}\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    saved = compose([*BASE, "experiment=mine"], config_dirs=[tmp_path]).saved
    assert saved["evaluation"]["metrics"]["mcc"] == MCC
    assert "accuracy" in saved["evaluation"]["metrics"]


@pytest.mark.parametrize(
    ("overrides", "where", "parts"),
    [
        (
            "evaluation.metrics=[accuracy,f1_marco]",
            "f1_marco",
            ["no metric of this name", "mean f1_macro?", "balanced_acc"],
        ),
        ("+evaluation.metrics.mine=balnced_accuracy", "mine", ["Did you mean balanced_accuracy?"]),
        ("+evaluation.metrics.t=top5_accuracy", "t", ["Did you mean top_5_accuracy?", "top_<k>_accuracy"]),
        ("+evaluation.metrics.a=auroc", "a", ["Did you mean roc_auc?"]),
        ("evaluation.metrics=[accuracy,rmse]", "rmse", ["cannot be used with task=classification", "are accuracy,"]),
        ("evaluation.metrics=[accuracy,accuracy]", "", ["has a name twice"]),
        ("evaluation.metrics=[accuracy,3]", "", ["is a list of names", "3"]),
    ],
)
def test_a_name_that_is_unknown_or_of_another_task_is_the_one_problem(overrides, where, parts):
    with pytest.raises(ConfigError) as error:
        compose([*BASE, overrides])
    (problem,) = error.value.problems
    assert problem.where == f"evaluation.metrics.{where}".rstrip(".")
    assert all(part in str(problem) for part in parts), str(problem)


def test_a_list_without_the_monitor_is_refused_and_so_is_one_over_another_file(tmp_path):
    with pytest.raises(ConfigError, match=r"evaluation.monitor: is not a number that the run produces.*val/mcc"):
        compose([*BASE, "evaluation.metrics=[mcc]"])
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nevaluation: {metrics: [mcc]}\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:2 evaluation.metrics: a list cannot replace .*`mcc: mcc`"):
        compose([*BASE, "experiment=mine"], config_dirs=[tmp_path])


@pytest.mark.parametrize(("k", "labels"), [(1, "ab"), (2, "abc"), (2, "ab"), (5, "ab"), (3, "abc")])
def test_an_accuracy_of_the_best_k_of_no_more_labels_counts_every_answer_as_right_and_is_refused(k, labels):
    config = compose([*BASE, f"+evaluation.metrics.top=top_{k}_accuracy"]).config
    if k < len(labels):
        check_monitors(config, list(labels))
        return
    with pytest.raises(
        ConfigError, match=rf"metrics.top: counts every answer as right: the data has {len(labels)}"
    ) as error:
        check_monitors(config, list(labels))
    assert ("Take accuracy" in str(error.value)) == (len(labels) == 2)


def test_names_are_of_tasks():
    assert named_metric("top_12_accuracy", "classification")["top_k"] == 12
    assert all(named_metric(name, "multi_label") is None for name in ("top_3_accuracy", "mcc", "top_0_accuracy"))
    for option, entries in NAMED.items():
        for name, entry in entries.items():
            assert (named_metric(name, option) == entry) != (K in name)
