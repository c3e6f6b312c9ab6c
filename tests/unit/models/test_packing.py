"""Packed equals unpacked, for every attention implementation that says it keeps texts apart."""

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tunesmith.data.batching import MicroBatch, TokenDataset
from tunesmith.data.samples import Samples, packed
from tunesmith.data.tokenization import IGNORED, Tokens, end_to_end
from tunesmith.errors import ConfigError
from tunesmith.models.objectives import NextTokenObjective
from tunesmith.models.packing import check_packing

SIZES = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
ARCHITECTURES = {
    "llama": SIZES | {"num_key_value_heads": 2},
    "gpt2": {"vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 4},
    "qwen2": SIZES | {"num_key_value_heads": 2},
    "gpt_neox": SIZES,
}


def network(architecture, attention="sdpa", seed=0):
    torch.manual_seed(seed)
    config = AutoConfig.for_model(architecture, **ARCHITECTURES[architecture], attn_implementation=attention)
    return AutoModelForCausalLM.from_config(config).eval()


def texts(num_texts=7):
    random = np.random.default_rng(0)
    tokens = end_to_end([random.integers(1, 60, size=random.integers(2, 10)) for _ in range(num_texts)])
    labels = tokens.ids.copy()
    labels[tokens.offsets[:-1]] = IGNORED
    return Samples(tokens, np.arange(num_texts), Tokens(labels, tokens.offsets), tokens.lengths - 1)


def whole(samples):
    return TokenDataset(samples, 0)[MicroBatch(np.arange(len(samples)), samples.weights.sum().item())]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_packed_texts_have_the_loss_and_the_gradients_of_unpacked_ones(architecture, attention):
    objective = NextTokenObjective()
    results = []
    for samples in (texts(), packed(texts(), 20)):
        net = network(architecture, attention)
        batch = whole(samples)
        outputs = objective.forward(net, batch)
        (objective.losses(outputs, batch).sum() / batch["window"]).backward()
        results.append((objective.measure(outputs, batch), {name: p.grad for name, p in net.named_parameters()}))
    ((losses, counts), gradients), ((packed_losses, packed_counts), packed_gradients) = results
    assert len(packed_losses) < len(losses), "some share a sample"
    assert packed_counts.sum() == counts.sum()
    assert packed_losses.sum().item() / counts.sum().item() == pytest.approx(
        losses.sum().item() / counts.sum().item(), abs=1e-5
    )
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, packed_gradients[name], atol=1e-5), name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_loss_is_that_of_plain_transformers(architecture):
    net = network(architecture)
    batch = whole(texts())
    losses, counts = NextTokenObjective().measure(NextTokenObjective().forward(net, batch), batch)
    plain = net(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"]).loss
    assert (losses.sum() / counts.sum()).item() == pytest.approx(plain.item(), abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_keeps_texts_apart_passes_and_goes_on_as_it_was(architecture):
    net = network(architecture).train()
    check_packing(net)
    assert net.training


def test_an_architecture_that_does_not_is_refused_by_name():
    torch.manual_seed(0)
    small = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 2}
    for kind, fields in {"mamba": {"state_size": 4}, "bloom": {"n_head": 4}}.items():
        net = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **small, **fields))
        with pytest.raises(ConfigError, match=rf"data.packing: {kind} .*does not keep packed texts apart"):
            check_packing(net)
