import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

from tunesmith.optim.parameter_groups import parameter_groups


@pytest.fixture
def config():
    return BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3
    )


def identities(groups):
    return [id(parameter) for group in groups for parameter in group["params"]]


def test_every_trainable_parameter_is_in_one_group(config):
    network = BertForSequenceClassification(config)
    for parameter in network.bert.embeddings.parameters():
        parameter.requires_grad = False
    found = identities(parameter_groups(network, 0.1))
    assert len(found) == len(set(found))
    assert set(found) == {id(p) for p in network.parameters() if p.requires_grad}


def test_biases_and_normalisation_do_not_decay_and_matrices_do(config):
    network = BertForSequenceClassification(config)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    decay, rest = parameter_groups(network, 0.1)
    assert (decay["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    exempt = {names[id(p)] for p in rest["params"]}
    assert exempt == {name for name in names.values() if name.endswith("bias") or "LayerNorm" in name}


def test_decay_shrinks_matrices_only(config):
    network = BertForSequenceClassification(config)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimizer = torch.optim.AdamW(parameter_groups(network, 0.5), lr=0.1)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in network.named_parameters():
        factor = 1.0 if name.endswith("bias") or "LayerNorm" in name else 1 - 0.1 * 0.5
        assert torch.allclose(parameter, before[name] * factor, atol=1e-7), name


def test_a_tied_parameter_is_there_once(config):
    network = BertForMaskedLM(config)
    assert network.cls.predictions.decoder.weight is network.bert.embeddings.word_embeddings.weight
    found = identities(parameter_groups(network, 0.1))
    assert found.count(id(network.bert.embeddings.word_embeddings.weight)) == 1


def test_a_group_without_parameters_is_left_out():
    only_matrix = torch.nn.Linear(3, 3, bias=False)
    assert [len(group["params"]) for group in parameter_groups(only_matrix, 0.1)] == [1]
