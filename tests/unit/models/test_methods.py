"""What each method trains: real steps through the run's own parts, frozen bits compared, counts against peft's."""

import peft
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from tunesmith import compose
from tunesmith.config.schema import Method, Model
from tunesmith.errors import ConfigError
from tunesmith.models.anatomy import anatomy, head_modules
from tunesmith.models.methods import apply_method, count_parameters
from tunesmith.models.partial.gradual import Gradual
from tunesmith.models.weights import load_network
from tunesmith.training.auto_values import decide
from tunesmith.training.build import build_data, build_module, build_network, build_trainer
from tunesmith.training.instantiate import build_method

LABELS = ["bad", "good"]
FAMILIES = ("tiny_encoder", "tiny_causal", "tiny_seq2seq")
BERT_LAYER = r"bert\.encoder\.layer\.\d+\."

SMALL = {
    "distilbert": {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32, "vocab_size": 60},
    "gpt2": {"n_embd": 16, "n_layer": 3, "n_head": 2, "vocab_size": 60, "pad_token_id": 0},
    "modernbert": {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "vocab_size": 60,
        "pad_token_id": 0,
    },
    "opt": {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "ffn_dim": 32,
        "vocab_size": 60,
        "word_embed_proj_dim": 16,
    },
}


def small(architecture):
    return load_network(Model(init="random", config={"model_type": architecture, **SMALL[architecture]}), LABELS, 0)


@pytest.fixture
def trained(tiny):
    """Train a few real steps; answers with the names whose bits changed, those that did not, and the network."""

    def run(*overrides, steps=6):
        composed = decide(compose([*tiny, f"trainer.max_steps={steps}", "optimizer.lr=0.05", *overrides]))
        config = composed.config
        data = build_data(config)
        network = build_network(config, data.labels)
        before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
        module = build_module(config, network, data.labels)
        build_trainer(config, data, ".", [], []).fit(module, datamodule=data)
        after = dict(network.named_parameters())
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        return changed, before.keys() - changed, network

    return run


def depths(network, names):
    parts = anatomy(network)
    return {parts.depth(name) for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_head_only(trained, model):
    changed, frozen, network = trained(f"model={model}", "method=head_only")
    assert depths(network, changed) == {anatomy(network).top}
    assert depths(network, frozen) == set(range(anatomy(network).top))
    assert {name for name, p in network.named_parameters() if p.requires_grad} == changed


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_last_layers(trained, model):
    changed, frozen, network = trained(f"model={model}", "method=last_layers", "method.layers=1")
    top = anatomy(network).top
    assert depths(network, changed) == {top - 1, top}
    assert depths(network, frozen) == set(range(top - 1))


@pytest.mark.slow
def test_last_layers_of_an_encoder_decoder_are_the_decoder_s(trained):
    changed, _, _ = trained("model=tiny_seq2seq", "method=last_layers", "method.layers=2")
    assert {name.split(".")[1] for name in changed if name.startswith("transformer")} == {"decoder"}


@pytest.mark.slow
def test_freeze_takes_patterns(trained):
    changed, frozen, _ = trained("method=freeze", r"method.frozen=[embeddings,'layer\.0\.attention']")
    assert frozen
    assert all("embeddings" in name or "layer.0.attention" in name for name in frozen)
    assert not any("embeddings" in name or "layer.0.attention" in name for name in changed)


@pytest.mark.slow
def test_bitfit_trains_biases_and_the_head(trained):
    changed, frozen, network = trained("method=bitfit")
    top = anatomy(network).top
    for name in changed:
        assert name.endswith("bias") or anatomy(network).depth(name) == top
    # A key's bias shifts all scores of a query alike: its gradient is zero but for rounding.
    assert not [name for name in frozen if name.endswith("bias") and "key" not in name]


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("method", ["lora", "ia3"])
def test_adapters_leave_the_base_alone(trained, model, method):
    changed, frozen, network = trained(f"model={model}", f"method={method}")
    heads = {f"base_model.model.{name}" for name in head_modules(network.get_base_model())}
    assert changed
    for name in changed:
        assert "lora_" in name or "ia3_" in name or name.startswith(tuple(heads)), name
    assert any(name.startswith(tuple(heads)) for name in changed), "the head is trained"
    assert not [name for name in frozen if "lora_B" in name or "ia3_l" in name]
    assert count_parameters(network) == network.get_nb_trainable_parameters()[::-1]


@pytest.mark.slow
def test_prompt(trained):
    changed, frozen, network = trained("method=prompt", "method.num_virtual_tokens=4")
    assert any(name.startswith("prompt_encoder") for name in changed)
    assert all(name.startswith(("prompt_encoder", "base_model.classifier")) for name in changed)
    assert any("classifier" in name for name in changed)
    assert frozen
    assert count_parameters(network) == network.get_nb_trainable_parameters()[::-1]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_causal", "tiny_seq2seq"])
def test_a_prompt_is_refused_where_the_text_s_end_would_be_lost(trained, model):
    with pytest.raises(ConfigError, match="cannot find the end of the text"):
        trained(f"model={model}", "method=prompt")


@pytest.mark.slow
@pytest.mark.parametrize("field", ["use_dora=true", "use_rslora=true", "init_lora_weights=pissa"])
def test_fields_of_peft_s_own_pass_through(trained, field):
    changed, frozen, network = trained("method=lora", f"method.{field}")
    name, value = field.split("=")
    assert str(getattr(network.peft_config["default"], name)).lower() == value
    assert all("lora_" in item or "classifier" in item for item in changed)
    assert frozen


@pytest.mark.slow
def test_gradual_unfreezing_comes_down_from_the_head(trained):
    """18 steps, everything trained from step 18 on: the embeddings never, the first layer in the last third."""
    changed, frozen, network = trained("method=gradual", "method.unfrozen_by=1.0", "trainer.max_epochs=3", steps=18)
    assert depths(network, frozen) - {0} <= {1, 2}
    assert depths(network, changed) == {1, 2, 3}
    assert all("key.bias" in name for name in frozen if anatomy(network).depth(name) > 0)
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_causal", "tiny_seq2seq"])
def test_gradual_unfreezing_without_a_head_starts_at_the_last_layer(trained, model):
    words = ["model.head.words.bad=bad", "model.head.words.good=good"]
    changed, _, network = trained(f"model={model}", "method=gradual", "method.unfrozen_by=1.0", *words, steps=1)
    parts = anatomy(network)
    assert depths(network, changed) == {parts.top - 1}


def test_the_schedule_of_unfreezing():
    schedule = Gradual(0.5)
    assert [schedule.lowest(step, 12, top=3) for step in range(12)] == [3, 3, 2, 2, 1, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("architecture", SMALL)
def test_parts_of_other_architectures(architecture):
    network = small(architecture)
    parts = anatomy(network)
    found = {name: parts.depth(name) for name, _ in network.named_parameters()}
    assert len(parts.layers) == 3
    assert set(found.values()) == {0, 1, 2, 3, 4}
    for name, depth in found.items():
        number = [int(part) for part in name.split(".") if part.isdigit()]
        assert depth == (number[0] + 1 if number else depth)
        if "embed" in name or "wte" in name or "wpe" in name:
            assert depth == 0
        if name.startswith(("classifier", "score", "pre_classifier", "head.")):
            assert depth == 4
        if not number and any(norm in name for norm in ("final_layer_norm", "ln_f", "final_norm")):
            assert depth == 3, "a final norm goes with the last layer"


@pytest.mark.parametrize("architecture", SMALL)
def test_lora_trains_the_whole_head_of_every_architecture(architecture):
    """Peft alone leaves DistilBERT's `pre_classifier` and T5's head as they were drawn."""
    heads = head_modules(small(architecture))
    network = apply_method(small(architecture), peft.LoraConfig(r=2), seed=0)
    trainable = {name for name, p in network.named_parameters() if p.requires_grad}
    for head in heads:
        assert any(f".{head}." in name for name in trainable), head
    targets = network.peft_config["default"].target_modules
    config = peft.LoraConfig(r=2, task_type="SEQ_CLS", target_modules=targets, modules_to_save=[*heads])
    plain = peft.get_peft_model(small(architecture), config)
    assert count_parameters(network) == plain.get_nb_trainable_parameters()[::-1]


def test_layers_and_patterns_that_are_not_there_are_refused_with_what_is():
    network = small("gpt2")
    with pytest.raises(ConfigError, match=r"the model has 3 layers \(received 7\)\. At most method\.layers=3"):
        apply_method(network, build_method(Method(name="last_layers", layers=7)), 0)
    with pytest.raises(ConfigError, match=r"matches no parameter's name .*transformer\.h\.0"):
        apply_method(network, build_method(Method(name="freeze", frozen=[r"layer\.0"])), 0)
    llama = compose(["model=tiny_causal"]).config.model
    with pytest.raises(ConfigError, match=r"llama has no biases to train.*method=lora"):
        apply_method(load_network(llama, LABELS, 0), build_method(Method(name="bitfit")), 0)
    writer = load_network(llama, [], 0, task="language_modeling")
    with pytest.raises(ConfigError, match=r"method\.frozen: leaves no parameter to train"):
        apply_method(writer, build_method(Method(name="freeze", frozen=[".*"])), 0)
    with pytest.raises(ConfigError, match="no head of its own"):
        apply_method(writer, build_method(Method(name="head_only")), 0)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["method=last_layers", "method.layers=null"], "method.layers: is required with method.name=last_layers"),
        (["method=full", "method.layers=2"], "method.layers: has no effect with method.name=full"),
        (["method=lora", "method.frozen=[a]"], "method.frozen: has no effect with method.name=lora"),
        (["method=freeze", "method.frozen=['(']"], "method.frozen: is not a regular expression"),
        (["method=freeze"], "method.frozen: is required"),
        (["method=head_only", "method._target_=peft.LoraConfig"], "has no effect with method.name=head_only"),
        (["method=ia3", "method.use_dora=true"], "peft.IA3Config takes no use_dora"),
    ],
)
def test_keys_that_do_not_go_together(overrides, said):
    with pytest.raises(ConfigError) as refusal:
        compose(overrides)
    assert said in str(refusal.value)


def test_rates_by_depth(tiny):
    from tunesmith.training.build import learning_rates

    config = compose([*tiny, "optimizer.lr=0.1", "optimizer.layer_decay=0.5", "optimizer.head_lr=0.7"]).config
    network = build_network(config, LABELS)
    rate = learning_rates(config, network)
    assert rate("bert.embeddings.word_embeddings.weight") == pytest.approx(0.1 * 0.25)
    assert rate("bert.encoder.layer.0.output.dense.weight") == pytest.approx(0.05)
    assert rate("bert.encoder.layer.1.output.dense.weight") == pytest.approx(0.1)
    assert rate("classifier.weight") == rate("bert.pooler.dense.weight") == 0.7
    optimizer = build_module(config, network, LABELS).make_optimizer(network)
    held = {id(parameter): group["lr"] for group in optimizer.param_groups for parameter in group["params"]}
    named = dict(network.named_parameters())
    assert held == {id(parameter): rate(name) for name, parameter in named.items()}


def test_rates_go_with_adapters(tiny):
    from tunesmith.training.build import learning_rates

    config = compose([*tiny, "method=lora", "optimizer.lr=0.1", "optimizer.layer_decay=0.5"]).config
    network = build_network(config, LABELS)
    rate = learning_rates(config, network)
    by_depth = {rate(name) for name, p in network.named_parameters() if p.requires_grad and "lora" in name}
    assert by_depth == {0.05, 0.1}


def test_a_tied_parameter_is_optimised_once(tiny):
    from tunesmith.optim.parameter_groups import parameter_groups

    network = load_network(compose(["model=tiny_causal"]).config.model, [], 0, task="language_modeling")
    held = [id(p) for group in parameter_groups(network, 0.1) for p in group["params"]]
    assert network.lm_head.weight is network.model.embed_tokens.weight
    assert held.count(id(network.lm_head.weight)) == 1
    assert len(held) == len(set(held)) == len(list(network.parameters()))


def test_the_count_is_that_of_the_whole_network():
    config = BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    network = AutoModelForSequenceClassification.from_config(config)
    apply_method(network, build_method(Method(name="head_only")), 0)
    assert count_parameters(network)[1] == 16 * 16 + 16 + 16 * 2 + 2, "pooler and classifier"


def test_a_head_of_ours_leaves_the_pooler_alone():
    network = load_network(compose(["model=tiny_encoder", "model.head.pooling=mean"]).config.model, LABELS, 0)
    apply_method(network, build_method(Method(name="head_only")), 0)
    assert {name for name, p in network.named_parameters() if p.requires_grad} == {
        "head.linear_0.weight",
        "head.linear_0.bias",
    }
