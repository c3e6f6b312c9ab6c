"""Finds parts of an adapter that a forward pass never reaches, which would not be trained."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import torch

from tunesmith.errors import ConfigError, Problem

ELSEWHERE = "Leave it out: the network reads these weights through another module"


def check_reach(adapted: Any, peft_config: Any) -> None:
    """Refuse adapted modules that the network never calls, such as T5's `shared`.

    Args:
        adapted: The network under the adapter, on the meta device.
        peft_config: The adapter's configuration.

    Raises:
        ConfigError: All modules that match a name are idle, so it would train nothing.
    """
    idle, wrapped = idle_parts(adapted), _wrapped(adapted)
    if idle is None:
        return
    for key in ("target_modules", "modules_to_save"):
        asked = getattr(peft_config, key, None) or ()
        for name in [asked] if isinstance(asked, str) else sorted(asked):
            fitting = wrapped if isinstance(asked, str) else _ending_in(name, wrapped)
            if fitting and set(fitting) <= idle:
                rule = "has no effect: nothing in the network calls this module"
                raise ConfigError([Problem(f"method.{key}", rule, name, ELSEWHERE)])


def check_tying(adapted: Any, peft_config: Any) -> None:
    """Refuse one adapter on two tied embeddings: peft neither saves nor merges it as it was trained.

    Raises:
        ConfigError: `ensure_weight_tying` is set, and an embedding or the output layer has an adapter.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    if not getattr(peft_config, "ensure_weight_tying", False):
        return
    network = adapted.get_base_model()
    ends = [getattr(network, f"get_{end}_embeddings", lambda: None)() for end in ("input", "output")]
    if any(isinstance(end, BaseTunerLayer) for end in ends):
        rule = "cannot be used with an adapter on tied embeddings: it would not be merged as it was measured"
        hint = "Leave it out: a merge then gives the layer under the adapter its own tensor"
        raise ConfigError([Problem("method.ensure_weight_tying", rule, "true", hint)])


def idle_parts(adapted: Any) -> set[str] | None:
    """Return the wrapped modules that a forward pass does not reach; None if no pass runs without weights.

    A head may depend on values, which a skeleton lacks: then the backbone is tried on its own.
    """
    network, training = adapted.get_base_model(), adapted.training
    adapted.eval()
    for part in (network, getattr(network, network.base_model_prefix, network)):
        place = next(name for name, module in adapted.named_modules() if module is part)
        names = [name for name in _wrapped(adapted) if name.startswith(f"{place}.")]
        reached = _reached(adapted, part, names)
        if reached is not None:
            adapted.train(training)
            return set(names) - reached
    adapted.train(training)
    return None


def _reached(adapted: Any, part: Any, names: list[str]) -> set[str] | None:
    """Return the names called in a forward pass of a part of the network; None if it fails."""
    called: set[str] = set()
    handles = [
        adapted.get_submodule(name).register_forward_pre_hook(lambda *_, name=name: called.add(name)) for name in names
    ]
    ids = torch.zeros((1, 4), dtype=torch.long, device="meta")
    writes = "decoder_input_ids" in inspect.signature(part.forward).parameters
    try:
        part(input_ids=ids, **({"decoder_input_ids": ids} if writes else {}))
    except (NotImplementedError, AttributeError, LookupError, TypeError, ValueError, RuntimeError):
        return None
    finally:
        for handle in handles:
            handle.remove()
    return called


def _wrapped(adapted: Any) -> list[str]:
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    kinds = BaseTunerLayer | AuxiliaryTrainingWrapper
    return [name for name, module in adapted.named_modules() if isinstance(module, kinds)]


def _ending_in(name: str, wrapped: Iterable[str]) -> list[str]:
    return [module for module in wrapped if module == name or module.endswith(f".{name}")]
