"""A run that starts from an earlier one: its model, tokenizer and labels."""

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
"""What the model config takes over from a run whose adapter stands on a base."""
PLACES = tuple(f"model.{key}" for key in ("from_run", "path", "tokenizer", "family", "revision", "init", "config"))
"""Where weights and tokenizer are, which follows from `model.from_run`."""
GROUPS = ("task", "data", "model", "method", "optimizer", "scheduler", "seed", "trainer")
"""Groups of keys in the order in which differences are told."""
OUTPUTS = {"moved": ", outputs at their labels", "new": ", outputs drawn anew", "drawn": ", a head drawn anew"}
"""How a head's start is told where it is not simply the earlier run's."""
MOST_SHOWN = 12
"""Differences that are told; of more the number is."""
LONGEST_SHOWN = 60
"""Characters of a value that are shown."""


def start_of(config: RunConfig) -> dict[tuple[str, str], Any]:
    """The decisions that follow from `model.from_run`: where weights and tokenizer are.

    The model of the earlier run is a folder like any other. An adapter's base is that of the earlier run's config; the
    adapter is put into it when the network is built (`networks.first_network`).

    Raises:
        ConfigError: Its model cannot be trained on.
        FilesError: It is no run, or has no model.
    """
    if config.model.from_run is None:
        return {}
    record = earlier_run(config.model.from_run)
    earlier, folder = record.config["model"], record.best_weights()
    taken: dict[str, Any] = {key: earlier[key] for key in TAKEN if key in earlier}
    _check_head(config.model.head, taken.get("head", {}), record)
    taken["head"] = {**taken.get("head", {}), "start": config.model.head.start}
    if has_adapter(record) and is_prompt(record.config["method"].get("_target_")):
        rule = "a prompt cannot be put into the weights, so that training could start on them"
        raise ConfigError([Problem("model.from_run", rule, str(record.path), "Start from another run")])
    if not has_adapter(record):
        # A head of ours saves T5's encoder alone, which is of another family than T5.
        taken |= {"path": str(folder), "family": "auto", "revision": None, "init": "pretrained", "config": {}}
    return {("model", key): value for key, value in (taken | {"tokenizer": str(folder)}).items()}


def _check_head(head: Head, earlier: Mapping[str, Any], record: Record) -> None:
    """Refuse a head that is asked for and would be passed over for the earlier run's.

    Raises:
        ConfigError: It is another than the earlier run's.
    """
    asked = head.model_dump(exclude={"start"})
    default = Head().model_dump()
    problems = [
        Problem(
            f"model.head.{key}",
            f"is taken from the run that this one starts from ({_shown(earlier.get(key, default[key]))})",
            _shown(value),
            "Leave it out, or put another head on the model of a folder: model.path=FOLDER",
        )
        for key, value in asked.items()
        if value not in (default[key], earlier.get(key, default[key]))
    ]
    if problems:
        raise ConfigError(problems)


def changes_since(config: RunConfig, labels: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    """In what can change a result and differs from the run that this one starts from: dotted key, then, now.

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
    """Say what the run starts from, and in what it differs.

    Args:
        config: The run's config.
        labels: Its labels.
        head: What its outputs start from.
    """
    if config.model.from_run is None:
        return
    changes = [f"{key} {_shown(then)} -> {_shown(now)}" for key, then, now in changes_since(config, labels)]
    rest = f"; and {len(changes) - MOST_SHOWN} more" if len(changes) > MOST_SHOWN else ""
    listed = "; ".join(changes[:MOST_SHOWN]) or "nothing else that can change a result differs"
    kind = "its adapter put into the base" if has_adapter(earlier_run(config.model.from_run)) else "its weights"
    kind += OUTPUTS.get(head.start if head is not None else "kept", "")
    log.info("starting from %s (%s); %s%s", config.model.from_run, kind, listed, rest)


def _values(record: Record) -> dict[str, Any]:
    try:
        return record.typed.model_dump(by_alias=True)
    except FilesError:  # a variable that it refers to may be gone by now, which is no reason not to start
        return record.config


def _is_taken(key: str) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in PLACES)


def _rank(key: str) -> int:
    """What is learnt from what comes first, and how it is watched last."""
    group = key.partition(".")[0]
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = f"[{', '.join(map(str, value))}]"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
