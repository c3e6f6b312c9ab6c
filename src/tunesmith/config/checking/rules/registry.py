"""Contradictions between keys whose values are each valid.

A rule names the keys that it reads, and is checked only if all of them have values of the right type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tunesmith.config.data_files import keys_of_source
from tunesmith.errors import Problem

Check = Callable[..., Problem | None]


@dataclass(frozen=True)
class Rule:
    """A check of the values of some keys."""

    keys: tuple[str, ...]
    check: Check


RULES: list[Rule] = []


def rule(*keys: str) -> Callable[[Check], Check]:
    """Register a check; it receives the values of `keys`, in their order."""

    def register(check: Check) -> Check:
        RULES.append(Rule(keys, check))
        return check

    return register


def contradictions(config: Mapping[str, Any], faulty: set[str]) -> Iterator[Problem]:
    """The problems found by all rules that can be checked; of several sources, each with the keys that it has alone.

    Args:
        config: The composed config as plain values.
        faulty: Dotted paths of values that are already known to be wrong.
    """
    shared = list(_broken(config, faulty))
    yield from shared
    sources = select(config, "data.sources")
    if isinstance(sources, Mapping) and not any(_overlaps("data", path) for path in faulty):
        for name, source in sources.items():
            own = {key: value for key, value in source.items() if value is not None and key != "weight"}
            alone = {**config, "data": {**config["data"], **own, "sources": {}}}
            for problem in _broken(alone, faulty):
                key = problem.where.removeprefix("data.")
                if problem not in shared and key.partition(".")[0] in source:
                    rule_text = keys_of_source(problem.rule, name, own)
                    hint = problem.hint and keys_of_source(problem.hint, name)
                    yield replace(problem, where=f"data.sources.{name}.{key}", rule=rule_text, hint=hint)


def _broken(config: Mapping[str, Any], faulty: set[str]) -> Iterator[Problem]:
    for item in RULES:
        if not any(_overlaps(key, path) for key in item.keys for path in faulty):
            problem = item.check(*(select(config, key) for key in item.keys))
            if problem is not None:
                yield problem


def select(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None if there is none."""
    value: Any = config
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _overlaps(left: str, right: str) -> bool:
    return left == right or left.startswith(f"{right}.") or right.startswith(f"{left}.")
