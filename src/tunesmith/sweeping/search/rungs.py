"""Successive halving that pauses: evaluate every trial early, spend the remaining compute on the better ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile

from tunesmith.sweeping.search.judge import Decision, Judge

FRACTIONS = (0.25, 0.5)
"""Rungs as fractions of a full run's steps; chosen by measurement, see docs/decisions.md, 2026-11-23."""
REDUCTION = 2
"""One in this many trials at a rung continues."""


def fold_rungs(replicates: int, reduction: int | None) -> tuple[int, ...]:
    """The numbers of finished folds after which a trial of a cross-validation is judged.

    With successive halving each costs `reduction` times as much as the one before, as do its rungs within a run: after
    1, 2, 4, ... folds, and not where less than that is left.

    Args:
        replicates: Folds of a trial, over all divisions.
        reduction: That of successive halving; None to judge after each fold, as for other pruners.
    """
    if reduction is None:
        return tuple(range(1, replicates))
    return tuple(takewhile(lambda folds: folds * reduction <= replicates, (reduction**power for power in count())))


@dataclass
class Rung:
    """The values seen at one fraction of the budget."""

    fraction: float
    values: dict[int, float] = field(default_factory=dict)
    """Maps trial to value; larger is better."""
    promoted: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    """Trials pruned here: they count among those seen, but do not continue."""


class Halving(Judge):
    """Asynchronous successive halving (ASHA, arXiv:1810.05934) that pauses trials and never overspends.

    A trial that reaches a rung continues if it is among the best `1/reduction` of all that have reached it. Otherwise
    it is paused, and continues later if it is among them by then. Unlike in the paper, no more than that share of a
    rung's trials is ever promoted: early trials that were promoted against weak competition cost later ones their place
    only until more have been seen, and the compute of a sweep is bounded by the sum over its rungs.

    Args:
        fractions: Rungs below the full budget, ascending.
        reduction: One in this many trials at a rung continues.
        pauses: Whether a trial that does not continue at once may do so later; otherwise it is stopped.
    """

    def __init__(
        self, fractions: Sequence[float] = FRACTIONS, reduction: int = REDUCTION, *, pauses: bool = True
    ) -> None:
        super().__init__(fractions)
        self.rungs = [Rung(fraction) for fraction in fractions]
        self.reduction = reduction
        self.pauses = pauses

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Promote a trial that is among the best seen at its rung.

        Args:
            number: The trial.
            rung: Index of the rung.
            value: Its value there; larger is better.
        """
        place = self.rungs[rung]
        place.values[number] = value
        if number in place.promoted:
            return "continue"
        if number in self._candidates(place):
            place.promoted.add(number)
            return "continue"
        if self.pauses:
            return "pause"
        place.ended.add(number)
        return "stop"

    def promote(self, ready: Collection[int] | None = None) -> int | None:
        """Choose a paused trial to continue, from the highest rung that has one; it counts as promoted.

        Args:
            ready: The trials that are paused by now; None means all.
        """
        for place in reversed(self.rungs):
            for number in self._candidates(place):
                if ready is not None and number not in ready:
                    continue
                place.promoted.add(number)
                return number
        return None

    def continue_paused(self, number: int) -> None:
        """Count a paused trial as promoted from its last rung."""
        last = max(index for index, place in enumerate(self.rungs) if number in place.values)
        self.rungs[last].promoted.add(number)

    def pruning_reason(self, number: int) -> str:
        """Explain that others were better."""
        return f"not among the best 1/{self.reduction} at its rung"

    def forget(self, number: int) -> None:
        """Remove a failed trial from every rung, so that it takes no place from others."""
        for place in self.rungs:
            place.values.pop(number, None)
            place.promoted.discard(number)

    def mark_pruned(self, number: int) -> None:
        """End a pruned trial at its rung: it still counts among those seen, but does not continue."""
        for place in self.rungs:
            if number in place.values and number not in place.promoted:
                place.ended.add(number)

    def restore(self, number: int, values: Mapping[int, float], state: str) -> None:
        """Restore a trial's values after a resume of the sweep.

        Args:
            number: The trial.
            values: Maps the index of each rung that it reached to its value there.
            state: `paused` or `pruned` at the last of them; any other state means that it continued.
        """
        for index, value in values.items():
            place = self.rungs[index]
            place.values[number] = value
            if index < max(values) or state not in ("paused", "pruned"):
                place.promoted.add(number)
            elif state == "pruned":
                place.ended.add(number)

    def _candidates(self, place: Rung) -> Iterator[int]:
        """Trials that may be promoted from a rung, best first; ties in the order of their numbers."""
        share = len(place.values) // self.reduction
        if not self.pauses:
            share = max(1, share)  # paused trials never return, so not all of the first ones may be stopped
        ranked = sorted(place.values, key=lambda number: (-place.values[number], number))
        room = share - len(place.promoted) if self.pauses else share
        left = place.promoted | place.ended
        return iter([number for number in ranked[:share] if number not in left][: max(0, room)])
