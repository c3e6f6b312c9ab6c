"""Rules on callbacks that average weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.rules.registry import rule
from tunesmith.config.signatures import Signature, read_signature
from tunesmith.errors import Problem

LIBRARY = "pytorch_lightning.callbacks"
AVERAGE = f"+callbacks.average._target_={LIBRARY}.EMAWeightAveraging +callbacks.average.decay=0.99"
REFUSED = {
    f"{LIBRARY}.StochasticWeightAveraging": (
        "averages after the last validation, so that the average would be neither measured nor kept",
        f"Use an average that is measured: {AVERAGE}",
    ),
}
"""Class to why a run cannot have it, and what to do instead; what derives from it neither."""


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
        if quantization != "none" and _derives(signature, f"{LIBRARY}.WeightAveraging"):
            hint = "Set model.quantization=none, or leave it out"
            return Problem(f"callbacks.{name}", "cannot average quantised weights", target, hint)
    return None


def _derives(signature: Signature, name: str) -> bool:
    base = read_signature(name)
    return base is not None and base.name in (signature.name, *signature.ancestors)
