"""Loads weights from a folder or the Hub, and checks for missing and unexpected ones."""

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
"""A method of the logger, such as `log.info`."""


def own_config(model: Model) -> PretrainedConfig:
    """Load the checkpoint's own config, with its labels in the order of its outputs.

    Raises:
        FilesError: The config cannot be found or read.
    """
    assert model.path is not None
    with explained(model.path):
        config: PretrainedConfig = AutoConfig.from_pretrained(**loading(model, model.path))
    return config


def read_weights(auto: Any, model: Model, config: PretrainedConfig) -> tuple[Any, Mapping[str, Any]]:
    """Load a network with a checkpoint's weights, and transformers' report on keys that did not match.

    Raises:
        FilesError: The weights cannot be found or read.
    """
    assert model.path is not None  # validation asks for a path unless init=random
    with explained(model.path):
        network, account = auto.from_pretrained(
            **loading(model, model.path),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # reported by `check_against_file`, in terms of the config
            output_loading_info=True,
            quantization_config=_quantization(model),
        )
    return network, account


def _quantization(model: Model) -> Any | None:
    """Quantisation of the base under an adapter (arXiv:2305.14314)."""
    if model.quantization == "none":
        return None
    from transformers import BitsAndBytesConfig

    if model.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)


def not_read(account: Mapping[str, Any]) -> list[str]:
    """Weights of the network that are missing from the checkpoint or have another size there, sorted."""
    return sorted({*account["missing_keys"], *(name for name, *_ in account["mismatched_keys"])})


def check_against_file(
    network: Any, account: Mapping[str, Any], model: Model, say: Say, outputs: Sequence[str] | None
) -> None:
    """Refuse a network whose weights were not all read from the checkpoint; report weights that it has no place for.

    A head may be new. If `model.config` changes a shape, other weights may be new as well.

    Args:
        network: The network.
        account: The report of `read_weights`.
        model: The model config.
        say: Logs facts; anything misleading is logged as a warning instead.
        outputs: The parameters of the task's head; None for a model that writes text, where nothing may be new.

    Raises:
        FilesError: Weights outside the head are missing.
    """
    new = () if outputs is None else (*outputs, *anatomy(network).heads)
    lacking = [name for name in not_read(account) if not _within(name, new)]
    sizes = {name: f"{name} is {_size(have)}, not {_size(need)}" for name, have, need in _sizes(account)}
    if lacking:
        shapes = [sizes.get(name, name) for name in lacking]
        sentence = f"{len(lacking)} of the network's weights are missing from {model.path}: {listed(shapes)}"
        if not model.config and model.quantization == "none":
            raise FilesError(
                f"{sentence}. They would stay random. {_other_names(account)}"
                "To train an untrained network of this architecture: model.init=random"
            )
        log.warning("%s. They are initialised from the seed, because model.config changes their shape", sentence)
    _say_unused(network, account["unexpected_keys"], model, say)


def _other_names(account: Mapping[str, Any]) -> str:
    unused = sorted(account["unexpected_keys"])
    if not unused:
        return ""
    return (
        f"It has {len(unused)} under other names ({listed(unused[:2])}): save it with its own class's save_pretrained. "
    )


def _say_unused(network: Any, unused: Iterable[str], model: Model, say: Say) -> None:
    """Report unused weights: another task's head is routine, unused layers are worth a warning."""
    inside = {network.base_model_prefix, *(name for name, _ in _backbone(network).named_children())}
    parts = sorted({".".join(name.split(".")[:2]) for name in unused if name.partition(".")[0] not in inside})
    layers = sorted(name for name in unused if name.partition(".")[0] in inside)
    if parts:
        say("not loaded, because this network has no such modules: %s", listed(parts))
    if layers:
        level = say if model.config else log.warning
        level("%d weights of %s do not belong to this network: %s", len(layers), model.path, listed(layers))


def _backbone(network: Any) -> Any:
    return getattr(network, network.base_model_prefix, network)


def _sizes(account: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[int], Sequence[int]]]:
    return ((name, have, need) for name, have, need in account["mismatched_keys"])


def _size(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _within(name: str, parents: Sequence[str]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)
