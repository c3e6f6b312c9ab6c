"""What a run leaves behind, from trainings of a second each."""

import json
import math

import pytest
import pytorch_lightning as pl
import torch
import yaml
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, f1_score

from tunesmith import compose, train
from tunesmith.errors import ConfigError, FilesError, TrainingError
from tunesmith.runs.ledger import FILE_NAME, looks
from tunesmith.tasks.registry import task_named
from tunesmith.training.callbacks.checkpoints import BEST, LAST, BestWeights

CONSTANT = ["scheduler=constant", "callbacks=none"]


@pytest.fixture
def run(tiny):
    return lambda *overrides: train(compose([*tiny, *overrides]))


def values(record, name):
    """The points of one curve: (step, value)."""
    return [(point["step"], point[name]) for point in record.curves() if name in point]


def leaves(node):
    if isinstance(node, dict):
        return [leaf for value in node.values() for leaf in leaves(value)]
    return [leaf for value in node for leaf in leaves(value)] if isinstance(node, list) else [node]


def test_the_directory_holds_what_was_promised(finished):
    names = {path.name for path in finished.path.iterdir()}
    promised = {"config.yaml", "provenance.json", "metrics.jsonl", "results.json", "predictions.jsonl", "model"}
    assert promised <= names
    assert [path.name for path in finished.directory.checkpoints.iterdir()] == [LAST]
    results = finished.results
    assert (results["status"], results["exit_code"], results["seed"]) == ("completed", 0, 0)
    assert results["num_rows"] == {"train": 59, "val": 8, "test": 8}
    assert results["steps"] == 2 * 8
    assert results["labels"] == ["bad", "good"]
    assert results["num_parameters"] == results["num_trainable_parameters"] > 1_000_000
    assert results["duration_s"] > 0 < results["train_samples_per_s"]
    assert 4 * results["num_parameters"] < results["peak_memory_mb"] * 1e6 < 1e11


def test_every_decision_is_in_the_saved_config(finished):
    saved = yaml.safe_load(finished.directory.config.read_text(encoding="utf-8"))
    assert saved["logger"].pop("mode") == "auto", "whether a server can be reached is no property of the run"
    assert saved["model"]["head"].pop("start") == "auto", "what became of each output is in the provenance"
    assert "auto" not in leaves(saved)
    assert saved["evaluation"]["mode"] == "max"
    assert saved["data"]["micro_batch_size"] == 8


def test_curves_have_a_point_per_step_and_per_validation(finished):
    assert [step for step, _ in values(finished, "train/loss")] == list(range(1, 17))
    assert [step for step, _ in values(finished, "val/accuracy")] == [8, 16]
    rates = [rate for _, rate in values(finished, "train/lr")]
    assert rates == sorted(rates[:2]) + sorted(rates[2:], reverse=True), "warm-up, then decay"
    assert max(rates) == pytest.approx(3e-3, rel=0.1)


def test_metrics_are_those_of_the_predictions(finished):
    for split in ("val", "test"):
        rows = finished.predictions(split)
        right, predicted = [row["label"] for row in rows], [row["prediction"] for row in rows]
        logits = torch.tensor([row["logits"] for row in rows])
        loss = torch.nn.functional.cross_entropy(
            logits, torch.tensor([["bad", "good"].index(label) for label in right])
        )
        assert predicted == [["bad", "good"][index] for index in logits.argmax(dim=1)]
        assert finished.metrics[f"{split}/accuracy"] == pytest.approx(accuracy_score(right, predicted))
        macro = f1_score(right, predicted, average="macro", zero_division=0)
        assert finished.metrics[f"{split}/f1_macro"] == pytest.approx(macro)
        assert finished.metrics[f"{split}/loss"] == pytest.approx(loss.item(), abs=1e-6)
        ids = [int(row["id"]) for row in rows]
        assert ids == sorted(ids), "in the order of the file"


@pytest.mark.slow
def test_the_best_weights_are_kept_though_later_ones_are_worse(run):
    record = run("evaluation.monitor=val/loss", "optimizer.lr=0.1", "trainer.max_epochs=5", *CONSTANT)
    losses = values(record, "val/loss")
    best_step, best = min(losses, key=lambda point: point[1])
    assert best_step < record.results["steps"] == losses[-1][0], "the case has a worse end"
    assert record.results["best_step"] == best_step
    assert record.metrics["val/loss"] == pytest.approx(best, rel=1e-6)
    assert_model_gives(record, plain_model(record))


def plain_model(record):
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(record.directory.model).eval()


def assert_model_gives(record, model):
    """The logits of `predictions.jsonl`, with plain transformers, the rows one at a time and 32 at a time."""
    from transformers import AutoTokenizer

    from tunesmith.config.composing.saved import resolve
    from tunesmith.data.splits import read_splits

    data = resolve(record.config).data
    splits = read_splits(data, task_named("classification"))
    tokenizer = AutoTokenizer.from_pretrained(record.directory.model)
    for split in ("val", "test"):
        texts = splits[split].texts
        expected = torch.tensor([row["logits"] for row in record.predictions(split)])
        for size in (1, 32):
            parts = [texts[start : start + size] for start in range(0, len(texts), size)]
            options = {"padding": True, "truncation": True, "max_length": data.max_length, "return_tensors": "pt"}
            with torch.no_grad():
                logits = torch.cat([model(**tokenizer(part, **options)).logits for part in parts])
            assert torch.allclose(logits, expected, atol=1e-5)


def test_the_model_loads_with_plain_transformers_and_gives_the_predictions(finished):
    model = plain_model(finished)
    assert model.config.id2label == {0: "bad", 1: "good"}
    assert_model_gives(finished, model)


def test_an_adapter_loads_with_plain_peft_and_gives_the_predictions(finished_lora):
    import peft

    from tunesmith.config.composing.saved import resolve
    from tunesmith.models.weights import load_network

    config = resolve(finished_lora.config)
    base = load_network(config.model, finished_lora.labels, config.seed)
    model = peft.PeftModel.from_pretrained(base, finished_lora.directory.model).eval()
    assert_model_gives(finished_lora, model)
    results = finished_lora.results
    assert results["num_trainable_parameters"] < 0.05 * results["num_parameters"]
    assert all(
        "lora" in name or "classifier" in name
        for name in load_file(finished_lora.directory.model / "adapter_model.safetensors")
    )


@pytest.mark.slow
def test_training_stops_early_when_the_monitor_stands_still(run):
    still = ["callbacks.early_stopping.patience=1", "optimizer.lr=1e-12", "trainer.max_epochs=9"]
    record = run("evaluation.monitor=val/accuracy", "scheduler=constant", *still)
    assert [step for step, _ in values(record, "val/accuracy")] == [8, 16]
    assert (record.results["steps"], record.results["best_step"]) == (16, 8)


@pytest.mark.slow
def test_a_run_that_ends_inside_an_epoch_is_validated_there(run):
    record = run("trainer.max_steps=3", "trainer.max_epochs=null")
    assert record.results["steps"] == record.results["best_step"] == 3
    assert "val/accuracy" in record.metrics
    assert len(record.predictions("val")) == 8


@pytest.mark.slow
def test_a_run_that_ends_inside_a_later_epoch_is_validated_there_too(run):
    record = run("trainer.max_steps=11", "trainer.max_epochs=null", "evaluation.monitor=val/loss")
    assert [step for step, _ in values(record, "val/loss")] == [8, 11]


@pytest.mark.slow
def test_a_plateau_schedule_lowers_the_rate(run):
    record = run(
        "scheduler=plateau", "scheduler.patience=0", "callbacks=none", "optimizer.lr=1e-12", "trainer.max_epochs=3"
    )
    rates = [rate for _, rate in values(record, "train/lr")]
    assert (rates[0], rates[-1]) == (pytest.approx(1e-12), pytest.approx(0.5e-12))


@pytest.mark.slow
def test_a_plateau_schedule_survives_a_run_without_a_whole_epoch(run):
    assert run("scheduler=plateau", "trainer.max_steps=3", "trainer.max_epochs=null").results["steps"] == 3


@pytest.mark.slow
def test_without_test_rows_there_is_no_look(run, tmp_path):
    record = run("data.split.test_fraction=0", "trainer.max_epochs=1")
    assert not any(name.startswith("test/") for name in record.metrics)
    assert {row["split"] for row in record.predictions()} == {"val"}
    assert not (tmp_path / "runs" / FILE_NAME).exists()


@pytest.mark.slow
def test_a_run_told_not_to_look_neither_looks_nor_reads_test_texts(run, tmp_path, monkeypatch):
    from tunesmith.data import datamodule

    seen = []
    original = datamodule.encode
    monkeypatch.setattr(datamodule, "encode", lambda rows, *rest: seen.append(len(rows)) or original(rows, *rest))
    record = run("evaluation.test=false", "trainer.max_epochs=1")
    assert seen == [59, 8], "the training rows, then those of validation"
    assert record.results["num_rows"]["test"] == 8
    assert {row["split"] for row in record.predictions()} == {"val"}
    assert not (tmp_path / "runs" / FILE_NAME).exists()


@pytest.mark.slow
def test_every_look_is_in_the_ledger(run, tmp_path):
    first, second = run("trainer.max_steps=1"), run("trainer.max_steps=1", "seed=1")
    found = looks(tmp_path / "runs", first.results["data_fingerprint"])
    assert [look["run"] for look in found] == [str(first.path), str(second.path)]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_with_step_and_rows(run, tmp_path):
    with pytest.raises(TrainingError) as failure:
        run(
            "optimizer=sgd",
            "optimizer.lr=1e30",
            "trainer.gradient_clip_val=null",
            "run.dir=" + str(tmp_path / "r"),
            *CONSTANT,
        )
    assert failure.value.exit_code == 4
    assert "at step" in str(failure.value)
    assert "training rows with id " in str(failure.value)
    results = json.loads((tmp_path / "r" / "results.json").read_text())
    assert (results["status"], results["exit_code"]) == ("failed", 4)
    assert "the loss is" in results["reason"]


@pytest.mark.slow
def test_weights_that_the_last_step_ruins_end_the_run_with_step_and_rows(run):
    ruin = ["optimizer=sgd", "optimizer.lr=1e30", "trainer.gradient_clip_val=null", "trainer.max_steps=1"]
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1 \(validation rows with id \d+(, \d+){7}\)"):
        run(*ruin, *CONSTANT)


WITH_WORDS = ["model=tiny_causal", "model.head.words.bad=bad"]


@pytest.mark.parametrize(
    ("overrides", "where", "found_late"),
    [
        (["task.class_weights=[1,2,3]"], "task.class_weights", False),
        (WITH_WORDS, "model.head.words.good", True),
        (["optimizer.betas=[2,2]"], "optimizer", False),
        (["data.max_length=9999"], "data.max_length", False),
        ([*WITH_WORDS, "model=tiny_encoder"], "model.head.words", False),
    ],
)
def test_nothing_is_said_not_to_have_started_where_a_directory_is_left(run, tmp_path, overrides, where, found_late):
    """What the data, the weights or an object of torch's refuses is found in the run's own directory."""
    with pytest.raises(ConfigError) as refusal:
        run(*overrides)
    assert (tmp_path / "runs").exists() == found_late
    count = "1 problem in the configuration" + ("" if found_late else ", nothing was started")
    assert str(refusal.value).startswith(f"{count}:\n  1. {where}: ")


NOISE = """
import random
import numpy, pytorch_lightning, torch

class Noise(pytorch_lightning.Callback):
    def _draw(self, *args, **kwargs):
        random.random(), numpy.random.rand(3), torch.rand(3)

    on_train_start = on_train_epoch_start = on_train_batch_end = on_validation_batch_end = _draw
"""


@pytest.mark.slow
def test_other_users_of_random_numbers_change_nothing(run, tiny, finished, tmp_path, monkeypatch):
    (tmp_path / "noise_of_mine.py").write_text(NOISE)
    monkeypatch.syspath_prepend(tmp_path)
    torch.manual_seed(77)
    noisy = compose(
        [*tiny, "+callbacks.noise._target_=noise_of_mine.Noise", "data.num_workers=2"], trust=["noise_of_mine"]
    )
    record = train(noisy)
    assert record.results["weights_sha256"] == finished.results["weights_sha256"]
    assert record.metrics == finished.metrics


@pytest.mark.slow
def test_another_seed_is_another_run_on_the_same_split(run, finished):
    record = run("seed=1")
    assert record.results["weights_sha256"] != finished.results["weights_sha256"]
    assert record.results["data_fingerprint"] == finished.results["data_fingerprint"]
    assert [row["id"] for row in record.predictions()] == [row["id"] for row in finished.predictions()]


@pytest.mark.slow
def test_evaluation_s_batch_size_changes_no_result(run, finished):
    record = run("data.eval_batch_size=3")
    assert record.results["weights_sha256"] == finished.results["weights_sha256"]
    assert record.metrics == pytest.approx(finished.metrics, abs=1e-5)


@pytest.mark.slow
def test_micro_batches_give_the_same_run_without_dropout(run):
    plain = ["model.dropout=0", "optimizer=sgd", "optimizer.lr=0.05", "trainer.max_epochs=1"]
    whole, parts = run(*plain), run(*plain, "data.micro_batch_size=2")
    assert whole.results["steps"] == parts.results["steps"] == 8
    first, second = (load_file(record.directory.model / "model.safetensors") for record in (whole, parts))
    assert max((first[name] - second[name]).abs().max().item() for name in first) < 1e-6


@pytest.mark.slow
def test_bf16_with_a_fused_optimizer_and_clipping_trains(run):
    record = run("trainer.precision=bf16-mixed", "trainer.gradient_clip_val=0.5", "trainer.max_epochs=1")
    assert record.config["optimizer"]["fused"] is True
    assert all(math.isfinite(value) for _, value in values(record, "train/grad_norm"))
    assert {tensor.dtype for tensor in load_file(record.directory.model / "model.safetensors").values()} == {
        torch.float32
    }


def test_the_last_checkpoint_loads_without_running_code(finished):
    checkpoint = torch.load(finished.directory.checkpoints / LAST, weights_only=True)
    assert checkpoint["global_step"] == 16
    assert any(name.startswith("network.") for name in checkpoint["state_dict"])


def test_best_weights_that_are_gone_or_damaged_are_a_files_error(tmp_path):
    best = BestWeights(tmp_path, "val/loss", "min")
    with pytest.raises(FilesError, match="cannot read the best weights"):
        best.restore(torch.nn.Linear(2, 2))
    (tmp_path / BEST).write_bytes(b"\xff" * 20)
    with pytest.raises(FilesError, match="cannot read the best weights"):
        best.restore(torch.nn.Linear(2, 2))


@pytest.mark.slow
def test_data_and_module_work_with_a_trainer_of_one_s_own(tiny, tmp_path):
    """As in Python: our parts, a plain `pl.Trainer` with its own checkpoints."""
    from tunesmith.training.auto_values import decide
    from tunesmith.training.build import build_data, build_module, build_network

    config = decide(compose([*tiny, "data.micro_batch_size=4"])).config
    data = build_data(config)
    module = build_module(config, build_network(config, data.labels), data.labels)
    before = module.network.classifier.weight.clone()
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        accumulate_grad_batches=data.accumulate_grad_batches,
        default_root_dir=tmp_path,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, datamodule=data)
    assert trainer.global_step == 16
    assert not torch.equal(module.network.classifier.weight, before)
    (metrics,) = trainer.test(module, datamodule=data, verbose=False)
    assert metrics["test/accuracy"] == pytest.approx(module.outputs["test"].metrics["test/accuracy"])
    assert module.outputs["test"].logits.shape == (8, 2)
