"""A method of a user's own: what it returns is what is trained, or is refused with what it returned."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, BertConfig, LlamaConfig

from tunesmith.errors import ConfigError
from tunesmith.models.freezing import check_schedule, freeze, names_at
from tunesmith.models.method import PartialMethod, weights_of

SIZES = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.fixture
def network():
    return AutoModelForSequenceClassification.from_config(BertConfig(**SIZES))


class Answering(PartialMethod):
    """Returns, or raises, what it is given."""

    def __init__(self, answer):
        self.answer = answer

    def trained(self, weights):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(weights) if callable(self.answer) else self.answer


class Scheduled(Answering):
    """Trains everything in the course of a run, and in a step what it is given."""

    def trained(self, weights):
        return list(weights.parameters)

    def trained_at(self, weights, step, num_steps):
        return self.answer(weights, step)


def test_what_it_names_is_trained_and_the_head_too(network):
    freeze(network, Answering(lambda weights: [name for layer in weights.layers[::2] for name in layer]))
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    layers = {f"bert.encoder.layer.{number}" for number in (0, 2)}
    assert {".".join(name.split(".")[:4]) for name in trained if ".layer." in name} == layers
    assert {name.split(".")[0] for name in trained if ".layer." not in name} == {"bert", "classifier"}
    assert [name for name in trained if name.startswith("bert.pooler")], "the pooler is read by the head alone"


def test_weights_are_told_apart_by_their_part(network):
    weights = weights_of(network)
    assert [len(layer) for layer in weights.layers] == [16] * 4
    assert all("embeddings" in name for name in weights.embeddings)
    assert set(weights.head) == {name for name in weights.parameters if "pooler" in name or "classifier" in name}
    parts = [*weights.embeddings, *(name for layer in weights.layers for name in layer), *weights.head]
    assert parts == list(weights.parameters)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([], r"Answering.trained names no parameter \(received \[\]\)"),
        (["bert.embedings.word_embeddings.weight"], r"received bert.embedings.*Did you mean bert.embeddings"),
        ("classifier.weight", r"must return names of parameters \(received 'classifier.weight'\)"),
        (None, r"must return names of parameters \(received None\)"),
        ([torch.zeros(1)], r"must return names of parameters \(received \[tensor"),
        (KeyError("x"), r"raises KeyError: 'x'. See line \d+ of .*test_freezing.py"),
    ],
)
def test_anything_else_is_refused_with_what_it_returned(network, answer, sentence):
    before = [parameter.requires_grad for parameter in network.parameters()]
    with pytest.raises(ConfigError, match=sentence):
        freeze(network, Answering(answer))
    assert [parameter.requires_grad for parameter in network.parameters()] == before


def test_a_step_may_only_train_what_the_run_trains(network):
    freeze(network, Answering(lambda weights: weights.layers[3]))
    weights = weights_of(network)
    with pytest.raises(ConfigError, match=r"Scheduled.trained_at returns names that are not trainable parameters"):
        names_at(weights, Scheduled(lambda weights, step: weights.embeddings), 0, 10)
    assert names_at(weights, Scheduled(lambda weights, step: []), 0, 10) == set(weights.head)


def test_a_step_that_trains_nothing_is_met_before_the_run():
    network = AutoModelForCausalLM.from_config(LlamaConfig(**SIZES, num_key_value_heads=1, tie_word_embeddings=True))
    late = Scheduled(lambda weights, step: list(weights.parameters) if step < 9 else [])
    check_schedule(network, late, 9, most=4)
    with pytest.raises(ConfigError, match=r"names no parameter, and the network has no head.*\[\] at step 9 of 10"):
        check_schedule(network, late, 10, most=4)
