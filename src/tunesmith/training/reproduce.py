"""Run a saved run again and report whether the result is the same, and if not, the likely cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.config.changes import differing
from tunesmith.config.composing.compose import Composed, compose_from
from tunesmith.config.fingerprint import fingerprint, identifies
from tunesmith.config.trust import trusting
from tunesmith.errors import DataError, FilesError
from tunesmith.models.groundwork import read_groundwork
from tunesmith.provenance.collect import origin
from tunesmith.provenance.compare import Difference, differences, in_words
from tunesmith.runs.record import Record
from tunesmith.training.auto_values import decide
from tunesmith.training.build import build_network, read_fitted
from tunesmith.training.start import train

TOLERANCE = 1e-4
"""Largest difference of any metric at which two results count as equal; far below any standard error."""


CAUSES = {
    "data": ("data.",),
    "model": ("model.", "method.", "seed"),
    "threads": ("trainer.threads",),
    "precision": ("trainer.precision",),
}
"""Maps a condition to the config keys that determine it."""

INGREDIENTS = ("provenance", "config_fingerprint", "data", "model", "trusted_sha256")
"""Conditions that are part of the run itself: if one differs, even equal numbers are those of a different run."""


@dataclass(frozen=True)
class Check:
    """A run's record compared with the current environment."""

    original: Record
    composed: Composed
    """The rerun's config."""
    changes: list[Difference]
    """Config keys changed on purpose; if there are any, the rerun is a variation."""
    differences: list[Difference]
    """Conditions that have changed."""

    @property
    def same(self) -> bool:
        """Whether no difference can change the result."""
        return not self.changes and not any(difference.matters for difference in self.differences)

    @property
    def other_ingredients(self) -> bool:
        """Whether the run's config, data, model or own code has changed."""
        return any(item.matters and item.name.startswith(INGREDIENTS) for item in self.differences)

    @property
    def sentence(self) -> str:
        """Describe the check."""
        if self.changes:
            return f"a variation of {self.original.path} in {in_words(self.changes)}"
        if self.same:
            return "no difference that can change the result"
        return f"these differences can change the result: {in_words(self.differences)}"


@dataclass(frozen=True)
class Verdict:
    """How a rerun compares with the original."""

    check: Check
    rerun: Record

    @property
    def original(self) -> Record:
        """The original run."""
        return self.check.original

    @property
    def same_weights(self) -> bool:
        """Whether the weights are bit-identical."""
        then, now = (run.results.get("weights_sha256") for run in (self.original, self.rerun))
        return then == now is not None

    @property
    def bit_identical(self) -> bool:
        """Whether config, weights and metrics are all exactly the same."""
        return not self.check.changes and self.same_weights and self.original.metrics == self.rerun.metrics

    @property
    def reproduced(self) -> bool:
        """Whether the same inputs gave the same result; packages or machines may differ."""
        return self.bit_identical and not self.check.other_ingredients

    @property
    def equal(self) -> bool:
        """Whether every metric is equal within the tolerance."""
        then, now = self.original.metrics, self.rerun.metrics
        return bool(then) and then.keys() == now.keys() and all(gap <= TOLERANCE for gap in self._gaps().values())

    @property
    def sentence(self) -> str:
        """Describe the verdict, with the likely cause of a difference."""
        differing = in_words(self.check.differences)
        if self.check.changes:
            result = f"every metric within {TOLERANCE} of the original's" if self.equal else self._largest_gap()
            also = f". Other differences: {differing}" if differing else ""
            return f"a variation, not a reproduction, in {in_words(self.check.changes)}: {result}{also}"
        if self.bit_identical:
            same = "the same weights to the last bit, and the same metrics"
            if self.check.other_ingredients:
                return f"not the same run: {same}, but from different inputs: {differing}"
            return f"bit-identical: {same}{f', despite differences: {differing}' if differing else ''}"
        cause = f"likely cause: {differing}" if differing else "no recorded difference explains it"
        weights = "the same weights to the last bit" if self.same_weights else "the weights are not bit-identical"
        if self.equal:
            return f"close, but not the same: every metric within {TOLERANCE} of the original's, {weights}; {cause}"
        return f"differs: {self._largest_gap()}, {weights}; {cause}"

    def _gaps(self) -> dict[str, float]:
        then, now = self.original.metrics, self.rerun.metrics
        return {name: abs(then[name] - now[name]) for name in then.keys() & now.keys()}

    def _largest_gap(self) -> str:
        gaps = self._gaps()
        if not gaps or self.original.metrics.keys() != self.rerun.metrics.keys():
            return "the metrics are not the original's"
        name = max(gaps, key=lambda name: gaps[name])
        return f"{name} is {self.rerun.metrics[name]:.6g}, and was {self.original.metrics[name]:.6g}"


def check_origins(original: Record, overrides: Sequence[str] = (), *, trust: Sequence[str] = ()) -> Check:
    """Compare code, data, model, packages, threads and machine with a run's record, without training.

    Args:
        original: The run; a copy of its directory is enough.
        overrides: Values to change, which makes the rerun a variation.
        trust: The user's own modules that `_target_`s may name.

    Raises:
        FilesError: The run did not complete, so there is nothing to compare with.
        ConfigError: The saved config or an override is invalid, or needs a module that is not trusted here.
    """
    if original.status != "completed":
        raise FilesError(f"{original.path} is {original.status}: only a completed run has a result to reproduce")
    with trusting(trust):
        composed = _from_the_start(decide(compose_from(original.path, overrides)))
        changes = _changes(original, composed)
        conditions = _conditions(original, composed)
    return Check(original, composed, changes, [item for item in conditions if not _follows(item, changes)])


def rerun(checked: Check) -> Verdict:
    """Train again in a new directory and compare the results.

    Raises:
        TunesmithError: The rerun failed; its directory has the reason.
    """
    return Verdict(checked, train(checked.composed))


def _from_the_start(composed: Composed) -> Composed:
    """Force a new run; a saved `run.resume=auto` would resume an unfinished one with the same config."""
    saved = composed.saved | {"run": composed.saved["run"] | {"resume": "never"}}
    return composed.with_saved(saved)


def _follows(difference: Difference, changes: Sequence[Difference]) -> bool:
    """Whether a condition differs because the config was changed."""
    keys = CAUSES.get(difference.name.partition(".")[0], ())
    return any(change.name.startswith(keys) for change in changes) if keys else False


def _changes(original: Record, composed: Composed) -> list[Difference]:
    """Keys of the config that overrides change, except those that only the current schema has."""
    given = {text.partition("=")[0].lstrip("+~") for text in composed.overrides}
    changes = [
        Difference(key, then, now)
        for key, then, now in differing(original.config, composed.saved)
        if _has(original.config, key) or key in given
    ]
    return [*_continued(original), *changes]


def _continued(original: Record) -> list[Difference]:
    """Keys that were changed during the run; a rerun has the new values from its start."""
    try:
        return [
            Difference(item["key"], f"{item['then']} until step {item['step']}", item["now"])
            for item in original.provenance.get("continued", [])
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise FilesError(f"{original.directory.provenance} is damaged: {type(error).__name__}: {error}") from error


def _has(config: Any, key: str) -> bool:
    first, _, rest = key.partition(".")
    return isinstance(config, dict) and first in config and (not rest or _has(config[first], rest))


def _conditions(original: Record, composed: Composed) -> list[Difference]:
    config = composed.config
    splits, network, tokenizer, faults = None, None, None, {}
    try:
        splits = read_fitted(config)
    except (DataError, FilesError) as error:
        faults["data"] = str(error)
    try:
        ground = read_groundwork(config.model)
        tokenizer, network = ground.tokenizer, build_network(config, original.labels, ground)
    except FilesError as error:
        faults["model"] = str(error)
    now = origin(composed, splits, network, tokenizer) | faults
    then = original.provenance.get("config_fingerprint")
    same = isinstance(then, str) and identifies(then, original.config)
    now["config_fingerprint"] = then if same else fingerprint(original.config)
    try:
        return differences(original.provenance, now)
    except (AttributeError, KeyError, TypeError) as error:
        raise FilesError(f"{original.directory.provenance} is damaged: {type(error).__name__}: {error}") from error
