"""Heads of ours: pooling against plain loops, folders that plain transformers reads, and whole runs."""

import pytest
import torch
from transformers import AutoModel, AutoModelForTextEncoding

from tunesmith import compose, load_model, train
from tunesmith.config.schema import Head
from tunesmith.errors import ConfigError
from tunesmith.models.heads import PooledNetwork, pool
from tunesmith.models.weights import load_network, load_tokenizer

FAMILIES = ("tiny_encoder", "tiny_causal", "tiny_seq2seq")


@pytest.mark.parametrize("pooling", ["mean", "last", "cls"])
def test_pooling_sees_tokens_only(pooling):
    hidden = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 1]])
    plain = []
    for row, keep in zip(hidden, mask.bool(), strict=True):
        tokens = row[keep]
        plain.append({"mean": tokens.mean(dim=0), "last": tokens[-1], "cls": tokens[0]}[pooling])
    assert torch.allclose(pool(hidden, mask, pooling), torch.stack(plain), atol=1e-6)


@pytest.mark.parametrize("option", FAMILIES)
def test_padding_changes_no_logits(option):
    model = compose([f"model={option}", "model.head.pooling=mean", "model.dropout=0.0"]).config.model
    tokenizer = load_tokenizer(model)
    network = load_network(model, ["a", "b"], seed=0, pad_token_id=tokenizer.pad_token_id).eval()
    texts = ["a quiet film", "a long and loud film about nothing at all"]
    options = {"return_tensors": "pt", "return_token_type_ids": False}
    with torch.inference_mode():
        together = network(**tokenizer(texts, padding=True, **options)).logits
        for text, expected in zip(texts, together, strict=True):
            assert torch.allclose(network(**tokenizer(text, **options)).logits[0], expected, atol=1e-5)


def test_hidden_layers_and_dropout():
    model = compose(["model=tiny_encoder", "model.dropout=0.3"]).config.model
    backbone = load_network(model, ["a", "b", "c"], 0).bert
    network = PooledNetwork(backbone, Head(pooling="cls", hidden=[7, 5]), dropout=0.3)
    widths = [(m.in_features, m.out_features) for m in network.head if isinstance(m, torch.nn.Linear)]
    assert widths == [(32, 7), (7, 5), (5, 3)]
    assert {m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)} == {0.3}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "method"), [("tiny_encoder", "full"), ("tiny_causal", "lora"), ("tiny_seq2seq", "head_only")]
)
def test_a_run_with_our_head(tiny, option, method):
    overrides = [f"model={option}", f"method={method}", "model.head.pooling=mean", "model.head.hidden=[8]"]
    record = train(compose([*tiny, *overrides, "trainer.max_epochs=1"]))
    trained = load_model(record.path)
    folder = record.directory.model
    if method == "lora":
        assert {"adapter_model.safetensors", "adapter_config.json"} <= {file.name for file in folder.iterdir()}
    else:
        assert (folder / "head.safetensors").is_file()
        plain = (AutoModelForTextEncoding if "seq2seq" in option else AutoModel).from_pretrained(folder)
        ours = trained.network.backbone.state_dict()
        assert all(torch.equal(tensor, ours[name]) for name, tensor in plain.state_dict().items())
        assert not [file.name for file in folder.iterdir() if file.suffix == ".py"]
    from tunesmith.inference.predict import predict

    rows = record.predictions("test")
    texts = {str(i): row["review"] for i, row in enumerate(_rows(record))}
    for row, answer in zip(rows, predict(trained, [texts[row["id"]] for row in rows]), strict=True):
        probabilities = torch.tensor(row["logits"]).softmax(dim=0)
        assert list(answer["probabilities"].values()) == pytest.approx(probabilities.tolist(), abs=1e-5)


def _rows(record):
    import csv

    with open(record.config["data"]["path"], encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model.head.hidden=[8]"], "needs Tunesmith's head"),
        (["model.head.pooling=max"], "model.head.pooling"),
        (["model.head.pooling=mean", "method=prompt"], "method=prompt needs the architecture's own head"),
    ],
)
def test_keys_that_do_not_go_together(overrides, said):
    with pytest.raises(ConfigError) as refusal:
        compose(overrides)
    assert said in str(refusal.value)
