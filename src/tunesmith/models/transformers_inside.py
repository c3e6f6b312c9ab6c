"""Inner parts of transformers that several files use, as of 5.23; `tests/test_foreign_privates.py` names each."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PretrainedConfig


def has_class_for(auto: Any, config: PretrainedConfig) -> bool:
    """Whether an Auto class knows a class for an architecture; publicly it tells by failing to build the network."""
    return type(config) in auto._model_mapping


def attention_of(config: PretrainedConfig) -> str:
    """The kind of attention that a network was built with, e.g. `sdpa`; publicly it can be set, and not read."""
    implementation: str = config._attn_implementation
    return implementation


def set_attention(config: PretrainedConfig, implementation: str) -> None:
    """Choose the attention of a network that is yet to be built; publicly only while the config is made, or after."""
    config._attn_implementation = implementation


def draw_again(module: torch.nn.Module) -> None:
    """Let `initialize_weights` draw a module's weights, which it does once only."""
    module._is_hf_initialized = False  # type: ignore[assignment]
