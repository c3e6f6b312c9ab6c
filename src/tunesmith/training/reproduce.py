"""Run a saved run again and say whether the result is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.config.compose import compose_from
from tunesmith.errors import FilesError
from tunesmith.runs.record import Record
from tunesmith.training.run import train

TOLERANCE = 1e-4
"""Largest difference of any metric at which two results count as equal: far below any standard error."""


@dataclass(frozen=True)
class Verdict:
    """How a rerun compares with the original."""

    original: Record
    rerun: Record
    differences: list[tuple[str, Any, Any]]
    """What differs in the conditions: name, then, now."""

    @property
    def bit_identical(self) -> bool:
        """Same weights to the last bit, and exactly the same metrics."""
        then, now = self.original.results, self.rerun.results
        return then["weights_sha256"] == now["weights_sha256"] and self.original.metrics == self.rerun.metrics

    @property
    def equal(self) -> bool:
        """Every metric equal within the tolerance."""
        then, now = self.original.metrics, self.rerun.metrics
        return then.keys() == now.keys() and all(abs(then[name] - now[name]) <= TOLERANCE for name in then)

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.bit_identical:
            return "bit-identical: the same weights to the last bit, and the same metrics"
        cause = ", ".join(name for name, _, _ in self.differences) or "no recorded condition differs"
        if self.equal:
            return f"equal within tolerance: every metric within {TOLERANCE}; the weights differ ({cause})"
        return f"differs ({cause})"


def reproduce(original: Record, *, trust: Sequence[str] = ()) -> Verdict:
    """Relaunch a run from its saved config in a new directory and compare.

    Raises:
        FilesError: The run did not complete, so that there is nothing to compare with.
    """
    if original.status != "completed":
        raise FilesError(f"{original.path} is {original.status}: only a completed run has a result to reproduce")
    rerun = train(compose_from(original.path, [], trust=trust), trust=trust)
    return Verdict(original, rerun, differences(original.provenance, rerun.provenance))


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Conditions that can change a result and do differ: threads, precision, Python, packages, hardware, code, data."""
    found = []
    keys = ("threads", "precision", "python", "packages", "hardware", "repositories", "data", "model")
    for key in keys:
        first, second = (_repositories(side) if key == "repositories" else side.get(key) for side in (then, now))
        found += _differences(key, first, second)
    return found


def _repositories(provenance: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Repositories by the name of their folder, so that each fact about them is compared for itself."""
    return {Path(state["root"]).name: {**state, "root": None} for state in provenance.get("repositories", [])}


def _differences(name: str, then: Any, now: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(then, dict) and isinstance(now, dict):
        keys = sorted(then.keys() | now.keys())
        return [item for key in keys for item in _differences(f"{name}.{key}", then.get(key), now.get(key))]
    return [] if then == now else [(name, then, now)]
