"""The protocol of a judge, which decides at each rung which trials continue."""

# ruff: noqa: B027 - a judge may ignore the calls that it does not need

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from tunesmith.sweeping import foreign

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

    from tunesmith.sweeping.search.study import Study

WHERE = "hydra.sweeper.pruner"
Decision = Literal["continue", "pause", "stop"]


class Judge(ABC):
    """Decides at each rung whether a trial continues, is paused, or is stopped.

    Only the sweep's driver calls it, for one trial at a time. It may depend only on what it receives through these
    methods: a resumed sweep passes everything again through `restore`, and must continue as it would have.

    Args:
        fractions: The rungs as fractions of a full run, ascending. In a cross-validation, 1 and more are numbers of
            finished folds: there the value is the mean over these folds, which are the same for every trial.
    """

    pauses: bool = False
    """Whether `report` may answer `pause`."""

    def __init__(self, fractions: Sequence[float]) -> None:
        self.fractions = tuple(fractions)

    @abstractmethod
    def report(self, number: int, rung: int, value: float) -> Decision:
        """Decide about a trial that has reached a rung.

        Args:
            number: The trial.
            rung: Index of the rung.
            value: The first objective there, negated if lower is better; -inf if it is not finite.
        """

    def promote(self, ready: Collection[int]) -> int | None:
        """Choose a paused trial to continue now; it is not offered again until it has reached its next rung.

        Args:
            ready: The paused trials.

        Returns:
            One of `ready`, or None if all of them keep waiting.
        """
        return None

    def continue_paused(self, number: int) -> None:
        """Note that a paused trial continues without promotion: the sweep would otherwise have no result."""

    def forget(self, number: int) -> None:
        """Note that a trial failed and no longer takes a place from others."""

    def mark_pruned(self, number: int) -> None:
        """Note that a trial was pruned: it still counts among those seen, but does not continue."""

    def restore(self, number: int, values: Mapping[int, float], state: str) -> None:
        """Restore a trial of an earlier session.

        Args:
            number: The trial.
            values: Maps the index of each rung that it reached to its value there, as in `report`.
            state: `paused` or `pruned` if it ended at the last of them; any other state means that it continued.
        """

    def pruning_reason(self, number: int) -> str:
        """Explain, for the leaderboard, why a paused trial never continued."""
        return "paused and never resumed"


class NoPruning(Judge):
    """Lets every trial run to its end."""

    def __init__(self) -> None:
        super().__init__(())

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Continue."""
        return "continue"


class OptunaPruner(Judge):
    """Consults one of Optuna's pruners, which reads the curves of all trials from the study.

    Args:
        fractions: The rungs as fractions of a full run; 1 and more are numbers of finished folds.
        pruner: The pruner.
        study: Holds the curves.
    """

    def __init__(self, fractions: Sequence[float], pruner: BasePruner, study: Study) -> None:
        super().__init__(fractions)
        self.pruner = pruner
        self.study = study

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Stop the trial if the pruner says so; a mean over folds is judged without the curve of the first fold."""
        folds = self.fractions[rung] >= 1
        return "stop" if self.study.prunes(self.pruner, number, latest=folds) else "continue"


class ForeignJudge(Judge):
    """Wraps a user's judge and enforces the protocol: an error in it ends the sweep with its class named.

    Args:
        judge: The user's judge.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge.fractions)
        self.judge = judge
        self.pauses = judge.pauses

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Decide as the user's judge does.

        Raises:
            ConfigError: It raised an error, or returned something other than a decision.
        """
        decision: Decision = self._call("report", number, rung, value)
        allowed = [word for word in get_args(Decision) if word != "pause" or self.pauses]
        if decision not in allowed:
            hint = "Set `pauses = True` in its class" if decision == "pause" else f"Return {' or '.join(allowed)}"
            raise foreign.broken(WHERE, self.judge, f"report() returned {decision!r}", hint)
        return decision

    def promote(self, ready: Collection[int]) -> int | None:
        """Choose as the user's judge does.

        Raises:
            ConfigError: It raised an error, or chose a trial that is not paused.
        """
        number: int | None = self._call("promote", ready)
        if number is not None and number not in ready:
            raise foreign.broken(
                WHERE, self.judge, f"promote() returned {number!r}", f"Return None, or one of {sorted(ready)}"
            )
        return number

    def continue_paused(self, number: int) -> None:
        """Forward to the user's judge."""
        self._call("continue_paused", number)

    def forget(self, number: int) -> None:
        """Forward to the user's judge."""
        self._call("forget", number)

    def mark_pruned(self, number: int) -> None:
        """Forward to the user's judge."""
        self._call("mark_pruned", number)

    def restore(self, number: int, values: Mapping[int, float], state: str) -> None:
        """Forward to the user's judge."""
        self._call("restore", number, values, state)

    def pruning_reason(self, number: int) -> str:
        """Forward to the user's judge."""
        return str(self._call("pruning_reason", number))

    def _call(self, method: str, *arguments: Any) -> Any:
        return foreign.call(WHERE, self.judge, method, *arguments)
