"""What a head's outputs start from: decisions by name, and logits of every architecture that keep their meaning."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertForMaskedLM,
)

from tunesmith.config.schema import Head, Model
from tunesmith.errors import ConfigError, FilesError
from tunesmith.models.head_start import TrainedHead, head_start
from tunesmith.models.weights import load_network

SMALL = {"vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
ARCHITECTURES = {
    "bert": SMALL,
    "distilbert": {"vocab_size": 60, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "roberta": SMALL | {"max_position_embeddings": 40},
    "electra": SMALL | {"embedding_size": 16},
    "deberta-v2": SMALL,
    "modernbert": SMALL
    | {"pad_token_id": 0, "eos_token_id": 2, "bos_token_id": 1, "cls_token_id": 1, "sep_token_id": 2},
    "xlnet": {"vocab_size": 60, "d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32},
    "gpt2": {"vocab_size": 60, "n_embd": 16, "n_layer": 2, "n_head": 2, "pad_token_id": 0},
    "llama": SMALL | {"num_key_value_heads": 1, "pad_token_id": 0},
    "qwen2": SMALL | {"num_key_value_heads": 1, "pad_token_id": 0},
    "t5": {"vocab_size": 60, "d_model": 16, "d_ff": 32, "d_kv": 8, "num_layers": 2, "num_heads": 2, "eos_token_id": 2}
    | {"pad_token_id": 0, "decoder_start_token_id": 0},
    "bart": {"vocab_size": 60, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    | {"decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "eos_token_id": 2, "pad_token_id": 0}
    | {"decoder_start_token_id": 2, "bos_token_id": 1},
}
TAGGERS = ("bert", "distilbert", "roberta", "electra", "deberta-v2", "modernbert")
NAMES = ["Bad", "fair ", "good"]
"""The labels of a checkpoint, in the order of its outputs."""
IDS = torch.tensor([[5, 9, 11, 30, 2], [7, 8, 50, 59, 2]])


def checkpoint(folder, architecture, names=NAMES, auto=AutoModelForSequenceClassification, **fields):
    """A folder of plain transformers, with biases that tell its outputs apart."""
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    config = AutoConfig.for_model(architecture, **ARCHITECTURES[architecture], **labels, **fields)
    torch.manual_seed(0)
    network = auto.from_config(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.eval().save_pretrained(folder)
    return str(folder)


def logits_of(network, ids=IDS):
    with torch.inference_mode():
        return network.eval()(input_ids=ids).logits


def loaded(folder, labels, task="classification", **head):
    return load_network(Model(path=folder, head=Head(**head)), labels, seed=0, task=task)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_outputs_of_every_architecture_go_with_their_names(architecture, tmp_path):
    folder = checkpoint(tmp_path, architecture)
    expected = logits_of(AutoModelForSequenceClassification.from_pretrained(folder))
    moved = loaded(folder, ["good", "bad", "fair"])
    assert torch.equal(logits_of(moved), expected[:, [2, 0, 1]])
    assert moved.config.id2label == {0: "good", 1: "bad", 2: "fair"}
    assert moved.head_start.record() == {"start": "moved", "outputs": [2, 0, 1], "checkpoint_labels": NAMES}
    moved.save_pretrained(tmp_path / "again")
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "again")
    assert torch.equal(logits_of(plain), expected[:, [2, 0, 1]])
    assert plain.config.id2label == {0: "good", 1: "bad", 2: "fair"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_new_outputs_of_every_architecture_are_drawn_as_it_draws_them(architecture, tmp_path):
    """Other names: nothing of the old outputs is left, and the rest is."""
    folder = checkpoint(tmp_path, architecture)
    old = AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
    one, again = (loaded(folder, ["x", "y", "z"]).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one), "drawn from the seed"
    changed = {name for name in old if not torch.equal(one[name], old[name])}
    shaped = {name for name, tensor in old.items() if tensor.shape[:1] == (3,)}
    assert changed == shaped
    assert all(one[name].std() < 0.5 and one[name].isfinite().all() for name in changed if name.endswith("weight"))
    added = loaded(folder, ["bad", "fair", "good", "grand"], start="keep")
    assert torch.allclose(
        logits_of(added)[:, :3], logits_of(AutoModelForSequenceClassification.from_pretrained(folder)), atol=1e-6
    )
    assert logits_of(added).shape == (2, 4)


@pytest.mark.parametrize("architecture", TAGGERS)
def test_tags_go_with_their_names_too(architecture, tmp_path):
    names = ["B-PER", "O", "I-PER"]
    folder = checkpoint(tmp_path, architecture, names, AutoModelForTokenClassification)
    expected = logits_of(AutoModelForTokenClassification.from_pretrained(folder))
    moved = loaded(folder, ["B-PER", "I-PER", "O"], "token_classification")
    assert torch.equal(logits_of(moved), expected[..., [0, 2, 1]])


def of(*labels, problem=None, kinds=("BertForSequenceClassification",)):
    return TrainedHead(tuple(labels), problem, kinds)


@pytest.mark.parametrize(
    ("trained", "labels", "wanted", "start", "rows", "said"),
    [
        (of("a", "b"), ["a", "b"], "auto", "kept", (0, 1), None),
        (of("B ", "A"), ["a", "b"], "auto", "moved", (1, 0), "each output is moved to its own label"),
        (of("A", "B"), ["a", "b"], "auto", "kept", (0, 1), "taken to be the same"),
        (of("a", "A"), ["A", "a"], "auto", "moved", (1, 0), "moved"),
        (of("happy", "unhappy"), ["a", "b"], "auto", "new", (None, None), "unhappy as b): model.head.start=keep"),
        (of("happy", "unhappy"), ["a", "b"], "keep", "moved", (0, 1), "happy as a, unhappy as b"),
        (of("a", "b"), ["b", "c"], "auto", "new", (None, None), "(b as b, a as c)"),
        (of("a", "b"), ["b", "c"], "keep", "moved", (1, 0), "kept as requested"),
        (of("a", "b", "c"), ["b", "d"], "keep", "moved", (1, None), "b as b, a new one as d"),
        (of("a", "b", "c"), ["a", "b"], "auto", "new", (None, None), "is for 3 labels (a, b, c), and the"),
        (of("a", "b"), ["a", "b"], "new", "new", (None, None), "re-initialised"),
        (of("LABEL_0", "LABEL_1"), ["0", "1"], "auto", "kept", (0, 1), "taken to be the same"),
        (of("LABEL_0", "LABEL_1"), ["1", "2"], "auto", "new", (None, None), "LABEL_0 as 1"),
        (of("LABEL_0", "LABEL_1"), ["bad", "good"], "auto", "new", (None, None), "model.head.start=keep"),
        (of("LABEL_0", "LABEL_1"), ["bad", "good"], "keep", "moved", (0, 1), "LABEL_0 as bad, LABEL_1 as good"),
        (of("a", "b", kinds=("BertForTokenClassification",)), ["a", "b"], "auto", "new", (None, None), "of words"),
        (of("LABEL_0"), ["a", "b"], "auto", "new", (None, None), "and the data has 2 labels (a, b)"),
    ],
)  # fmt: skip
def test_what_becomes_of_outputs(trained, labels, wanted, start, rows, said):
    found = head_start(trained, labels, "classification", wanted)
    assert (found.start, found.rows) == (start, rows)
    assert found.surprising == (start == "new" and wanted == "auto")
    assert found.sentence is None if said is None else said in found.sentence


@pytest.mark.parametrize(
    ("trained", "task", "start"),
    [
        (of("LABEL_0"), "regression", "kept"),
        (of("stars", problem="regression"), "regression", "kept"),
        (of("a", "b", problem="single_label_classification"), "regression", "new"),
        (of("only", problem="multi_label_classification"), "regression", "new"),
        (of("score", problem="regression"), "classification", "new"),
    ],
)
def test_numbers_and_labels_are_no_start_for_one_another(trained, task, start):
    found = head_start(trained, ["score"], task, "auto")
    assert found.start == start
    assert (found.sentence is None) == (start == "kept")


def test_a_head_of_which_nothing_can_be_kept_is_not_kept():
    with pytest.raises(ConfigError, match=r"no output can be kept: the checkpoint's head is for 3 labels \(a, b, c\)"):
        head_start(of("a", "b", "c"), ["x", "y"], "classification", "keep")


labels_of = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True)


@given(labels_of, labels_of, st.sampled_from(["auto", "keep"]))
def test_an_output_is_never_given_to_another_label_than_its_own_unasked(before, now, wanted):
    trained = TrainedHead(tuple(before), "single_label_classification")
    try:
        start = head_start(trained, now, "classification", wanted)
    except ConfigError:
        assert wanted == "keep"
        assert not set(before) & set(now)
        return
    taken = [row for row in start.rows if row is not None]
    assert len(set(taken)) == len(taken), "no output serves twice"
    for label, row in zip(now, start.rows, strict=True):
        if row is not None and label in before:
            assert before[row] == label
        if row is not None and before[row] != label:
            assert wanted == "keep"
            assert len(before) == len(now)
    if sorted(before) == sorted(now):
        assert [before[row] for row in start.rows] == now
    elif wanted == "auto":
        assert taken == []
        assert start.surprising


@pytest.fixture
def folder(tmp_path):
    return checkpoint(tmp_path, "bert")


def test_what_a_checkpoint_lacks_or_has_too_much_is_told(folder, caplog):
    weights = load_file(f"{folder}/model.safetensors")
    layer = {name for name in weights if ".layer.1." in name}
    save_file({name: tensor for name, tensor in weights.items() if name not in layer}, f"{folder}/model.safetensors")
    with pytest.raises(FilesError) as refusal:
        loaded(folder, NAMES)
    assert f"{len(layer)} of the network's weights are missing from {folder}: bert.encoder.layer" in str(refusal.value)
    assert "model.init=random" in str(refusal.value)
    asked = Model(path=folder, config={"num_hidden_layers": 2})
    load_network(asked, NAMES, 0)
    assert "They are initialised from the seed, because model.config changes" in caplog.text
    renamed = {f"wrapped.{name}": tensor for name, tensor in weights.items()}
    save_file(renamed, f"{folder}/model.safetensors")
    with pytest.raises(FilesError, match=rf"It has {len(weights)} under other names \(wrapped.bert.embeddings"):
        loaded(folder, NAMES)


def test_a_layer_that_has_no_place_is_told(folder, caplog):
    config = Path(folder) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_hidden_layers": 1}))
    loaded(folder, NAMES)
    assert "16 weights of " in caplog.text
    assert "do not belong to this network: bert.encoder.layer.1." in caplog.text


def test_a_checkpoint_without_a_head_says_so_and_a_foreign_head_is_left_out(tmp_path, caplog):
    config = AutoConfig.for_model("bert", **SMALL)
    BertForMaskedLM(config).save_pretrained(tmp_path)
    with caplog.at_level("INFO", logger="tunesmith"):
        network = loaded(str(tmp_path), ["a", "b"])
    assert "no head for this task: classifier.weight, classifier.bias are initialised from the seed" in caplog.text
    assert "not loaded, because this network has no such modules: cls.predictions" in caplog.text
    assert network.head_start.start == "drawn"
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    with pytest.raises(ConfigError, match="has no head for this task to keep"):
        loaded(str(tmp_path), ["a", "b"], start="keep")


def test_a_head_of_ours_moves_its_outputs(folder, tmp_path):
    head = {"pooling": "mean", "hidden": [8]}
    first = load_network(Model(path=folder, head=Head(**head)), ["a", "b", "c"], seed=1)
    first.save_pretrained(tmp_path / "ours")
    expected = first.eval()(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits

    def logits(labels, **more):
        network = loaded(str(tmp_path / "ours"), labels, **head | more).eval()
        return network(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits

    assert torch.equal(logits(["C", "a", "b"]), expected[:, [2, 0, 1]])
    assert torch.equal(logits(["b", "x"], start="keep")[:, 0], expected[:, 1])
    assert not torch.allclose(logits(["x", "y", "z"]), expected)
    assert torch.equal(logits(["x", "y", "z"], start="keep"), expected)
    assert not torch.allclose(logits(["a", "b", "c"], pooling="cls"), expected)
