"""Combinations that cannot work are refused with what would, before a directory is opened or weights are read."""

import pytest
import torch

from tunesmith import compose, train
from tunesmith.errors import ConfigError
from tunesmith.models import weights
from tunesmith.training import preflight
from tunesmith.training.auto_values import decide
from tunesmith.training.build import build_data, build_module, build_network, build_trainer

REFUSED = {
    "targets": (["method=lora", "method.target_modules=[q_proj]"], ["bert has no modules", "key, query, value"]),
    "one target of two": (
        ["model=tiny_causal", "method=lora", "method.target_modules=[q_proj,query]"],
        ["llama has no modules with these names (received ['query'])", "q_proj"],
    ),
    "a pattern": (["method=lora", "method.target_modules=.*nothing"], ["bert has no modules"]),
    "length": (["data.max_length=513"], ["the model has 512 positions", "At most data.max_length=512"]),
    "length with a prompt": (
        ["method=prompt", "data.max_length=500"],
        ["the prompt takes 20", "At most data.max_length=492"],
    ),
    "fp16 on a CPU": (
        ["trainer=auto", "trainer.precision=16-mixed"],
        ["16-mixed needs a GPU", "trainer.precision=32-true"],
    ),
    "4 bits on a CPU": (["method=lora", "model.quantization=4bit"], ["model.quantization: requires a CUDA GPU"]),
    "4 bits, all trained": (["model.quantization=4bit"], ["quantised weights cannot be trained", "method=lora"]),
    "too many layers": (["method=last_layers", "method.layers=3"], ["the model has 2 layers"]),
    "biases": (["model=tiny_causal", "method=bitfit"], ["llama has no biases", "method=ia3"]),
    "a prompt for T5": (["model=tiny_seq2seq", "method=prompt"], ["cannot find the end of the text"]),
    "a rank": (["method=lora", "method.r=0"], ["method.r: must be a whole number of at least 1"]),
    "a layer that is not there": (
        ["method=lora", "method.target_modules=[query]", "method.layers_to_transform=[7]"],
        ["bert has 2 layers, numbered from 0 to 1"],
    ),
    "no linear layer": (["method=lora", "method.target_modules=[LayerNorm]"], ["peft refuses it", "key, query, value"]),
    "a prompt of no length": (["method=prompt", "method.num_virtual_tokens=null"], ["peft refuses it"]),
    "a monitor of no label": (["evaluation.monitor=val/f1/godo"], ["Did you mean val/f1/good?", "val/f1/bad"]),
    "a callback's monitor of no label": (
        ["callbacks.early_stopping.monitor=val/f1/nope"],
        ["callbacks.early_stopping.monitor: is not a number that the run produces (received val/f1/nope)"],
    ),
    "a prompt of no tokens": (["method=prompt", "method.num_virtual_tokens=0"], ["must be at least 1"]),
    "a rate for no head": (
        ["model=tiny_causal", "task=language_modeling", "optimizer.head_lr=1e-3"],
        ["optimizer.head_lr: has no effect: this model has no trainable head", "Set only optimizer.lr"],
    ),
    "a rate for no layer": (["method=head_only", "optimizer.layer_decay=0.9"], ["no layer is trained"]),
    "length with a cue": (
        [
            "model=tiny_causal",
            "data.max_length=512",
            "model.head.words={bad:bad,good:good}",
            "model.head.cue=' it was'",
        ],
        ["the cue takes 2", "At most data.max_length=510"],
    ),
    "answers longer than texts": (
        ["model=tiny_causal", "task=text_to_text", "data.target_column=verdict", "data.max_target_length=32"],
        ["data.max_target_length: a decoder's text and its answer share data.max_length=32 tokens"],
    ),
    "tags by T5": (
        ["model=tiny_seq2seq", "model.family=auto", "task=token_classification"],
        ["needs an encoder model, but t5 is of family seq2seq", "model=minilm"],
    ),
    "an architecture": (["model.config.model_type=bertt"], ["no such architecture", "Did you mean bert?"]),
    "sizes": (
        ["model=tiny_causal", "model.config.num_attention_heads=5"],
        ["The hidden size (32) is not a multiple of the number of attention heads (5)"],
    ),
    "a type": (["model.config.hidden_size=wide"], ["Field 'hidden_size' expected int"]),
    "family": (["model.family=causal"], ["does not include bert", "model=encoder"]),
}


@pytest.mark.skipif(torch.cuda.is_available(), reason="some of these work on a GPU")
@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_before_anything_is_made(case, tiny, tmp_path, monkeypatch):
    overrides, said = REFUSED[case]
    monkeypatch.setattr(weights, "_pretrained", lambda *_: pytest.fail("weights were read"))
    with pytest.raises(ConfigError) as refusal:
        train(compose([*tiny, *overrides]))
    for words in said:
        assert words in str(refusal.value)
    assert not (tmp_path / "runs").exists()


def test_a_decoder_with_nothing_to_pad_with_is_refused_before_anything_is_made(tiny, tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(compose(tiny).config.model.tokenizer)
    tokenizer.pad_token = tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path / "bare")
    bare = ["model=tiny_causal", f"model.tokenizer={tmp_path / 'bare'}", "~model.config.eos_token_id"]
    monkeypatch.setattr(weights, "_pretrained", lambda *_: pytest.fail("weights were read"))
    with pytest.raises(ConfigError, match=r"neither a pad token nor an end-of-text token.*model.tokenizer=FOLDER"):
        train(compose([*tiny, *bare]))
    assert not (tmp_path / "runs").exists()


def test_positions_of_architectures_that_count_from_the_pad_token():
    from transformers import AutoConfig

    assert weights.positions(AutoConfig.for_model("roberta", max_position_embeddings=514, pad_token_id=1)) == 512
    assert weights.positions(AutoConfig.for_model("bert")) == 512
    assert weights.positions(AutoConfig.for_model("t5")) is None
    roberta = {"model_type": "roberta", "max_position_embeddings": 18, "hidden_size": 8, "num_attention_heads": 2}
    from tunesmith.config.schema import Model

    model = Model(init="random", config=roberta | {"num_hidden_layers": 1, "intermediate_size": 8, "vocab_size": 30})
    network = weights.load_network(model, ["a", "b"], 0).eval()
    assert weights.positions(network.config) == 16
    network(input_ids=torch.full((1, 16), 5), attention_mask=torch.ones(1, 16))
    with pytest.raises((IndexError, RuntimeError)):
        network(input_ids=torch.full((1, 17), 5), attention_mask=torch.ones(1, 17))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_encoder", "tiny_causal", "tiny_seq2seq"])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_gradient_checkpointing_recomputes_and_changes_nothing(model, method, tiny):
    def trained(checkpointing):
        overrides = [f"model={model}", f"method={method}", f"model.gradient_checkpointing={checkpointing}"]
        config = decide(compose([*tiny, *overrides, "trainer.max_steps=3"])).config
        data = build_data(config)
        network = build_network(config, data.labels)
        calls = []
        linear = next(module for module in network.modules() if isinstance(module, torch.nn.Linear))
        linear.register_forward_hook(lambda *_: calls.append(1))
        module = build_module(config, network, data.labels)
        build_trainer(config, data, ".", [], []).fit(module, datamodule=data)
        return len(calls), {name: p.detach().clone() for name, p in network.named_parameters()}

    calls, expected = trained("false")
    more_calls, found = trained("true")
    assert more_calls > calls, "activations were computed twice"
    assert max((found[name] - value).abs().max().item() for name, value in expected.items()) < 2e-5, (
        "three steps of Adam, whose first are of the size of the rate, 3e-3"
    )


def test_the_package_of_quantisation_is_named(tiny, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    config = compose([*tiny, "method=lora", "model.quantization=8bit", "trainer.accelerator=gpu"]).config
    with pytest.raises(ConfigError, match="requires the package bitsandbytes"):
        preflight.check_quantization(config)


@pytest.mark.slow
def test_from_the_command_line(command, tiny):
    done = command("train", *tiny, "method=lora", "method.target_modules=[q_proj]")
    assert done.returncode == 2
    assert "method.target_modules: bert has no modules with these names (received ['q_proj'])" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("1 problem in the configuration, nothing was started")
