"""Where a config may name a class, which classes are allowed there, and which keywords they accept.

Everything is read from source (`signatures.py`): a config is checked before any of its classes is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tunesmith.config.checking.annotations import misfit
from tunesmith.config.checking.markers import MARKERS, nodes
from tunesmith.config.checking.signatures import Signature, read_module, read_signature
from tunesmith.config.keys import field_at, model_at
from tunesmith.config.trust import trusted
from tunesmith.errors import Problem
from tunesmith.suggest import as_yaml, did_you_mean, nearest

LIBRARIES = ("torch", "pytorch_lightning", "transformers", "peft", "torchmetrics", "optuna", "tunesmith")
SCHEDULES = frozenset(
    f"transformers.optimization.get_{name}"
    for name in (
        "constant_schedule",
        "constant_schedule_with_warmup",
        "cosine_schedule_with_warmup",
        "cosine_with_hard_restarts_schedule_with_warmup",
        "cosine_with_min_lr_schedule_with_warmup",
        "inverse_sqrt_schedule",
        "linear_schedule_with_warmup",
        "polynomial_decay_schedule_with_warmup",
        "wsd_schedule",
    )
)
"""The only functions that a config may name."""


@dataclass(frozen=True)
class Place:
    """A node whose `_target_` is instantiated, and what is allowed there."""

    base: str
    """The class that the target must derive from."""
    others: tuple[str, ...] = ()
    """Alternative base classes."""
    itself: bool = False
    """Whether the target must be `base` itself."""
    functions: frozenset[str] = frozenset()
    """Functions that are also allowed, by the name under which they are defined."""
    filled: frozenset[str] = frozenset()
    """Keywords that the run fills in if the config leaves them out."""
    supplied: Mapping[str, str] = field(default_factory=dict)
    """Keywords that the run always supplies, besides the schema's `SUPPLIED`, each with the reason or what to use."""


PLACES: dict[str, Place] = {
    "optimizer": Place("torch.optim.Optimizer"),
    "scheduler": Place("torch.optim.lr_scheduler.LRScheduler", functions=SCHEDULES),
    "trainer": Place("pytorch_lightning.Trainer", itself=True),
    "trainer.profiler": Place("pytorch_lightning.profilers.Profiler"),
    "callbacks.*": Place("pytorch_lightning.Callback", filled=frozenset({"monitor", "mode"})),
    "evaluation.metrics.*": Place(
        "torchmetrics.Metric",
        supplied=dict.fromkeys(("num_classes", "num_labels"), "it follows from the labels of the data"),
    ),
    "method": Place("peft.PeftConfig", others=("tunesmith.models.method.PartialMethod",)),
    "task": Place("tunesmith.tasks.task.Task"),
    "data.cleaning.*": Place("tunesmith.data.cleaning.step.TextStep", others=("tunesmith.data.cleaning.step.RowStep",)),
    "data.format": Place("tunesmith.data.sources.source.Source"),
    "logger": Place("tunesmith.tracking.tracker.Tracker"),
}


def place_in_config(path: str) -> Place | None:
    """The place at a dotted path; None if no class may be named there."""
    if path in PLACES:
        return PLACES[path]
    parent = path.rpartition(".")[0]
    return PLACES.get(f"{parent}.*") if parent else None


def check_classes(config: Mapping[str, Any]) -> list[Problem]:
    """All problems of the classes that a config names, and of their keywords.

    Args:
        config: The composed config as plain values, interpolations resolved.
    """
    problems = []
    for path, node in nodes(config):
        place = place_in_config(path)
        for marker in MARKERS:
            if marker in node and (place is None or marker != "_target_"):
                problems.append(_forbidden(path, marker, node[marker]))
        if place is not None and isinstance(node.get("_target_"), str):
            problems += check_target(path, place, node)
    return problems


def _forbidden(path: str, marker: str, value: Any) -> Problem:
    places = ", ".join(place.replace("*", "NAME") for place in PLACES)
    where = f"{path}.{marker}" if path else marker
    hint = f"It is allowed in {places}" if marker == "_target_" else "Remove it"
    return Problem(where, "a config may not name code to run here", as_yaml(value), hint)


def check_target(path: str, place: Place, node: Mapping[str, Any]) -> list[Problem]:
    """The problems of one node with a `_target_`."""
    target = node["_target_"]
    where = f"{path}._target_"
    top = target.partition(".")[0]
    if top not in (*LIBRARIES, *trusted()):
        own = top.isidentifier() and top not in sys.stdlib_module_names
        hint = f"For a module of your own, add --trust {top}" if own else None
        return [Problem(where, f"must come from {', '.join(LIBRARIES)}", target, hint)]
    signature = read_signature(target)
    if signature is None:
        return [Problem(where, "there is no such class", target, did_you_mean(_nearest_target(target, place)))]
    if not _allowed(signature, place):
        kind = "be" if place.itself else "derive from"
        extra = " or be one of transformers' schedules" if place.functions else ""
        return [Problem(where, f"must {kind} {' or '.join((place.base, *place.others))}{extra}", target)]
    return list(_check_keywords(path, place, node, signature))


def _allowed(signature: Signature, place: Place) -> bool:
    bases = {base.name for name in (place.base, *place.others) if (base := read_signature(name)) is not None}
    if place.itself:
        return signature.name in bases
    return bool(bases & {*signature.ancestors}) if signature.is_class else signature.name in place.functions


def _nearest_target(target: str, place: Place) -> str | None:
    """A target with a similar name in the same module, or in that of the place's base class."""
    for module in (target.rpartition(".")[0], place.base.rpartition(".")[0]):
        names = read_module(module)
        close = nearest(target.rpartition(".")[2], [*names.definitions, *names.imports])
        if close:
            return f"{module}.{close}"
    return None


def class_named(name: str, path: str) -> str | None:
    """The class of this name (in any case) that is allowed at a place; None if there is none."""
    place = PLACES.get(path)
    if place is None or place.itself:
        return None
    module = place.base.rpartition(".")[0]
    names = read_module(module)
    plain = name.replace("_", "").lower()
    for known in (*names.definitions, *names.imports):
        signature = read_signature(f"{module}.{known}") if known.lower() == plain else None
        if signature is not None and signature.is_class and _allowed(signature, place):
            return f"{module}.{known}"
    return None


def supplied(path: str, place: Place) -> dict[str, str]:
    """Keywords that the run supplies at a place, each with the reason or what to use instead."""
    return {**getattr(model_at(path), "SUPPLIED", {}), **place.supplied}


def _declared(path: str) -> set[str]:
    """Keys that the schema itself names in this node."""
    model = model_at(path)
    return {info.alias or name for name, info in model.model_fields.items()} if model else {"_target_"}


def accepted(path: str, node: Mapping[str, Any]) -> set[str]:
    """The keys that a node may have: its target's keywords, and the keys that Tunesmith itself reads."""
    place, target = place_in_config(path), node.get("_target_")
    keys, ours = _declared(path), set(getattr(model_at(path), "OURS", ()))
    signature = read_signature(target) if place and isinstance(target, str) else None
    if place and signature:
        taken = set(signature.by_name) - set(supplied(path, place))
        keys = (keys if signature.takes_any else keys & {*taken, "_target_"}) | taken
    return keys | ours


def _check_keywords(path: str, place: Place, node: Mapping[str, Any], signature: Signature) -> Iterator[Problem]:
    ours: frozenset[str] = getattr(model_at(path), "OURS", frozenset())
    refused, declared = supplied(path, place), _declared(path)
    for key, value in node.items():
        where = f"{path}.{key}"
        if key in MARKERS or (key in ours and key not in signature.by_name):
            continue
        if key in refused:
            yield Problem(where, "is supplied by the run and cannot be set", as_yaml(value), refused[key])
        elif key in signature.by_name:
            if key not in declared and (words := misfit(signature.by_name[key], value)):
                yield Problem(where, f"must be {words}", as_yaml(value))
        elif key in declared:
            info = field_at(where)
            if info is None or value != info.default:
                yield Problem(where, f"{node['_target_']} takes no {key}", as_yaml(value), kind="unknown")
        elif not signature.takes_any:
            close = nearest(key, sorted(accepted(path, node)))
            hint = did_you_mean(f"{path}.{close}" if close else None)
            if key in ("name", "type") and not place.itself:
                hint = f"The class is named in {path}._target_"
            yield Problem(where, f"{node['_target_']} takes no {key}", as_yaml(value), hint, "unknown")
    for parameter in signature.parameters:
        if parameter.required and parameter.name not in {*node, *refused, *place.filled}:
            where = f"{path}.{parameter.name}"
            yield Problem(where, f"{node['_target_']} requires it", None, f"Set it: {where}=VALUE")
