"""What a sweep varies: keys and their distributions, conditions between them, and the points of a finite space."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from tunesmith.sweeping.optuna_inside import contains
from tunesmith.sweeping.space.grammar import text_of_space

Point = dict[str, Any]
"""Maps each swept key to its value, as the config takes it; inactive keys are absent."""

MAX_POINTS = 100_000
"""A finite space with more points than this is sampled rather than listed."""


@dataclass(frozen=True)
class Condition:
    """A condition on the value of one key."""

    key: str
    values: tuple[Any, ...] = ()
    """The accepted values; empty for an interval."""
    low: float = -math.inf
    high: float = math.inf

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Whether a point meets the condition; a point without the key does not."""
        if self.key not in point:
            return False
        value = point[self.key]
        if self.values:
            return any(same(value, allowed) for allowed in self.values)
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Parameter:
    """One key that is varied."""

    key: str
    text: str
    """Its values, as written."""
    distribution: BaseDistribution
    values: tuple[Any, ...] | None
    """All its values in order, or None for a continuous parameter."""
    when: Condition | None = None

    def decode(self, drawn: Any) -> Any:
        """Convert a value drawn from the distribution to the config's."""
        if isinstance(self.distribution, CategoricalDistribution) and self.values is not None:
            return self.values[self.distribution.choices.index(drawn)]
        if self.values is not None:  # samplers differ in how they round sums of steps
            return min(self.values, key=lambda value: abs(value - drawn))
        return drawn

    def encode(self, value: Any) -> Any:
        """Convert a config value to the distribution's.

        Raises:
            ValueError: The parameter cannot take it.
        """
        if isinstance(self.distribution, CategoricalDistribution):
            assert self.values is not None
            for choice, known in zip(self.distribution.choices, self.values, strict=True):
                if same(known, value):
                    return choice
            raise ValueError(f"{self.key} cannot be {value!r}: its values are {self.text}")
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not contains(self.distribution, float(value))
        ):
            raise ValueError(f"{self.key} cannot be {value!r}: its values are {self.text}")
        return value


@dataclass(frozen=True)
class Space:
    """Everything that a sweep varies."""

    parameters: dict[str, Parameter]
    zipped: tuple[tuple[str, ...], ...] = ()
    explicit: tuple[Point, ...] = ()
    exclude: tuple[tuple[Condition, ...], ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    """Values of unvaried keys that conditions name."""
    _points: list[Point] = field(default_factory=list, repr=False, compare=False)

    @property
    def followers(self) -> dict[str, str]:
        """Maps a zipped key to the key whose position it follows."""
        return {key: group[0] for group in self.zipped for key in group[1:]}

    @property
    def size(self) -> float:
        """Upper bound on the number of points; infinite for a continuous space."""
        if self.explicit:
            return len(self.explicit)
        counts = [
            math.inf if parameter.values is None else len(parameter.values)
            for key, parameter in self.parameters.items()
            if key not in self.followers
        ]
        return math.prod(counts)

    @property
    def is_finite(self) -> bool:
        """Whether its points can be listed."""
        return self.size <= MAX_POINTS

    def points(self) -> list[Point]:
        """All points of a finite space, in nested-loop order, last key fastest."""
        if not self._points:
            self._points.extend(_unique(point for point in self._all() if not self.excludes(point)))
        return self._points

    def _all(self) -> Iterator[Point]:
        if self.explicit:
            yield from (dict(point) for point in self.explicit)
            return
        leaders = [parameter for key, parameter in self.parameters.items() if key not in self.followers]
        for values in itertools.product(*(parameter.values or () for parameter in leaders)):
            yield self.complete(dict(zip((parameter.key for parameter in leaders), values, strict=True)))

    def complete(self, point: Point) -> Point:
        """Add zipped keys to a point and remove inactive ones, in the order of the parameters."""
        whole = dict(point)
        for key, leader in self.followers.items():
            if leader in point:
                values, led = self.parameters[leader].values, self.parameters[key].values
                assert values is not None
                assert led is not None
                whole[key] = led[next(i for i, value in enumerate(values) if same(value, point[leader]))]
        return {key: whole[key] for key in self.parameters if key in whole and self.is_active(key, whole)}

    def is_active(self, key: str, point: Mapping[str, Any]) -> bool:
        """Whether a key is varied at a point, according to its condition."""
        condition = self.parameters[key].when
        if condition is None:
            return True
        parent = condition.key in self.parameters and self.parameters[condition.key].when is not None
        holds = condition.holds({**self.context, **point})
        return holds and (not parent or self.is_active(condition.key, point))

    def above(self, key: str) -> list[str]:
        """The keys that a key's condition depends on, nearest first."""
        above: list[str] = []
        while key in self.parameters and (condition := self.parameters[key].when) and condition.key not in above:
            key = condition.key
            above.append(key)
        return above

    def excludes(self, point: Mapping[str, Any]) -> bool:
        """Whether a point is excluded."""
        return any(all(condition.holds(point) for condition in conditions) for conditions in self.exclude)

    def describe(self) -> dict[str, str]:
        """Maps each key to its values as written, with its condition."""
        if self.explicit:
            return {key: parameter.text for key, parameter in self.parameters.items()}
        return {
            key: parameter.text + (f" when {_condition_text(parameter.when)}" if parameter.when else "")
            for key, parameter in self.parameters.items()
        }


def identity_of_value(point: Mapping[str, Any]) -> str:
    """A text that two points share only if they are equal."""
    return json.dumps(point, sort_keys=True, ensure_ascii=False, default=str)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; unlike in Python, 1 and true are not."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _unique(points: Iterator[Point]) -> Iterator[Point]:
    seen = set()
    for point in points:
        text = identity_of_value(point)
        if text not in seen:
            seen.add(text)
            yield point


def _condition_text(condition: Condition) -> str:
    if condition.values:
        return f"{condition.key}={','.join(map(text_of_space, condition.values))}"
    return f"{condition.key}=interval({condition.low}, {condition.high})"
