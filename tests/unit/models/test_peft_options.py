"""Every option of peft that a config may set, held against what it does: it changes the network, or it is refused.

The tables follow peft's own dataclasses, so that a field or a kind of a new version fails here until it is judged.
"""

import dataclasses
import inspect
from itertools import product

import peft
import pytest
import torch

from tunesmith import compose
from tunesmith.config.checking.rules.adapter import BY_PATTERN, KINDS, NEEDS, NOT_CARRIED_OUT, ONLY_WITH
from tunesmith.config.schema import Method, Model
from tunesmith.errors import ConfigError
from tunesmith.models.merging import merge_adapter
from tunesmith.models.methods import apply_method
from tunesmith.models.weights import load_network

LABELS = ["bad", "good"]
SMALL = {"vocab_size": 40, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 32}
ENCODER = Model(init="random", config={"model_type": "bert", **SMALL, "initializer_range": 0.3})
WRITER = Model(
    init="random",
    config={
        **{"model_type": "llama", **SMALL, "num_key_value_heads": 1, "tie_word_embeddings": False},
        "initializer_range": 0.3,
    },
)
GPT2 = Model(
    init="random",
    config={"model_type": "gpt2", "vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2, "initializer_range": 0.3},
)

LAYERS = {
    "layers_to_transform": [0],
    "layers_pattern": (["layer"], {"layers_to_transform": [0], "init_weights": False}),
}
TARGETS = {"target_modules": ["query"], "exclude_modules": ["value"]}
PROMPT = {"num_virtual_tokens": 5}
RANDOM = {"init_weights": False}
"""Starts that are no identity show at once what an option does."""

TRIED = {
    "LoraConfig": {
        **TARGETS,
        **LAYERS,
        "layers_pattern": (["layer"], {"layers_to_transform": [0]}),
        **{"r": 4, "lora_alpha": 32, "lora_dropout": 0.3, "bias": "all", "use_rslora": True, "use_dora": True},
        **{"init_lora_weights": "pissa", "rank_pattern": {"query": 2}, "alpha_pattern": {"query": 2}},
        **{"trainable_token_indices": [5, 6], "lora_bias": True, "modules_to_save": ["pooler"]},
    },
    "IA3Config": {
        "target_modules": (["query"], {"feedforward_modules": []}),
        "exclude_modules": ["value"],
        "feedforward_modules": (["dense"], {"target_modules": ["dense"]}),
        "init_ia3_weights": False,
        "modules_to_save": ["pooler"],
    },
    "LoHaConfig": {
        **TARGETS,
        **LAYERS,
        **{"r": 4, "alpha": (16, RANDOM), "rank_dropout": (0.5, RANDOM), "module_dropout": (0.5, RANDOM)},
        **{"rank_pattern": {"query": 2}, "alpha_pattern": ({"query": 2}, RANDOM), "init_weights": False},
        "modules_to_save": ["pooler"],
    },
    "LoKrConfig": {
        **TARGETS,
        **LAYERS,
        **{"r": (2, RANDOM), "alpha": (16, RANDOM), "rank_dropout": (0.5, RANDOM), "module_dropout": (0.5, RANDOM)},
        **{"rank_pattern": {"query": 1}, "alpha_pattern": ({"query": 2}, RANDOM), "init_weights": False},
        **{"decompose_both": (True, {"r": 1}), "decompose_factor": (2, RANDOM), "modules_to_save": ["pooler"]},
        "rank_dropout_scale": (True, {"rank_dropout": 0.3, **RANDOM}),
    },
    "VeraConfig": {
        "target_modules": ["query"],
        **LAYERS,
        **{"r": 4, "projection_prng_key": 5, "vera_dropout": 0.3, "d_initial": 0.5, "bias": "all"},
        **{"save_projection": False, "init_weights": False, "modules_to_save": ["pooler"]},
    },
    "RandLoraConfig": {
        "target_modules": ["query"],
        **LAYERS,
        **{"r": 4, "projection_prng_key": 5, "randlora_dropout": 0.3, "randlora_alpha": 64, "bias": "all"},
        **{"sparse": True, "very_sparse": True, "save_projection": False, "init_weights": False},
        "modules_to_save": ["pooler"],
    },
    "HRAConfig": {
        **TARGETS,
        **LAYERS,
        **{"r": 4, "apply_GS": (True, RANDOM), "bias": "all", "init_weights": False, "modules_to_save": ["pooler"]},
    },
    "OFTConfig": {
        **TARGETS,
        **LAYERS,
        **{"oft_block_size": 4, "r": 4, "bias": "all", "init_weights": False},
        **{"coft": (True, RANDOM), "eps": (1e-2, {"coft": True, **RANDOM}), "block_share": True},
        **{"use_cayley_neumann": (False, RANDOM), "num_cayley_neumann_terms": (2, RANDOM)},
        "modules_to_save": ["pooler"],
    },
    "BOFTConfig": {
        **TARGETS,
        **LAYERS,
        **{"boft_block_size": 8, "boft_block_num": 2, "boft_dropout": (0.5, RANDOM)},
        **{"bias": "all", "init_weights": False, "modules_to_save": ["pooler"]},
    },
    "FourierFTConfig": {
        **TARGETS,
        **LAYERS,
        **{"n_frequency": 20, "scaling": 10.0, "random_loc_seed": 5, "bias": "all", "init_weights": True},
        **{"n_frequency_pattern": {"query": 5}, "modules_to_save": ["pooler"]},
    },
    "LNTuningConfig": {
        "target_modules": ["output.LayerNorm"],
        "exclude_modules": ["embeddings.LayerNorm"],
        "modules_to_save": ["pooler"],
    },
    "PromptTuningConfig": {
        **PROMPT,
        "prompt_tuning_init": "SAMPLE_VOCAB",
        "prompt_tuning_init_text": None,  # they go together, and take a tokenizer: see below
        "tokenizer_name_or_path": None,
    },
    "PrefixTuningConfig": {
        **PROMPT,
        "init_weights": "zero",
        "prefix_projection": (True, {"encoder_hidden_size": 16}),
        "encoder_hidden_size": (8, {"prefix_projection": True}),
    },
    "PromptEncoderConfig": {
        **PROMPT,
        "encoder_reparameterization_type": "LSTM",
        "encoder_hidden_size": 8,
        "encoder_num_layers": (3, {"encoder_reparameterization_type": "LSTM"}),
        "encoder_dropout": (0.5, {"encoder_reparameterization_type": "LSTM"}),
    },
}
"""Kind to field to a value that is not its default, where needed with what it needs beside it."""

BASE = {
    "OFTConfig": {"oft_block_size": 8},
    "FourierFTConfig": {"n_frequency": 30},
    "LNTuningConfig": {"target_modules": ["LayerNorm"]},
    "PrefixTuningConfig": {"num_virtual_tokens": 4, "encoder_hidden_size": 16},
    "PromptTuningConfig": {"num_virtual_tokens": 4},
    "PromptEncoderConfig": {"num_virtual_tokens": 4},
}


def kinds_of_peft():
    found = {name: value for name, value in vars(peft).items() if inspect.isclass(value)}
    abstract = (peft.PeftConfig, peft.PromptLearningConfig)
    return {name: kind for name, kind in found.items() if issubclass(kind, peft.PeftConfig) and kind not in abstract}


def network_of(model, task):
    return load_network(model, LABELS if task == "classification" else [], 0, task=task, pad_token_id=0)


def adapted(kind, options, model=ENCODER, task="classification"):
    config = getattr(peft, kind)(**options)
    return apply_method(network_of(model, task), config, 0, task)


def batch():
    ids = torch.arange(1, 21).view(2, 10)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def trained(network, steps=2):
    """The network after a few steps, and what it answers."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=0.05)
    torch.manual_seed(1)
    for _ in range(steps):
        network.train()(**batch()).logits.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        return network.eval()(**batch()).logits


def signs(network):
    """What tells two adapted networks apart: how many weights are trained, and what it answers after two steps."""
    count = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return count, trained(network)


def is_judged(kind, field):
    refused = {*NOT_CARRIED_OUT, *Method.SUPPLIED}
    return field in TRIED[kind] or field in refused or f"{kind}.{field}" in refused


def test_every_field_of_every_kind_is_judged():
    kinds = kinds_of_peft()
    assert set(TRIED) == set(KINDS) <= set(kinds)
    fields = [(kind, field.name) for kind in KINDS for field in dataclasses.fields(kinds[kind]) if field.init]
    judged = [pair for pair in fields if is_judged(*pair) or pair in UNTRIED]
    assert sorted(set(fields) - set(judged)) == []
    assert len(fields) > 200
    names = {name.rpartition(".")[2] for name in (*NOT_CARRIED_OUT, *ONLY_WITH)} | {*BY_PATTERN}
    assert names | {key for key, _ in NEEDS} <= {field for _, field in fields}, "a rule on a field that is no more"


UNTRIED = {
    ("LoraConfig", "target_parameters"): "peft takes it for mixtures of experts alone; see below",
    ("LoraConfig", "ensure_weight_tying"): "acts on tied tensors alone; see below",
}


INSTEAD = {"r": {"oft_block_size": 0}, "boft_block_num": {"boft_block_size": 0}}
"""Fields that say the same as another one, which then has to be 0."""
QUICK = ("LoraConfig", "IA3Config", "OFTConfig")
CASES = [
    pytest.param(kind, field, marks=() if kind in QUICK else pytest.mark.slow)
    for kind in KINDS
    for field, value in TRIED[kind].items()
    if value is not None
]


def options_of(kind, field):
    """The options without a field, and with it."""
    given = TRIED[kind][field]
    value, beside = given if isinstance(given, tuple) else (given, {})
    without = {**BASE.get(kind, {}), **beside}
    instead = INSTEAD.get(field, {}) if kind in ("OFTConfig", "BOFTConfig") else {}
    return without, {**without, **instead, field: value}


@pytest.mark.parametrize(("kind", "field"), CASES)
def test_an_option_that_is_taken_has_an_effect_and_is_saved(kind, field, tmp_path):
    options, options_with = options_of(kind, field)
    without, with_it = adapted(kind, options), adapted(kind, options_with)
    if field == "layers_pattern":  # it only says where the numbers stand, and peft finds them by itself
        with pytest.raises(ConfigError):
            adapted(kind, {**options_with, field: ["nothing"]})
    elif field == "save_projection":  # it is about the file
        for name, network in (("without", without), ("with", with_it)):
            network.save_pretrained(tmp_path / name)
        sizes = [(tmp_path / name / "adapter_model.safetensors").stat().st_size for name in ("without", "with")]
        assert sizes[0] > sizes[1]
    else:
        (count, answers), (count_with, answers_with) = signs(without), signs(with_it)
        assert count != count_with or not torch.equal(answers, answers_with)
        assert_saved_and_merged(with_it, answers_with, ENCODER, "classification", tmp_path / "saved")


def assert_saved_and_merged(network, answers, model, task, folder):
    """An adapter answers as it did in training when it is loaded again, and when it is put into its base."""
    network.save_pretrained(folder)
    loaded = peft.PeftModel.from_pretrained(network_of(model, task), folder).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(**batch()).logits, answers, rtol=1e-5, atol=1e-5)
        if hasattr(network, "merge_and_unload") and hasattr(network.base_model, "merge_and_unload"):
            torch.testing.assert_close(
                merge_adapter(network, "--merge", "").eval()(**batch()).logits, answers, rtol=1e-4, atol=1e-4
            )


REFUSED_ON = [(f"{kind}Config", "gpt2") for kind in ("LoHa", "LoKr", "HRA", "OFT", "BOFT")]
"""Kinds that know no layer that keeps its weights transposed, as GPT-2's do."""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "model"), list(product(KINDS, ["writer", "gpt2"])))
def test_every_kind_works_on_decoders_or_is_refused(kind, model, tmp_path):
    norm = {"target_modules": ["norm" if model == "writer" else "ln_f"]}
    options = norm if kind == "LNTuningConfig" else BASE.get(kind, {})
    described = WRITER if model == "writer" else GPT2
    if (kind, model) in REFUSED_ON:
        with pytest.raises(ConfigError, match="peft refuses it"):
            adapted(kind, options, described, "language_modeling")
        return
    network = adapted(kind, options, described, "language_modeling")
    before = network_of(described, "language_modeling").eval()(**batch()).logits
    after = trained(network)
    assert not torch.equal(after[:, -10:], before)
    assert_saved_and_merged(network, after, described, "language_modeling", tmp_path)


@pytest.mark.parametrize("start", ["gaussian", "olora", "pissa", "orthogonal", "mica", "false"])
def test_every_start_of_lora_is_saved_as_it_was_trained(start, tmp_path):
    network = adapted("LoraConfig", {"init_lora_weights": False if start == "false" else start, "r": 4})
    answers = trained(network)
    assert not torch.equal(answers, trained(adapted("LoraConfig", {"r": 4})))
    assert_saved_and_merged(network, answers, ENCODER, "classification", tmp_path)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["method._target_=peft.AdaLoraConfig", "+method.total_step=24"], "no rank would ever be pruned"),
        (["method._target_=peft.XLoraConfig"], "is not one of the kinds of adapters that are tested"),
        (["method.init_lora_weights=eva"], "it would be plain LoRA"),
        (["method.init_lora_weights=corda"], "it would be plain LoRA"),
        (["method.init_lora_weights=loftq"], "quantises the base model in its own way"),
        (["method.init_lora_weights=pissa_niter_x"], "pissa_niter_[number of iters]"),
        (["method.eva_config={rho: 1.0}"], "it would be plain LoRA"),
        (["method.loftq_config={loftq_bits: 4}"], "quantises the base"),
        (["method.use_qalora=true"], "GPTQ"),
        (["method.alora_invocation_tokens=[3]"], "takes effect only after tokens"),
        (["method.layer_replication=[[0,1]]"], "share weights"),
        (["method.fan_in_fan_out=true"], "it follows from the architecture"),
        (["method.revision=abc"], "use model.revision"),
        (["method.peft_type=IA3"], "it follows from method._target_"),
        (["method.r=0"], "method.r: must be a whole number of at least 1 (received 0)"),
        (["method.lora_alpha=0"], "must not be 0"),
        (["method.lora_dropout=1.0"], "must be at least 0 and less than 1"),
        (["method.target_modules='layers.(0'"], "method.target_modules: is not a regular expression"),
        (["method.exclude_modules='layers.(0'"], "method.exclude_modules: is not a regular expression"),
        (["method.rank_pattern={query: four}"], "method.rank_pattern.query: must be a whole number of at least 1"),
        (["method.rank_pattern={query: -1}"], "must be a whole number of at least 1"),
        (["method.rank_pattern=4"], "method.rank_pattern: must be a mapping"),
        (["method.alpha_pattern={query: 0}"], "must be a number other than 0"),
        (["method.layers_pattern=layer"], "has no effect without layers_to_transform"),
        (["method.layers_to_transform=[-1]"], "counted from 0"),
        (["method.layers_to_transform=[0]", "method.target_modules=.*query"], "has no effect if target_modules"),
        (["method._target_=peft.OFTConfig"], "It comes from method=lora. Remove it: ~method.lora_alpha"),
        (["method._target_=peft.OFTConfig", "~method.lora_alpha"], "Remove it: ~method.r"),
        (["method=prompt", "method.prompt_tuning_init=TEXT"], "prompt_tuning_init_text: is required"),
        (["method=prompt", "method.prompt_tuning_init_text=hi"], "has no effect without prompt_tuning_init"),
        (["method=prompt", "method.token_dim=4"], "it follows from the network"),
        (["method=prompt", "method.modules_to_save=[classifier]"], "a prompt comes before them"),
    ],
)
def test_what_is_not_carried_out_is_refused_before_anything_is_imported(overrides, said):
    start = [] if overrides[0] == "method=prompt" else ["method=lora"]
    with pytest.raises(ConfigError) as refusal:
        compose(["model=tiny_encoder", *start, *overrides])
    assert said in str(refusal.value)


@pytest.mark.parametrize("override", ["method.init_lora_weights=pissa_niter_4", "method.megatron_core=megatron.core"])
def test_what_changes_nothing_or_is_carried_out_is_taken(override):
    assert compose(["data.path=x", "model=tiny_encoder", "method=lora", override]).config.method.name == "lora"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layers_to_transform": [7]}, "bert has 2 layers, numbered from 0 to 1 (received [7])"),
        ({"layers_to_transform": [0, 7]}, "bert has 2 layers, numbered from 0 to 1 (received [7])"),
        ({"rank_pattern": {"key": 4}}, "method.rank_pattern: matches no module that has an adapter (received key)"),
        ({"alpha_pattern": {"nothing": 4}}, "Modules with one: query, value"),
        ({"exclude_modules": ["nothing"]}, "method.exclude_modules: bert has no modules with these names"),
        ({"modules_to_save": ["lm_head"]}, "method.modules_to_save: bert has no modules with these names"),
        (
            {"trainable_token_indices": [5, 10**8]},
            "method.trainable_token_indices: bert has 40 tokens, numbered from 0",
        ),
        ({"trainable_token_indices": [-1]}, "tokens, numbered from 0 (received [-1])"),
        ({"trainable_token_indices": {"nothing": [5]}}, "method.trainable_token_indices: bert has no modules"),
        ({"target_parameters": ["nothing"]}, "method.target_parameters: bert has no parameters with these names"),
        ({"target_parameters": ["query.weight"]}, "peft refuses it: Trying to wrap an `nn.Parameter`"),
    ],
)
def test_a_name_that_fits_nothing_is_refused_with_what_there_is(options, said):
    with pytest.raises(ConfigError) as refusal:
        adapted("LoraConfig", options)
    assert said in str(refusal.value)


def test_the_normalisation_to_train_is_asked_for_where_peft_does_not_know_it():
    with pytest.raises(ConfigError, match=r"'method\.target_modules=\[LayerNorm\]'"):
        adapted("LNTuningConfig", {})


def test_a_whole_module_beside_an_adapter_is_trained_and_the_head_with_it():
    network = adapted("LoraConfig", {"modules_to_save": ["pooler"]})
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert {"pooler", "classifier"} <= {part for name in learning for part in name.split(".")}
    writer = adapted("LoraConfig", {"modules_to_save": ["lm_head"]}, WRITER, "language_modeling")
    assert any("lm_head" in name for name, parameter in writer.named_parameters() if parameter.requires_grad)
