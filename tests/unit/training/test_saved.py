"""What a run measured, its folder, its merged export and the run that starts from it: one and the same model."""

import csv
import itertools

import pytest
import torch
from conftest import tiny_overrides
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from tunesmith import compose, train
from tunesmith.inference.export import export

CALLBACKS = "pytorch_lightning.callbacks"
AVERAGES = {
    "last": [],
    "ema": [f"+callbacks.a._target_={CALLBACKS}.EMAWeightAveraging", "+callbacks.a.decay=0.8"],
    "mean": [f"+callbacks.a._target_={CALLBACKS}.WeightAveraging"],
}
METHODS = {
    "full": [],
    "head_only": ["method=head_only"],
    "lora": ["method=lora"],
    "dora": ["method=lora", "method.use_dora=true"],
    "ia3": ["method=ia3"],
    "prompt": ["method=prompt"],
    "lora on the output": ["method=lora", "method.target_modules=[lm_head]"],
    "lora on the input": ["method=lora", "method.target_modules=[embed_tokens]"],
}
TASKS = {
    "classification": [],
    "language_modeling": ["task=language_modeling", "data.text_column=review"],
    "text_to_text": ["task=text_to_text", "data.target_column=verdict", "data.max_target_length=4"],
}
WRITES = {"tiny_encoder": (), "tiny_causal": ("language_modeling", "text_to_text"), "tiny_seq2seq": ("text_to_text",)}
QUICK = {
    ("tiny_encoder", "classification", "lora", "ema"),
    ("tiny_causal", "language_modeling", "lora on the input", "mean"),
    ("tiny_seq2seq", "text_to_text", "lora on the output", "last"),
}


def fits(family, task, method):
    """Whether there is such a run: outputs and prompts are where the architecture has them."""
    if task == "classification":
        return "on the" not in method and (method != "prompt" or family == "tiny_encoder")
    return task in WRITES[family] and method != "head_only" and (method != "prompt" or family == "tiny_causal")


CASES = [
    pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow, id="-".join(case))
    for case in itertools.product(WRITES, TASKS, METHODS, AVERAGES)
    if fits(*case[:3])
]


def run_of(given, *overrides):
    return train(compose([*tiny_overrides(*given), *overrides]))


def texts_of(record):
    with open(record.config["data"]["path"], encoding="utf-8", newline="") as file:
        return {str(i): row["review"] for i, row in enumerate(csv.DictReader(file))}


def hold(folder, record, task):
    """Plain transformers on a folder against the run's predictions."""
    texts, tokenizer = texts_of(record), AutoTokenizer.from_pretrained(folder)
    kinds = {"classification": AutoModelForSequenceClassification, "language_modeling": AutoModelForCausalLM}
    network = kinds[task].from_pretrained(folder).eval()
    for row in record.predictions():
        encoded = tokenizer(texts[row["id"]], truncation=True, max_length=32, return_tensors="pt")
        with torch.no_grad():
            logits = network(input_ids=encoded["input_ids"]).logits[0]
        if task == "classification":
            assert logits.tolist() == pytest.approx(row["logits"], abs=1e-4)
            assert network.config.id2label[int(logits.argmax())] == row["prediction"]
        else:
            ids = encoded["input_ids"][0, 1:]
            loss = torch.nn.functional.cross_entropy(logits[:-1], ids).item()
            assert (row["loss"], row["num_tokens"]) == (pytest.approx(loss, rel=1e-4), len(ids))


@pytest.mark.slow
@pytest.mark.parametrize(("family", "task", "method", "average"), CASES)
def test_saved_is_measured(family, task, method, average, reviews_csv, cache_dir, tmp_path):
    given = (reviews_csv, cache_dir, tmp_path)
    kind = [f"model={family}", *TASKS[task]]
    record = run_of(given, *kind, *METHODS[method], *AVERAGES[average], "optimizer.lr=1e-2", "trainer.max_steps=6")
    assert record.results["saved_difference"] <= 1e-4
    adapter = (record.directory.model / "adapter_config.json").is_file()
    folder = record.directory.model
    if method == "prompt":
        return  # it stays with its run: neither merged nor started from
    if adapter:
        folder = export(record, tmp_path / "merged", merge=True)
    if task in ("classification", "language_modeling"):
        hold(folder, record, task)
    onward = ["model=from_run", f"model.from_run={record.path}", "optimizer.lr=1e-12", "trainer.max_steps=1"]
    second = run_of(given, *TASKS[task], *onward)
    first = {name: value for name, value in record.metrics.items() if name.startswith("val/")}
    assert {name: second.metrics[name] for name in first} == pytest.approx(first, rel=1e-4)
