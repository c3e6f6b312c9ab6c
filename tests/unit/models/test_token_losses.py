"""Losses of tokens in parts, against the logits of plain transformers: equal values and gradients, never all logits."""

import peft
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tunesmith.models import token_losses as module
from tunesmith.models.token_losses import IGNORED, token_losses

WORDS, TOKENS = 401, 24
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
GPT = {"n_embd": 16, "n_layer": 2, "n_head": 2}
BOTH = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}
BART = BOTH | {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2}
DECODERS = {
    "llama": SIZES,
    "gpt2": GPT,
    "gemma2": SIZES | {"head_dim": 8, "num_key_value_heads": 1, "final_logit_softcapping": 0.5},
    "granite": SIZES | {"logits_scaling": 3.0},
    "cohere": SIZES | {"logit_scale": 0.25},
    "opt": SIZES | {"ffn_dim": 24, "word_embed_proj_dim": 8},
    "bert": SIZES | {"is_decoder": True},
    "mamba": {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4},
    "mixtral": SIZES | {"num_local_experts": 2, "num_key_value_heads": 2},
}
ENCODER_DECODERS = {"t5": T5, "mt5": T5, "bart": BART, "pegasus": BART}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


def network_of(architecture, seed=0):
    torch.manual_seed(seed)
    auto = AutoModelForCausalLM if architecture in DECODERS else AutoModelForSeq2SeqLM
    fields = (DECODERS | ENCODER_DECODERS)[architecture]
    net = auto.from_config(AutoConfig.for_model(architecture, vocab_size=WORDS, **SPECIAL, **fields)).eval()
    with torch.no_grad():  # biases and scales start at zeros and ones, where a mistake in them would not be seen
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    return net


def batch_of(network, share=0.6, rows=3):
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(3, WORDS, (rows, TOKENS), generator=random)
    labels = torch.where(torch.rand(ids.shape, generator=random) < share, ids.roll(-1, 1), IGNORED)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
    if network.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids.flip(1)
    return inputs, labels


def plainly(network, inputs, labels):
    logits = network(**inputs).logits[:, -labels.shape[1] :]
    losses = cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
    return losses.view(labels.shape)


def assert_equal(network, inputs, labels):
    results = []
    for compute in (plainly, token_losses):
        network.zero_grad()
        losses = compute(network, inputs, labels)
        (losses * torch.arange(losses.numel()).view(losses.shape)).sum().backward()  # each counts differently
        results.append((losses, {name: p.grad for name, p in network.named_parameters() if p.grad is not None}))
    (expected, expected_gradients), (losses, gradients) = results
    assert torch.allclose(losses, expected, atol=1e-5)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        assert torch.allclose(gradients[name], gradient, atol=1e-4 * float(gradient.abs().max()) + 1e-4), name


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 5 * WORDS)  # 5 tokens, and fewer in the last part


@pytest.mark.parametrize("architecture", [*DECODERS, *ENCODER_DECODERS])
def test_losses_and_gradients_are_those_of_all_logits_at_once(architecture):
    network = network_of(architecture)
    assert_equal(network, *batch_of(network))


@pytest.mark.parametrize(
    "adapter",
    [
        peft.LoraConfig(r=2, target_modules=["q_proj", "lm_head"], init_lora_weights=False),
        peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"]),
        peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
        peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
    ],
    ids=["lora on the head", "a copy of the head", "prompt", "prefix"],
)
def test_an_adapter_is_followed_wherever_it_is(adapter):
    network = peft.get_peft_model(network_of("llama"), adapter).eval()
    inputs, labels = batch_of(network)
    assert_equal(network, inputs | ({"use_cache": True} if adapter.peft_type == "PREFIX_TUNING" else {}), labels)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_asked_token_and_nothing_but_asked_tokens(share):
    network = network_of("llama")
    inputs, labels = batch_of(network, share)
    losses = token_losses(network, inputs, labels)
    assert torch.equal(losses != 0, labels != IGNORED)
    losses.sum().backward()
    assert torch.allclose(losses, plainly(network, inputs, labels), atol=1e-5)


def test_activations_that_are_computed_again_give_the_same_gradients():
    network = network_of("llama").train()
    network.gradient_checkpointing_enable({"use_reentrant": False})
    assert_equal(network, *batch_of(network))


class Largest(TorchDispatchMode):
    """The number of values in the largest tensor of logits, or of their gradients, that is made."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (list, tuple)) else [made]:
            if isinstance(tensor, torch.Tensor) and tensor.shape[-1:] == (WORDS,) and tensor.shape != (16, WORDS):
                self.numel = max(self.numel, tensor.numel())
        return made


@pytest.mark.parametrize("architecture", ["llama", "t5"])
def test_logits_never_exist_all_at_once(architecture):
    network = network_of(architecture)
    inputs, labels = batch_of(network)
    with Largest() as whole:
        plainly(network, inputs, labels).sum().backward()
    with Largest() as parts:
        token_losses(network, inputs, labels).sum().backward()
    assert whole.numel == labels.numel() * WORDS
    assert parts.numel == 5 * WORDS
