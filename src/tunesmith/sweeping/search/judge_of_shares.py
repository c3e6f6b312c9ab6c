"""Judges trials among those of the same share of a search."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from tunesmith.sweeping.search.judge import Decision, Judge
from tunesmith.sweeping.search.shares import Shares


class JudgeOfShares(Judge):
    """Judges the trials of each share by themselves, so that each is pruned as in a sweep of its own.

    Args:
        make: Creates the judge of one share.
        shares: Which trial is of which.
    """

    def __init__(self, make: Callable[[], Judge], shares: Shares) -> None:
        first = make()
        super().__init__(first.fractions)
        self.pauses = first.pauses
        self._make = make
        self._shares = shares
        self._judges = {0: first}

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Decide as the judge of the trial's share does."""
        return self._judge(number).report(number, rung, value)

    def promote(self, ready: Collection[int]) -> int | None:
        """Choose a paused trial of the first share that has one to continue."""
        for share in sorted(self._judges):
            own = {number for number in ready if self._shares.of(number) == share}
            number = self._judges[share].promote(own)
            if number is not None:
                return number
        return None

    def continue_paused(self, number: int) -> None:
        """Tell the judge of the trial's share."""
        self._judge(number).continue_paused(number)

    def forget(self, number: int) -> None:
        """Tell the judge of the trial's share."""
        self._judge(number).forget(number)

    def mark_pruned(self, number: int) -> None:
        """Tell the judge of the trial's share."""
        self._judge(number).mark_pruned(number)

    def restore(self, number: int, values: Mapping[int, float], state: str) -> None:
        """Tell the judge of the trial's share."""
        self._judge(number).restore(number, values, state)

    def pruning_reason(self, number: int) -> str:
        """Explain as the judge of the trial's share does."""
        return self._judge(number).pruning_reason(number)

    def _judge(self, number: int) -> Judge:
        share = self._shares.of(number)
        if share not in self._judges:
            self._judges[share] = self._make()
        return self._judges[share]
