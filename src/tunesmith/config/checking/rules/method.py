"""Rules for how weights are changed."""

from __future__ import annotations

import re
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.methods import (
    ADAPTERS,
    BUILT_IN,
    DEFAULT,
    accepts_keyword,
    is_adapter,
    is_partial,
    method_label,
    trains_layers,
)
from tunesmith.errors import Problem


@rule("method.name", "method._target_")
def _class(name: str | None, target: str | None) -> Problem | None:
    if name in ADAPTERS:
        return _of_adapter(str(name), target)
    if name is None and target is None:
        return Problem("method.name", "is required without method._target_", None, f"Start from method={DEFAULT}")
    if name is not None and target is not None:
        hint = "Set method.name=null" if is_partial(target) else "Start from method=lora"
        return Problem("method._target_", f"has no effect with method.name={name}", target, hint)
    return None


def _of_adapter(name: str, target: str | None) -> Problem | None:
    if target is None:
        return Problem("method._target_", f"is required with method.name={name}", "null", f"Start from method={name}")
    if is_partial(target):
        return Problem(
            "method.name", f"is the name of an adapter, but {target} is not one", name, "Set method.name=null"
        )
    return None


@rule("method.name", "method._target_", "method.layers", "method.frozen", "method.unfrozen_by")
def _part(name: str | None, target: str | None, *values: Any) -> Problem | None:
    given = dict(zip(("layers", "frozen", "unfrozen_by"), values, strict=True))
    if name is None:
        unread = next((key for key, value in given.items() if value and not accepts_keyword(target, key)), None)
        return Problem(f"method.{unread}", f"{target} takes no {unread}", str(given[unread])) if unread else None
    for owner, traits in BUILT_IN.items():
        key, value = traits.key, given.get(traits.key or "")
        if name == owner and key and not value:
            hint = f"Set it, e.g. method.{key}={traits.example}"
            return Problem(f"method.{key}", f"is required with method.name={name}", None, hint)
        if name != owner and key and value:
            return Problem(f"method.{key}", f"has no effect with method.name={name}", str(value), f"Use method={owner}")
    return None


@rule("model.quantization", "method.name", "method._target_")
def _quantised_base(quantization: str, name: str | None, target: str | None) -> Problem | None:
    if quantization == "none" or is_adapter(target):
        return None
    rule_text = f"quantised weights cannot be trained, but method={method_label(name, target)} trains them"
    return Problem("model.quantization", rule_text, quantization, "Use method=lora")


@rule("method.frozen")
def _patterns(frozen: list[str]) -> Problem | None:
    for pattern in frozen:
        try:
            re.compile(pattern)
        except re.error as error:
            return Problem("method.frozen", f"is not a regular expression: {error}", pattern)
    return None


@rule("method.num_virtual_tokens")
def _prompt_length(count: int | None) -> Problem | None:
    if count is None or count >= 1:
        return None
    return Problem("method.num_virtual_tokens", "must be at least 1: only the prompt is trained", str(count))


@rule("method.name", "method._target_", "optimizer.layer_decay")
def _decay_over_layers(name: str | None, target: str | None, decay: float) -> Problem | None:
    if trains_layers(name, target) or decay == 1:
        return None
    hint = "Use method=full or method=last_layers"
    return Problem("optimizer.layer_decay", f"has no effect with method={name}: no layer is trained", str(decay), hint)
