"""Rules for callbacks that average weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.config.checking.signatures import Signature, read_signature
from tunesmith.errors import Problem

LIBRARY = "pytorch_lightning.callbacks"
AVERAGE = f"+callbacks.average._target_={LIBRARY}.EMAWeightAveraging +callbacks.average.decay=0.99"
REFUSED = {
    f"{LIBRARY}.StochasticWeightAveraging": (
        "averages after the last validation, so the average would be neither evaluated nor kept",
        f"Use an average that is evaluated: {AVERAGE}",
    ),
}
"""Class to the reason why neither it nor its subclasses can be used in a run, and what to do instead."""


@rule("callbacks", "model.quantization")
def _weights(callbacks: Mapping[str, Any] | None, quantization: str) -> Problem | None:
    for name, node in (callbacks or {}).items():
        target = node.get("_target_") if isinstance(node, Mapping) else None
        signature = read_signature(target) if isinstance(target, str) else None
        if signature is None:
            continue
        for refused, (reason, hint) in REFUSED.items():
            if _derives(signature, refused):
                return Problem(f"callbacks.{name}", reason, target, hint)
        if not _derives(signature, f"{LIBRARY}.WeightAveraging"):
            continue
        if (problem := _arguments(f"callbacks.{name}", node, signature)) is not None:
            return problem
        if quantization != "none":
            hint = "Set model.quantization=none, or leave it out"
            return Problem(f"callbacks.{name}", "cannot average quantised weights", target, hint)
    return None


def _arguments(where: str, node: Mapping[str, Any], signature: Signature) -> Problem | None:
    """The first problem of its arguments: Lightning passes on unknown ones, which torch refuses only at the start."""
    own = signature.name.startswith("pytorch_lightning.")
    for key in node if own else ():
        if key != "_target_" and key not in signature.by_name:
            rule_text, known = "is not a parameter of this average that a config can set", ", ".join(signature.by_name)
            return Problem(f"{where}.{key}", rule_text, str(node[key]), f"It has {known}")
    every = node.get("update_every_n_steps", 1)
    by_epochs = every == 0 and node.get("update_starting_at_epoch") is not None  # 0 steps: at the end of epochs only
    if isinstance(every, int) and every < 1 and not by_epochs:
        return Problem(f"{where}.update_every_n_steps", "must be at least 1", str(every))
    if node.get("device") not in (None, "cpu"):
        rule_text, hint = "must be null (the run's device) or cpu", "Leave it out"
        return Problem(f"{where}.device", rule_text, str(node["device"]), hint)
    return None


def _derives(signature: Signature, name: str) -> bool:
    base = read_signature(name)
    return base is not None and base.name in (signature.name, *signature.ancestors)
