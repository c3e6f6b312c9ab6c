"""Runs that start from runs, and runs that are given away."""

import json
import re
import shutil
from pathlib import Path

import peft
import pytest
import torch
from conftest import tiny_overrides
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tunesmith import compose, load_model, load_run, train
from tunesmith.cli.main import main
from tunesmith.errors import ConfigError, FilesError
from tunesmith.inference.export import export
from tunesmith.models.groundwork import read_groundwork
from tunesmith.training.auto_values import decide
from tunesmith.training.warm_start import announce_start, start_of

TEXTS = ["a lovely film", "this awful and cold plot with one actor"]


def logits_of(network, tokenizer):
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        return network.eval()(**inputs).logits


@pytest.fixture(params=["finished", "finished_lora"])
def earlier(request):
    return request.getfixturevalue(request.param)


def test_a_run_starts_where_another_ended(earlier, tiny):
    """One step at a rate of almost nothing: the model is the earlier run's, to rounding."""
    overrides = ["model=from_run", f"model.from_run={earlier.path}", "optimizer.lr=1e-12", "trainer.max_steps=1"]
    record = train(compose([*tiny, *overrides]))
    before, after = load_model(earlier), load_model(record)
    expected = logits_of(before.network, before.tokenizer)
    assert torch.allclose(logits_of(after.network, after.tokenizer), expected, atol=1e-5)
    log = record.directory.log.read_text()
    assert f"starting from {earlier.path}" in log
    assert "optimizer.lr 0.0" in log
    assert " -> 1e-12; trainer.max_steps " in log
    assert record.results["num_trainable_parameters"] == record.results["num_parameters"]
    assert record.config["model"]["from_run"] == str(earlier.path)


@pytest.mark.slow
def test_an_adapter_on_a_run_with_an_adapter(finished_lora, tiny):
    overrides = ["model=from_run", f"model.from_run={finished_lora.path}", "method=lora", "trainer.max_epochs=1"]
    record = train(compose([*tiny, *overrides]))
    assert record.provenance["model"]["initial_weights_sha256"] != finished_lora.results["weights_sha256"]
    again = load_model(record)
    rows = record.predictions("val")
    from tunesmith.training.build import build_data, build_module, build_trainer

    config = decide(compose([*tiny, *overrides])).config
    data = build_data(config)
    module = build_module(config, again.network, data.labels)
    build_trainer(config, data, record.path, [], []).validate(module, datamodule=data, verbose=False)
    assert torch.allclose(module.outputs["val"].logits, torch.tensor([row["logits"] for row in rows]), atol=1e-5)


def said_at_the_start(earlier, labels, overrides, caplog):
    config = decide(compose([*overrides, "model=from_run", f"model.from_run={earlier.path}"])).config
    with caplog.at_level("INFO", logger="tunesmith"):
        announce_start(config, labels)
    return caplog.records[-1].getMessage().partition("); ")[2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([], "no other difference that can change a result"),
        (["data.num_workers=2", "run.name=x"], "no other difference that can change a result"),
        (["model.dropout=0.2"], "model.dropout null -> 0.2"),
        (
            ["seed=1", "data.order=random", "task.label_smoothing=0.1", "data.where.verdict=good"],
            "task.label_smoothing 0.0 -> 0.1; data.order bucketed -> random; data.where.verdict null -> good; "
            "seed 0 -> 1",
        ),
        (
            ["method=freeze", "method.frozen=[embeddings]"],
            "method.frozen [] -> [embeddings]; method.name full -> freeze",
        ),
    ],
)
def test_every_key_that_differs_from_the_earlier_run_is_told(finished, tiny, caplog, changes, said):
    assert said_at_the_start(finished, finished.labels, [*tiny, *changes], caplog) == said


def test_of_many_differences_the_first_are_told_and_how_many_more(finished, tiny, caplog):
    changes = [
        "method=lora",
        "optimizer=sgd",
        "scheduler=constant",
        "data.max_length=16",
        "callbacks=none",
        "trainer.max_steps=3",
    ]
    said = said_at_the_start(finished, ["bad", "fair", "good"], [*tiny, *changes], caplog)
    assert said.startswith(
        "labels [bad, good] -> [bad, fair, good]; data.max_length 32 -> 16; method._target_ null -> "
    )
    assert re.fullmatch(r"(\S+ .* -> .*?; ){12}and \d+ more", said)


def test_a_start_is_announced_though_a_variable_of_the_earlier_run_is_gone(finished, tiny, tmp_path, caplog):
    copied = Path(shutil.copytree(finished.path, tmp_path / "copied"))
    text = (copied / "config.yaml").read_text()
    (copied / "config.yaml").write_text(
        text.replace(f"path: {finished.config['data']['path']}", "path: ${oc.env:GONE}")
    )
    said = said_at_the_start(load_run(copied), finished.labels, tiny, caplog)
    assert "data.path ${oc.env:GONE} -> " in said


@pytest.mark.slow
def test_a_run_starts_from_a_head_of_ours_on_the_encoder_of_an_encoder_decoder(tiny):
    first = train(compose([*tiny, "model=tiny_seq2seq", "model.head.pooling=mean", "trainer.max_steps=2"]))
    overrides = ["model=from_run", f"model.from_run={first.path}", "optimizer.lr=1e-12", "trainer.max_steps=1"]
    second = train(compose([*tiny, *overrides]))
    then, now = (torch.tensor([row["logits"] for row in run.predictions("val")]) for run in (first, second))
    assert torch.allclose(then, now, atol=1e-5)


@pytest.mark.slow
def test_scales_under_a_head_of_several_layers_are_merged(tiny, tmp_path):
    record = train(compose([*tiny, "model=tiny_seq2seq", "method=ia3", "optimizer.lr=0.05", "trainer.max_steps=4"]))
    trained = load_model(record)
    expected = logits_of(trained.network, trained.tokenizer)
    merged = export(record, tmp_path / "merged", merge=True)
    whole = AutoModelForSequenceClassification.from_pretrained(merged)
    assert torch.allclose(logits_of(whole, AutoTokenizer.from_pretrained(merged)), expected, atol=1e-5)


@pytest.mark.slow
def test_what_cannot_be_started_from(tiny, tmp_path, finished_lora):
    with pytest.raises(FilesError, match="is not a run directory"):
        train(compose([*tiny, "model=from_run", f"model.from_run={tmp_path}"]))
    from tunesmith.training.networks import first_network

    writes = ["model=from_run", f"model.from_run={finished_lora.path}", "task.name=token_classification"]
    config = decide(compose([*tiny, *writes, "evaluation=token_classification"])).config
    with pytest.raises(
        ConfigError, match=r"with the head for task=classification.*received task=token_class"
    ) as refusal:
        first_network(config, ["a", "b"], read_groundwork(config.model))
    assert "nothing was started" not in str(refusal.value), "the weights are read when the run has its directory"
    prompted = train(compose([*tiny, "method=prompt", "trainer.max_steps=1"]))
    with pytest.raises(ConfigError, match="a prompt cannot be merged into the weights"):
        train(compose([*tiny, "model=from_run", f"model.from_run={prompted.path}", f"run.dir={tmp_path}/second"]))
    assert not (tmp_path / "second").exists()


@pytest.fixture(scope="module")
def on_saved_weights(finished, reviews_csv, cache_dir, tmp_path_factory):
    """A run that trained adapters on weights that are in a folder."""
    overrides = tiny_overrides(reviews_csv, cache_dir, tmp_path_factory.mktemp("on_saved_weights"))
    overrides += ["model=encoder", f"model.path={finished.directory.model}", "method=lora", "optimizer.lr=1e-2"]
    return train(compose([*overrides, "trainer.max_steps=4"]))


@pytest.mark.slow
def test_an_adapter_alone_finds_its_base_with_plain_peft(on_saved_weights, tmp_path):
    trained = load_model(on_saved_weights)
    alone = export(on_saved_weights, tmp_path / "alone", merge=False)
    plain = peft.AutoPeftModelForSequenceClassification.from_pretrained(alone)
    assert torch.allclose(logits_of(plain, trained.tokenizer), logits_of(trained.network, trained.tokenizer), atol=1e-5)
    assert 'library_name: "peft"' in (alone / "README.md").read_text()


def test_an_adapter_is_exported_in_its_base(finished_lora, tmp_path):
    trained = load_model(finished_lora)
    expected = logits_of(trained.network, trained.tokenizer)
    merged = export(finished_lora, tmp_path / "merged", merge=True)
    whole = AutoModelForSequenceClassification.from_pretrained(merged)
    assert torch.allclose(logits_of(whole, AutoTokenizer.from_pretrained(merged)), expected, atol=1e-5)
    assert whole.config.id2label == dict(enumerate(finished_lora.labels))
    assert 'library_name: "transformers"' in (merged / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("base", ["described", "another's architecture", "an earlier adapter's"])
def test_an_adapter_whose_base_nobody_else_has_is_exported_merged_only(
    base, finished, finished_lora, on_saved_weights, tiny, tmp_path, inside
):
    """Plain peft would find no base, or, worse, take the weights of that name for it."""
    models = {
        "another's architecture": ["model=encoder", f"model.path={finished.directory.model}", "model.init=random"],
        "an earlier adapter's": ["model=from_run", f"model.from_run={on_saved_weights.path}"],
    }
    record = finished_lora
    if base in models:
        record = train(compose([*tiny, *models[base], "method=lora", "optimizer.lr=1e-2", "trainer.max_steps=4"]))
    done = inside("export", record.path, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "--merge: is required: the weights under this adapter are saved nowhere" in done.stderr
    assert f"tunesmith export {record.path} --merge" in done.stderr
    assert not (tmp_path / "out").exists()
    assert inside("export", record.path, "--merge", "--output", tmp_path / "out").returncode == 0
    whole = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    trained = load_model(record)
    expected = logits_of(trained.network, trained.tokenizer)
    assert torch.allclose(logits_of(whole, trained.tokenizer), expected, atol=1e-5)


@pytest.mark.slow
def test_a_prompt_before_a_base_that_nobody_else_has_stays_with_its_run(tiny, tmp_path, inside):
    record = train(compose([*tiny, "method=prompt", "trainer.max_steps=1"]))
    for flags in ([], ["--merge"]):
        done = inside("export", record.path, "--output", tmp_path / "out", *flags)
        assert done.returncode == 2
        assert f"Use the run itself: tunesmith predict {record.path} INPUT" in done.stderr
        assert not (tmp_path / "out").exists()


def test_the_card_is_the_run_s_record(finished, tmp_path, capsys):
    assert main(["export", str(finished.path), "--output", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    for name, value in finished.metrics.items():
        assert f"| {name} | {value:.4f} |" in card
    for said in (finished.provenance["command"], finished.results["data_fingerprint"], "bad, good", "Seed 0"):
        assert said in card
    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == "bert"
    assert main(["export", str(finished.path), "--output", str(tmp_path / "out")]) == 5, "nothing is overwritten"


def test_a_head_that_would_be_passed_over_is_refused(tiny, finished):
    start = [*tiny, "model=from_run", f"model.from_run={finished.path}"]
    with pytest.raises(ConfigError, match=r"model\.head\.pooling: is taken from the run .*\(null\) \(received mean\)"):
        start_of(compose([*start, "model.head.pooling=mean"]).config)
    assert start_of(compose(start).config)["model", "head"]["pooling"] is None
