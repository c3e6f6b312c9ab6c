"""Start a run from an earlier one: its model, tokenizer and labels."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunesmith.config.changes import differing
from tunesmith.config.methods import is_prompt
from tunesmith.config.schema import Head, RunConfig
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.models.head_start import HeadStart
from tunesmith.redaction import redact_config
from tunesmith.runs.record import Record
from tunesmith.training.networks import earlier_run, has_adapter

log = logging.getLogger("tunesmith")

TAKEN = ("path", "family", "revision", "init", "config", "head")
"""Model keys taken over from a run whose adapter is applied to a base."""
PLACES = tuple(f"model.{key}" for key in ("from_run", "path", "tokenizer", "family", "revision", "init", "config"))
"""Where weights and tokenizer are; follows from `model.from_run`."""
GROUPS = ("task", "data", "model", "method", "optimizer", "scheduler", "seed", "trainer")
"""Groups of keys in the order in which differences are listed."""
OUTPUTS = {"moved": ", outputs reordered to their labels", "new": ", new outputs", "drawn": ", a new head"}
"""Describes a head's start if it is not simply the earlier run's."""
MOST_SHOWN = 12
"""Maximum differences listed; beyond this only the count is shown."""
LONGEST_SHOWN = 60
"""Maximum characters shown of a value."""


def start_of(config: RunConfig) -> dict[tuple[str, str], Any]:
    """The decisions that follow from `model.from_run`: where weights and tokenizer are.

    The model of the earlier run is a folder like any other. An adapter's base is that of the earlier run's config; the
    adapter is merged into it when the network is built (`networks.first_network`).

    Raises:
        ConfigError: Its model cannot be trained on.
        FilesError: It is not a run, or has no model.
    """
    if config.model.from_run is None:
        return {}
    record = earlier_run(config.model.from_run)
    earlier, folder = record.config["model"], record.best_weights()
    taken: dict[str, Any] = {key: earlier[key] for key in TAKEN if key in earlier}
    _check_head(config.model.head, taken.get("head", {}), record)
    taken["head"] = {**taken.get("head", {}), "start": config.model.head.start}
    if has_adapter(record) and is_prompt(record.config["method"].get("_target_")):
        rule = "a prompt cannot be merged into the weights to start training from them"
        raise ConfigError([Problem("model.from_run", rule, str(record.path), "Start from another run")])
    if not has_adapter(record):
        # One of our heads saves only T5's encoder, which belongs to another family than T5.
        taken |= {"path": str(folder), "family": "auto", "revision": None, "init": "pretrained", "config": {}}
    return {("model", key): value for key, value in (taken | {"tokenizer": str(folder)}).items()}


def _check_head(head: Head, earlier: Mapping[str, Any], record: Record) -> None:
    """Refuse a requested head that would be ignored in favour of the earlier run's.

    Raises:
        ConfigError: It differs from the earlier run's.
    """
    asked = head.model_dump(exclude={"start"})
    default = Head().model_dump()
    problems = [
        Problem(
            f"model.head.{key}",
            f"is taken from the run that this one starts from ({_shown(earlier.get(key, default[key]))})",
            _shown(value),
            "Leave it out, or put another head on a model from a folder: model.path=FOLDER",
        )
        for key, value in asked.items()
        if value not in (default[key], earlier.get(key, default[key]))
    ]
    if problems:
        raise ConfigError(problems)


def changes_since(config: RunConfig, labels: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    """List what differs from the run that this one starts from and can change a result: dotted key, then, now.

    What `model.from_run` takes over is left out: both runs have it, wherever each reads it from.
    """
    if config.model.from_run is None:
        return
    record = earlier_run(config.model.from_run)
    if record.labels != list(labels):
        yield "labels", record.labels, list(labels)
    then, now = redact_config(_values(record)), redact_config(config.model_dump(by_alias=True))
    changes = [change for change in differing(then, now) if not _is_taken(change[0])]
    yield from sorted(changes, key=lambda change: _rank(change[0]))


def announce_start(config: RunConfig, labels: Sequence[str], head: HeadStart | None = None) -> None:
    """Log what the run starts from, and how it differs.

    Args:
        config: The run's config.
        labels: Its labels.
        head: What its outputs start from.
    """
    if config.model.from_run is None:
        return
    changes = [f"{key} {_shown(then)} -> {_shown(now)}" for key, then, now in changes_since(config, labels)]
    rest = f"; and {len(changes) - MOST_SHOWN} more" if len(changes) > MOST_SHOWN else ""
    listed = "; ".join(changes[:MOST_SHOWN]) or "no other difference that can change a result"
    kind = "its adapter merged into the base" if has_adapter(earlier_run(config.model.from_run)) else "its weights"
    kind += OUTPUTS.get(head.start if head is not None else "kept", "")
    log.info("starting from %s (%s); %s%s", config.model.from_run, kind, listed, rest)


def _values(record: Record) -> dict[str, Any]:
    try:
        return record.typed.model_dump(by_alias=True)
    except FilesError:  # a variable that it refers to may no longer be set, which must not prevent the start
        return record.config


def _is_taken(key: str) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in PLACES)


def _rank(key: str) -> int:
    """Order keys: first what the model learns from, last how it is observed."""
    group = key.partition(".")[0]
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = f"[{', '.join(map(str, value))}]"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
