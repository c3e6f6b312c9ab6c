import json
from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification

from tunesmith.config.schema import Model
from tunesmith.config.trust import is_trusted, trusting
from tunesmith.errors import ConfigError, FilesError
from tunesmith.models.methods import apply_method, count_parameters
from tunesmith.models.partial.full import Full
from tunesmith.models.source import locate
from tunesmith.models.weights import load_network, load_skeleton, load_tokenizer, weights_sha256

BERT = {
    "model_type": "bert",
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
ARCHITECTURES = {
    "bert": BERT,
    "distilbert": {
        "model_type": "distilbert",
        "vocab_size": 60,
        "dim": 16,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 32,
    },
    "roberta": BERT | {"model_type": "roberta"},
    "gpt2": {"model_type": "gpt2", "vocab_size": 60, "n_embd": 16, "n_layer": 2, "n_head": 2},
    "t5": {"model_type": "t5", "vocab_size": 60, "d_model": 16, "d_ff": 32, "d_kv": 8, "num_layers": 2, "num_heads": 2},
}
LABELS = ["bad", "good"]


def tiny(architecture="bert", **fields):
    return Model(init="random", config=ARCHITECTURES[architecture], **fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained checkpoint of a bare encoder, as on the Hub."""
    path = tmp_path_factory.mktemp("checkpoint")
    load_network(tiny(), LABELS, seed=5).bert.save_pretrained(path)
    return path


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def equal(one, other):
    return {name for name in one if torch.equal(one[name], other[name])}


@pytest.mark.parametrize("rate", [0.0, 0.25])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_knob_sets_every_dropout(architecture, rate):
    network = load_network(tiny(architecture, dropout=rate), LABELS, seed=0)
    rates = {name: module.p for name, module in network.named_modules() if isinstance(module, torch.nn.Dropout)}
    assert rates
    assert set(rates.values()) == {rate}


def test_without_the_knob_rates_are_the_architecture_s_own():
    network = load_network(tiny(), LABELS, seed=0)
    assert {module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}


def test_zero_dropout_is_the_same_forward_in_both_modes():
    network = load_network(tiny(dropout=0.0), LABELS, seed=0)
    ids = torch.arange(12).reshape(2, 6)
    assert torch.equal(network.train()(input_ids=ids).logits, network.eval()(input_ids=ids).logits)


def test_pretrained_weights_arrive_in_training_mode(folder):
    """The trap: transformers answers in evaluation mode, and a Trainer keeps what it finds."""
    assert not BertForSequenceClassification.from_pretrained(folder).training
    network = load_network(Model(path=str(folder)), LABELS, seed=0)
    assert all(module.training for module in network.modules())


def test_the_head_depends_on_the_seed_and_nothing_else(folder):
    model = Model(path=str(folder))
    first = state(load_network(model, LABELS, seed=3))
    torch.manual_seed(12345)
    torch.rand(7)
    again = state(load_network(model, LABELS, seed=3))
    other = state(load_network(model, LABELS, seed=4))
    assert equal(first, again) == first.keys()
    assert first.keys() - equal(first, other) == {"classifier.weight"}, (
        "its bias starts at zero, the rest is pretrained"
    )


def test_a_head_for_other_labels_is_replaced(folder, tmp_path):
    load_network(Model(path=str(folder)), LABELS, seed=0).save_pretrained(tmp_path)
    network = load_network(Model(path=str(tmp_path)), ["a", "b", "c"], seed=0)
    assert network.classifier.out_features == 3
    assert network.config.id2label == {0: "a", 1: "b", 2: "c"}


def test_fields_of_the_architecture_can_be_set_and_unknown_ones_are_refused(folder):
    network = load_network(Model(path=str(folder), config={"num_hidden_layers": 1}), LABELS, seed=0)
    assert len(network.bert.encoder.layer) == 1
    with pytest.raises(ConfigError, match=r"model\.config\.num_layer: not a field of BertConfig"):
        load_network(Model(path=str(folder), config={"num_layer": 1}), LABELS, seed=0)


def test_a_folder_that_is_not_there_is_named_and_the_hub_not_asked(tmp_path):
    with pytest.raises(FilesError, match=r"model folder '\./nowhere' does not exist"):
        locate("./nowhere", "unused")
    with pytest.raises(FilesError, match=f"model folder '{tmp_path}/a/b' does not exist"):
        locate(f"{tmp_path}/a/b", "unused")
    with pytest.raises(FilesError, match=r"model file 'org/model\.gguf' does not exist"):
        locate("org/model.gguf", "unused")
    assert locate(str(tmp_path), "unused") == str(tmp_path)
    assert locate("org/name", "unused") == "org/name"


def test_a_pickle_is_refused_and_said_to_be_one(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(FilesError, match=r"holds its weights only as a pickle \(pytorch_model\.bin\)"):
        load_network(Model(path=str(tmp_path)), LABELS, seed=0)


@pytest.fixture
def with_own_code(folder, tmp_path):
    """A checkpoint whose architecture is Python code beside it."""
    load_network(Model(path=str(folder)), LABELS, seed=5).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {
        "AutoConfig": "own.OwnConfig",
        "AutoModelForSequenceClassification": "own.OwnModel",
    }
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "own"}))
    (tmp_path / "own.py").write_text(
        "from transformers import BertConfig, BertForSequenceClassification\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own'\n"
        "class OwnModel(BertForSequenceClassification):\n    config_class = OwnConfig\n"
    )
    return Model(path=str(tmp_path))


def test_code_of_a_model_runs_only_where_the_command_line_trusts_it(with_own_code):
    with pytest.raises(ConfigError, match=r"its own Python code.*--trust /"):
        load_network(with_own_code, LABELS, seed=0)
    with trusting(["other"]), pytest.raises(ConfigError, match="its own Python code"):
        load_network(with_own_code, LABELS, seed=0)
    with trusting([with_own_code.path]):
        assert type(load_network(with_own_code, LABELS, seed=0)).__name__ == "OwnModel"


def test_a_trusted_folder_may_be_named_as_seen_from_here(with_own_code, monkeypatch):
    folder = Path(with_own_code.path)
    monkeypatch.chdir(folder.parent)
    with trusting([folder.name]):
        assert is_trusted(folder.name)
        assert is_trusted(str(folder))
        assert not is_trusted(f"{folder}/other")
        assert type(load_skeleton(with_own_code, LABELS, task="classification")).__name__ == "OwnModel"
        with trusting(["other"]):
            assert is_trusted(str(folder)), "the inner names are trusted beside the outer ones"
    assert not is_trusted(str(folder))


def test_a_model_that_cannot_be_had_is_one_sentence(tmp_path):
    with pytest.raises(
        FilesError, match=r"cannot load 'some-org/no-such-model': no such folder, and no such model in the"
    ):
        load_network(Model(path="some-org/no-such-model"), LABELS, seed=0)
    with pytest.raises(FilesError, match="cannot load"):
        load_tokenizer(Model(path=str(tmp_path)))
    with pytest.raises(ConfigError, match=r"model\.tokenizer"):
        load_tokenizer(tiny())


def test_damaged_weights_are_a_files_error(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(FilesError, match=r"model\.safetensors has 100 bytes, but its header alone takes [\d,]+"):
        load_network(Model(path=str(tmp_path)), LABELS, seed=0)


def test_the_hash_sees_a_single_bit_names_shapes_and_types():
    network = load_network(tiny(), LABELS, seed=0)
    hashes = {weights_sha256(network)}
    assert {weights_sha256(network)} == hashes
    weight = network.classifier.weight.data
    weight.view(torch.int32)[1, 3] ^= 1
    hashes.add(weights_sha256(network))
    weight.view(torch.int32)[1, 3] ^= 1
    assert weights_sha256(network) in hashes
    assert len(hashes) == 2

    def of(**tensors):
        module = torch.nn.Module()
        for name, tensor in tensors.items():
            module.register_buffer(name, tensor)
        return weights_sha256(module)

    zeros = torch.zeros(2, 3)
    different = [
        of(a=zeros),
        of(b=zeros),
        of(a=zeros.T.contiguous()),
        of(a=-zeros),
        of(a=zeros.int()),
        of(a=zeros, b=zeros),
    ]
    assert len(set(different)) == len(different)
    assert of(a=zeros, b=zeros + 1) == of(b=zeros + 1, a=zeros)


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "roberta"])
def test_lora_trains_what_peft_says_and_leaves_the_base_alone(architecture):
    import peft

    plain_base = load_network(tiny(architecture), LABELS, seed=0)
    plain = peft.get_peft_model(plain_base, peft.LoraConfig(r=4, task_type=peft.TaskType.SEQ_CLS))
    base = load_network(tiny(architecture), LABELS, seed=0)
    before = state(base)
    network = apply_method(base, peft.LoraConfig(r=4), seed=0)
    assert count_parameters(network) == plain.get_nb_trainable_parameters()[::-1]

    trainable = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=1.0)
    network.config.pad_token_id = 0
    for _ in range(2):
        loss = network(input_ids=torch.ones(2, 5, dtype=torch.long), labels=torch.tensor([0, 1])).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    changed = [name for name, p in network.named_parameters() if p.requires_grad and p.grad.abs().sum() > 0]
    assert any("lora_B" in name for name in changed)
    after = {name.removeprefix("base_model.model.").replace("base_layer.", ""): p for name, p in state(network).items()}
    base_names = [name for name in before if not name.startswith(("classifier", "score"))]
    assert base_names
    assert equal({name: before[name] for name in base_names}, after) == set(base_names)


def test_an_adapter_starts_as_the_base_and_depends_on_the_seed():
    import peft

    ids = torch.arange(12).reshape(2, 6)
    base = load_network(tiny(dropout=0.0), LABELS, seed=0)
    expected = base(input_ids=ids).logits

    def adapted(seed):
        torch.rand(3)
        return apply_method(load_network(tiny(dropout=0.0), LABELS, seed=0), peft.LoraConfig(), seed)

    assert torch.allclose(adapted(0)(input_ids=ids).logits, expected, atol=1e-6)
    assert weights_sha256(adapted(0)) == weights_sha256(adapted(0)) != weights_sha256(adapted(1))


def test_modules_that_are_not_there_are_named_with_those_that_are():
    import peft

    with pytest.raises(ConfigError) as refusal:
        apply_method(load_network(tiny(), LABELS, 0), peft.LoraConfig(target_modules=["q_proj"]), 0)
    assert "method.target_modules: bert has no modules with these names (received ['q_proj'])" in str(refusal.value)
    assert "classifier, dense, key, query, value" in str(refusal.value)


def test_full_fine_tuning_is_the_network_itself():
    network = load_network(tiny(), LABELS, seed=0)
    assert apply_method(network, Full(), seed=0) is network
    total, trainable = count_parameters(network)
    assert total == trainable == sum(tensor.numel() for tensor in network.parameters())
