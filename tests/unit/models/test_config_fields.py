"""Fields of `model.config`: each has an effect, or is refused; rotary positions against plain transformers."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, LlamaForCausalLM

from tunesmith import compose
from tunesmith.config.checking.rules.architecture import OWN
from tunesmith.config.schema import Model
from tunesmith.errors import ConfigError
from tunesmith.models.config_fields import SAVED, check_fields, unread
from tunesmith.models.weights import load_config, load_network, load_skeleton, load_tokenizer
from tunesmith.training.auto_values import decide
from tunesmith.training.preflight import check_model

TASKS = {"tiny_encoder": "classification", "tiny_causal": "language_modeling", "tiny_seq2seq": "text_to_text"}
CHANGED = {
    "tiny_encoder": {
        **{"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 32},
        **{"vocab_size": 30600, "max_position_embeddings": 256, "type_vocab_size": 3, "hidden_act": "relu"},
        **{"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5, "classifier_dropout": 0.5},
        **{"layer_norm_eps": 0.1, "initializer_range": 0.2, "is_decoder": True},
    },
    "tiny_causal": {
        **{"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2},
        **{"intermediate_size": 32, "vocab_size": 30600, "head_dim": 8, "hidden_act": "relu", "rms_norm_eps": 0.1},
        **{"attention_bias": True, "mlp_bias": True, "attention_dropout": 0.5, "tie_word_embeddings": False},
        **{"initializer_range": 0.2, "rope_theta": 500, "rope_scaling": {"rope_type": "linear", "factor": 2.0}},
        "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 100.0},
    },
    "tiny_seq2seq": {
        **{"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 4},
        **{"vocab_size": 30600, "dropout_rate": 0.5, "relative_attention_num_buckets": 8, "is_gated_act": True},
        **{"relative_attention_max_distance": 20, "layer_norm_epsilon": 0.1, "initializer_factor": 2.0},
        **{"dense_act_fn": "gelu", "scale_decoder_outputs": False},
    },
}
"""Tiny model to field to a value that is not its own."""
CASES = [(name, field) for name, fields in CHANGED.items() for field in fields]


def described(name, **fields):
    model = compose([f"model={name}"]).config.model
    return model.model_copy(update={"config": {**model.config, **fields}})


def network_of(model, name):
    return load_network(model, ["a", "b"] if name == "tiny_encoder" else [], 0, task=TASKS[name], pad_token_id=0)


def answers(network):
    """Logits of a forward pass in training mode, so that dropout shows."""
    ids = torch.arange(1, 25).view(2, 12)
    torch.manual_seed(0)
    written = {"decoder_input_ids": ids} if network.config.is_encoder_decoder else {}
    with torch.no_grad():
        return network.train()(input_ids=ids, attention_mask=torch.ones_like(ids), **written).logits


@pytest.mark.slow
@pytest.mark.parametrize(("name", "field"), CASES)
def test_a_field_that_is_taken_has_an_effect(name, field):
    without, with_it = (
        network_of(model, name) for model in (described(name), described(name, **{field: CHANGED[name][field]}))
    )
    shapes = [{key: value.shape for key, value in network.named_parameters()} for network in (without, with_it)]
    assert shapes[0] != shapes[1] or not torch.equal(answers(without), answers(with_it))


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_what_nothing_reads_is_told(name):
    labels = ["a", "b"] if name == "tiny_encoder" else []
    skeleton = load_skeleton(described(name), labels, task=TASKS[name])
    assert unread(skeleton, [field for field in CHANGED[name] if field not in SAVED]) == []
    fields = [
        field for field in AutoConfig.for_model(skeleton.config.model_type).to_dict() if field not in (*OWN, *SAVED)
    ]
    idle = {
        "tiny_encoder": [],
        "tiny_causal": ["pretraining_tp"],
        "tiny_seq2seq": ["classifier_dropout", "feed_forward_proj"],
    }
    assert sorted(unread(skeleton, fields)) == idle[name]


@pytest.mark.parametrize("field", sorted(OWN))
def test_what_a_run_decides_is_refused(field):
    with pytest.raises(ConfigError) as refusal:
        compose(["data=csv", "data.path=x", "model=tiny_causal", f"model.config.{field}=1"])
    assert f"model.config.{field}: {OWN[field][0]}" in str(refusal.value)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model=tiny_encoder", "model.config.hidden_size=33"], "cannot build a bert network with these values"),
        (["model=tiny_encoder", "model.config.hidden_act=nope"], "KeyError: 'nope'"),
        (["model=tiny_encoder", "model.config.num_attention_heads=0"], "num_attention_heads: must be at least 1"),
        (["model=tiny_encoder", "model.config.hidden_dropout_prob=2.0"], "has to be between 0 and 1"),
        (
            ["model=tiny_encoder", "model.config.vocab_size=100"],
            "has 30,522 tokens, but the network has only 100 embeddings",
        ),
        (["model=tiny_encoder", "model.config.hiden_size=8"], "Did you mean hidden_size?"),
        (["model=tiny_encoder", "model.config.attn_implementation=nope"], "must be one of eager, sdpa"),
        (["model=tiny_encoder", "model.dropout=0.1", "model.config.hidden_dropout_prob=0.2"], "with model.dropout"),
        (["model=tiny_causal", "model.config.pretraining_tp=2"], "nothing in LlamaForSequenceClassification reads it"),
        (["model=tiny_causal", "model.config.num_key_value_heads=3"], "do not fit together in llama"),
        (["model=tiny_causal", "model.config.rope_scaling={rope_type: nope}"], "rope_type: must be one of default"),
        (
            ["model=tiny_causal", "model.config.rope_scaling={rope_type: linear}"],
            "Missing required keys in `rope_parameters`",
        ),
        (["model=tiny_causal", "model.config.rope_scaling=2"], "must be a mapping, with rope_type"),
        (["model=tiny_encoder", "model.config.rope_theta=5"], "not a field of BertConfig"),
    ],
)
def test_what_does_not_work_is_refused_before_weights_are_made(overrides, said):
    with pytest.raises(ConfigError) as refusal:
        check_model(decide(compose(["data=csv", "data.path=x", "evaluation.monitor=val/loss", *overrides])).config)
    assert said in str(refusal.value)


@pytest.mark.slow
def test_sizes_that_a_checkpoint_does_not_have_are_refused(tmp_path):
    network_of(described("tiny_encoder"), "tiny_encoder").save_pretrained(tmp_path)
    load_tokenizer(described("tiny_encoder")).save_pretrained(tmp_path)
    plain = Model(path=str(tmp_path))
    wide = Model(path=str(tmp_path), config={"intermediate_size": 128})
    skeletons = [load_skeleton(model, ["a", "b"], task="classification") for model in (wide, plain)]
    with pytest.raises(ConfigError, match=r"changes the size of \d+ weights.*model\.init=random"):
        check_fields(wide, *skeletons)
    same = Model(path=str(tmp_path), config={"hidden_dropout_prob": 0.3})
    check_fields(same, load_skeleton(same, ["a", "b"], task="classification"), skeletons[1])


@pytest.mark.parametrize("key", ["rope_scaling", "rope_parameters"])
def test_scaled_positions_are_those_of_plain_transformers(key, tmp_path):
    own = network_of(described("tiny_causal"), "tiny_causal")
    own.save_pretrained(tmp_path)
    scaling = {"rope_type": "linear", "factor": 2.0}
    config = load_config(Model(path=str(tmp_path), config={key: scaling}))
    assert config.rope_parameters == {**own.config.rope_parameters, **scaling}, "the base of the angles stays"
    model = Model(path=str(tmp_path), config={key: scaling})
    ours = load_network(model, [], 0, task="language_modeling", pad_token_id=0).eval()
    reference = AutoConfig.from_pretrained(tmp_path)
    reference.rope_parameters = {"rope_theta": 10000.0, **scaling}
    plain = LlamaForCausalLM.from_pretrained(tmp_path, config=reference).eval()
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        assert torch.equal(ours(input_ids=ids).logits, plain(input_ids=ids).logits)
        assert not torch.equal(ours(input_ids=ids).logits, own.eval()(input_ids=ids).logits)
    ours.save_pretrained(tmp_path / "saved")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved").eval()
    with torch.no_grad():
        assert torch.equal(again(input_ids=ids).logits, plain(input_ids=ids).logits)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_the_way_that_attention_is_computed_can_be_chosen(implementation, tmp_path):
    network_of(described("tiny_encoder"), "tiny_encoder").save_pretrained(tmp_path)
    chosen = {"attn_implementation": implementation}
    for model in (described("tiny_encoder", **chosen), Model(path=str(tmp_path), config=chosen)):
        assert network_of(model, "tiny_encoder").config._attn_implementation == implementation
