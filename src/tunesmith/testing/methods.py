"""Properties of every method that trains part of a network's weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from tunesmith.models.freezing import freeze, names_at, trained_names
from tunesmith.models.method import PartialMethod, weights_of

SIZES = {"vocab_size": 30, "pad_token_id": 0, "initializer_range": 0.3}
NETWORKS: dict[str, dict[str, Any]] = {
    "encoder": {
        "model_type": "bert",
        **{"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 8},
    },
    "causal": {
        "model_type": "llama",
        **{"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 8},
    },
    "seq2seq": {
        "model_type": "t5",
        "d_model": 8,
        "d_kv": 4,
        "d_ff": 8,
        "num_layers": 2,
        "num_heads": 2,
        "decoder_start_token_id": 0,
    },
}
"""Maps families to small architectures with layers, a head and random weights."""
STEPS = 6


class MethodContract(ABC):
    """The suite of one method: subclass it with a name that begins with `Test`, and pytest runs it.

    Each network has two labels and small layers; a method for some families only lists them in `families`.
    """

    families: tuple[str, ...] = tuple(NETWORKS)
    """Network families that the method supports."""

    @abstractmethod
    def method(self) -> PartialMethod:
        """Create a method, as a config would."""

    @pytest.fixture(params=tuple(NETWORKS))
    def network(self, request: pytest.FixtureRequest) -> torch.nn.Module:
        """A network of each family, always with the same weights."""
        if request.param not in self.families:
            pytest.skip(f"the method does not support {request.param} networks")
        return built(request.param)

    def test_it_names_parameters_and_the_same_whenever_it_is_called(self, network: torch.nn.Module) -> None:
        """A resumed run calls it again, on weights that have changed."""
        method, weights = self.method(), weights_of(network)
        first = trained_names(weights, method)
        assert first == trained_names(weights, method) == trained_names(weights, self.method())
        freeze(network, method)
        make_steps(network, method, 0, STEPS)
        assert trained_names(weights_of(network), method) == first
        for step in (STEPS - 1, 0, STEPS - 1):
            assert names_at(weights, method, step, STEPS) == names_at(weights, self.method(), step, STEPS)

    def test_a_skeleton_is_answered_as_the_network(self, network: Any) -> None:
        """Before a run, there are no values to look at."""
        family = next(name for name, fields in NETWORKS.items() if fields["model_type"] == network.config.model_type)
        with torch.device("meta"):
            skeleton = built(family)
        assert trained_names(weights_of(skeleton), self.method()) == trained_names(weights_of(network), self.method())

    def test_what_it_names_changes_and_nothing_else(self, network: torch.nn.Module) -> None:
        """Every other parameter keeps its bits."""
        method, before = self.method(), state(network)
        freeze(network, method)
        names = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        changed = set()
        for step in range(STEPS):
            earlier = state(network)
            make_steps(network, method, step, step + 1)
            now = differing_tensors(earlier, state(network))
            assert now <= names_at(weights_of(network), method, step, STEPS), f"step {step} trains other weights"
            changed |= now
        assert changed
        assert differing_tensors(before, state(network)) <= names

    def test_the_head_is_trained(self, network: torch.nn.Module) -> None:
        """It was initialised at random for the task."""
        before, head = state(network), set(weights_of(network).head)
        freeze(network, self.method())
        make_steps(network, self.method(), 0, STEPS)
        assert head
        assert head <= differing_tensors(before, state(network))

    def test_what_is_saved_and_loaded_again_answers_the_same(self, network: Any, tmp_path: Path) -> None:
        """All weights are saved, whichever were trained."""
        freeze(network, self.method())
        make_steps(network, self.method(), 0, STEPS)
        network.save_pretrained(tmp_path)
        loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
        assert not differing_tensors(state(network), state(loaded))
        assert torch.allclose(logits(loaded), logits(network), atol=1e-5)  # summation order depends on memory layout

    def test_an_interruption_changes_nothing(self, network: Any) -> None:
        """What a step trains depends only on the step, also for a new object."""
        start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        freeze(network, self.method())
        make_steps(network, self.method(), 0, STEPS)
        straight = state(network)
        network.load_state_dict(start)
        method = self.method()
        make_steps(network, method, 0, STEPS // 2)
        make_steps(network, self.method(), STEPS // 2, STEPS)
        assert not differing_tensors(straight, state(network))


def built(family: str) -> torch.nn.Module:
    """Build a classifier of a family of `NETWORKS`, in evaluation mode, always with the same weights."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(**SIZES, **NETWORKS[family], num_labels=2)
    network: torch.nn.Module = AutoModelForSequenceClassification.from_config(config)
    return network.eval()


def make_steps(network: torch.nn.Module, method: PartialMethod, first: int, last: int) -> None:
    """Take steps of plain gradient descent, in a run of `STEPS` steps, as a run's callback would.

    Args:
        network: The network as returned by `freeze`.
        method: Decides which weights each step trains.
        first: The first step, from 0.
        last: The step before which to stop.
    """
    for step in range(first, last):
        weights = weights_of(network)
        names = names_at(weights, method, step, STEPS)
        network.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(network), torch.tensor([0, 1]))
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for name in names:
                parameter = weights.parameters[name]
                if parameter.grad is not None:
                    parameter.sub_(0.5 * parameter.grad)


def logits(network: Any) -> torch.Tensor:
    """The network's logits for two short texts; shape (2, 2)."""
    ids = torch.tensor([[5, 6, 7, 1], [9, 8, 7, 1]])  # 1 ends a text for T5
    return network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits  # type: ignore[no-any-return]


def state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of the network's parameters."""
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def differing_tensors(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> set[str]:
    """Names of the tensors that are not bit-identical."""
    return {name for name, tensor in left.items() if not torch.equal(tensor, right[name])}
