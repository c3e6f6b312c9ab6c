"""How weights are changed: all of them, or through adapters."""

from __future__ import annotations

from typing import Any

import torch

from tunesmith.config.schema import Method
from tunesmith.config.seeding import derive_seed
from tunesmith.errors import ConfigError, Problem


def apply_method(network: Any, method: Method, peft_config: Any | None, seed: int) -> torch.nn.Module:
    """The network as it will be trained.

    Args:
        network: The network with all weights.
        method: The method config.
        peft_config: The instantiated `method._target_`; None for full fine-tuning.
        seed: The run's seed, from which adapters are initialised.

    Raises:
        ConfigError: The adapter names modules that the network does not have.
    """
    adapted: torch.nn.Module = network
    if peft_config is None:
        return adapted
    import peft

    peft_config.task_type = peft.TaskType.SEQ_CLS
    known = peft.utils.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    architecture: str = network.config.model_type
    if peft_config.target_modules is None and architecture not in known:
        peft_config.target_modules = "all-linear"
    torch.manual_seed(derive_seed(seed, "adapter"))
    try:
        adapted = peft.get_peft_model(network, peft_config)
    except ValueError as error:
        if "target_modules" not in str(error) and "Target modules" not in str(error):
            raise
        hint = f"Its linear layers are named {', '.join(linear_names(network))}"
        rule = f"{architecture} has no modules of these names"
        received = str(sorted(method.kwargs().get("target_modules") or []))
        raise ConfigError([Problem("method.target_modules", rule, received, hint)]) from None
    return adapted


def linear_names(network: torch.nn.Module) -> list[str]:
    """The last name of each linear layer, once each, in alphabetical order."""
    linear = (name for name, module in network.named_modules() if isinstance(module, torch.nn.Linear))
    return sorted({name.rpartition(".")[2] for name in linear})


def count_parameters(network: torch.nn.Module) -> tuple[int, int]:
    """All parameters and those that are trained."""
    parameters = list(network.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)
