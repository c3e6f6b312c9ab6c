"""Rules on how weights are changed."""

from __future__ import annotations

import re
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.errors import Problem

ADAPTERS = ("lora", "ia3", "prompt")
"""Methods that are peft's."""


@rule("method.name", "method._target_")
def _adapter(name: str, target: str | None) -> Problem | None:
    if name not in ADAPTERS and target is not None:
        return Problem("method._target_", f"has no effect with method.name={name}", target, "Start from method=lora")
    if name in ADAPTERS and target is None:
        return Problem("method._target_", f"is required with method.name={name}", "null", f"Start from method={name}")
    return None


@rule("method.name", "method.layers", "method.frozen", "method.unfrozen_by")
def _part(name: str, layers: int | None, frozen: list[str], unfrozen_by: float | None) -> Problem | None:
    keys: dict[str, tuple[str, Any, str]] = {
        "last_layers": ("layers", layers, "2"),
        "freeze": ("frozen", frozen, "[embeddings]"),
        "gradual": ("unfrozen_by", unfrozen_by, "0.5"),
    }
    for owner, (key, value, example) in keys.items():
        if name == owner and not value:
            hint = f"Set it, e.g. method.{key}={example}"
            return Problem(f"method.{key}", f"is required with method.name={name}", None, hint)
        if name != owner and value:
            return Problem(f"method.{key}", f"has no effect with method.name={name}", str(value), f"Use method={owner}")
    return None


@rule("model.quantization", "method.name")
def _quantised_base(quantization: str, method: str) -> Problem | None:
    if quantization == "none" or method in ADAPTERS:
        return None
    rule_text = f"quantised weights cannot be trained, and method={method} trains them"
    return Problem("model.quantization", rule_text, quantization, "Use method=lora")


@rule("method.frozen")
def _patterns(frozen: list[str]) -> Problem | None:
    for pattern in frozen:
        try:
            re.compile(pattern)
        except re.error as error:
            return Problem("method.frozen", f"is no regular expression: {error}", pattern)
    return None


@rule("method.num_virtual_tokens")
def _prompt_length(count: int | None) -> Problem | None:
    if count is None or count >= 1:
        return None
    return Problem("method.num_virtual_tokens", "must be at least 1: the prompt is all that is trained", str(count))


@rule("method.name", "optimizer.layer_decay")
def _decay_over_layers(method: str, decay: float) -> Problem | None:
    if method != "head_only" or decay == 1:
        return None
    hint = "Use method=full or method=last_layers"
    return Problem(
        "optimizer.layer_decay", "has no effect with method=head_only: no layer is trained", str(decay), hint
    )
