"""Private parts of transformers 5.23 that several files use; each is listed in `tests/test_foreign_privates.py`."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PretrainedConfig


def has_class_for(auto: Any, config: PretrainedConfig) -> bool:
    """Whether an Auto class supports an architecture; publicly, this shows only when building a network fails."""
    return type(config) in auto._model_mapping


def attention_of(config: PretrainedConfig) -> str:
    """Return the attention that a network was built with, e.g. `sdpa`; the public API can set it but not read it."""
    implementation: str = config._attn_implementation
    return implementation


def set_attention(config: PretrainedConfig, implementation: str) -> None:
    """Choose a network's attention before it is built; the public API allows it only with the config, or later."""
    config._attn_implementation = implementation


def allow_reinitialization(module: torch.nn.Module) -> None:
    """Let `initialize_weights` initialise a module again, which it otherwise does only once."""
    module._is_hf_initialized = False  # type: ignore[assignment]
