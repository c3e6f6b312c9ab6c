"""Values of a key that share a search equally: which has the fewest trials, and which trials are of which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tunesmith.sweeping.space.space import Parameter, same


class Shares:
    """Counts the trials of each value of a key, in the order of its values.

    Args:
        parameter: The key with its listed values; None if nothing is shared, so that all trials are of one share.
    """

    def __init__(self, parameter: Parameter | None) -> None:
        self.parameter = parameter
        self._values = (parameter.values or ()) if parameter is not None else ()
        self._of: dict[int, int] = {}

    def add(self, number: int, point: Mapping[str, Any] | None) -> None:
        """Count a trial, unless its point is not known yet."""
        if point is not None:
            self._of[number] = self.at(point)

    def of(self, number: int) -> int:
        """The share of a trial: the position of its value."""
        return self._of.get(number, 0)

    def at(self, point: Mapping[str, Any]) -> int:
        """The share of a point."""
        if self.parameter is None:
            return 0
        return next(place for place, value in enumerate(self._values) if same(value, point[self.parameter.key]))

    def least(self) -> int:
        """The share with the fewest trials, the first of equals."""
        if self.parameter is None:
            return 0
        counts = Counter(self._of.values())
        return min(range(len(self._values)), key=lambda place: (counts[place], place))

    def fixed(self) -> dict[str, Any]:
        """What the next point has to have: the value with the fewest trials."""
        return {} if self.parameter is None else {self.parameter.key: self._values[self.least()]}

    def allows(self, point: Mapping[str, Any]) -> bool:
        """Whether a point may be the next."""
        return self.at(point) == self.least()

    def others(self, share: int) -> frozenset[int]:
        """The trials of all other shares."""
        return frozenset(number for number, own in self._of.items() if own != share)
