"""Weights from a folder or the Hub, and what they lack of the network or have beyond it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoConfig, PretrainedConfig

from tunesmith.config.schema import Model
from tunesmith.errors import FilesError
from tunesmith.models.anatomy import anatomy
from tunesmith.models.head_start import listed
from tunesmith.models.load_errors import explained
from tunesmith.models.source import loading

log = logging.getLogger("tunesmith")

Say = Callable[..., None]
"""One of the log's methods."""


def own_config(model: Model) -> PretrainedConfig:
    """The config as the checkpoint has it: its own labels, in the order of its outputs.

    Raises:
        FilesError: It cannot be found or read.
    """
    assert model.path is not None
    with explained(model.path):
        config: PretrainedConfig = AutoConfig.from_pretrained(**loading(model, model.path))
    return config


def read_weights(auto: Any, model: Model, config: PretrainedConfig) -> tuple[Any, Mapping[str, Any]]:
    """The network with a checkpoint's weights, and transformers' account of what did not fit.

    Raises:
        FilesError: They cannot be found or read.
    """
    assert model.path is not None  # validation asks for a path unless init=random
    with explained(model.path):
        network, account = auto.from_pretrained(
            **loading(model, model.path),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # told by `check_against_file`, in words of the config
            output_loading_info=True,
            quantization_config=_quantization(model),
        )
    return network, account


def _quantization(model: Model) -> Any | None:
    """How the base is quantised while adapters are trained on it (arXiv:2305.14314)."""
    if model.quantization == "none":
        return None
    from transformers import BitsAndBytesConfig

    if model.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)


def not_read(account: Mapping[str, Any]) -> list[str]:
    """The network's weights that the checkpoint does not have, or not of this size, in order."""
    return sorted({*account["missing_keys"], *(name for name, *_ in account["mismatched_keys"])})


def check_against_file(
    network: Any, account: Mapping[str, Any], model: Model, say: Say, outputs: Sequence[str] | None
) -> None:
    """Refuse a network of which a part is random though it was to be read; say what was read but has no place.

    A head may be new. Where `model.config` asks for another shape, the rest may be too.

    Args:
        network: The network.
        account: What `read_weights` says of it.
        model: The model config.
        say: Takes a mere fact; what could mislead is a warning in any case.
        outputs: The parameters of the task's head; None for a model that writes text, of which no part may be new.

    Raises:
        FilesError: Weights outside the head are missing.
    """
    new = () if outputs is None else (*outputs, *anatomy(network).heads)
    lacking = [name for name in not_read(account) if not _within(name, new)]
    sizes = {name: f"{name} is {_size(have)} there and {_size(need)} here" for name, have, need in _sizes(account)}
    if lacking:
        shapes = [sizes.get(name, name) for name in lacking]
        sentence = f"{len(lacking)} of the network's weights are not in {model.path}: {listed(shapes)}"
        if not model.config and model.quantization == "none":
            raise FilesError(
                f"{sentence}. They would be random. {_other_names(account)}"
                "To train an untrained network of this architecture: model.init=random"
            )
        log.warning("%s. They are drawn from the seed, as model.config asks for another shape", sentence)
    _say_unused(network, account["unexpected_keys"], model, say)


def _other_names(account: Mapping[str, Any]) -> str:
    unused = sorted(account["unexpected_keys"])
    if not unused:
        return ""
    return (
        f"It has {len(unused)} of other names ({listed(unused[:2])}): save it with save_pretrained of its own class. "
    )


def _say_unused(network: Any, unused: Iterable[str], model: Model, say: Say) -> None:
    """A head of another task is left out as a matter of course; layers are not."""
    inside = {network.base_model_prefix, *(name for name, _ in _backbone(network).named_children())}
    parts = sorted({".".join(name.split(".")[:2]) for name in unused if name.partition(".")[0] not in inside})
    layers = sorted(name for name in unused if name.partition(".")[0] in inside)
    if parts:
        say("left out, as this network has no place for it: %s", listed(parts))
    if layers:
        level = say if model.config else log.warning
        level("%d weights of %s have no place in this network: %s", len(layers), model.path, listed(layers))


def _backbone(network: Any) -> Any:
    return getattr(network, network.base_model_prefix, network)


def _sizes(account: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[int], Sequence[int]]]:
    return ((name, have, need) for name, have, need in account["mismatched_keys"])


def _size(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _within(name: str, parents: Sequence[str]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)
