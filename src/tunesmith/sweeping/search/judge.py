"""The protocol of a judge: which trials go on when they have reached a rung."""

# ruff: noqa: B027 - a judge may ignore what it has no use for

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

    The sweep's driver alone asks it, one trial at a time. It may depend on nothing but what it was told here, so that a
    resumed sweep, which tells it everything again through `restore`, goes on as it would have.

    Args:
        fractions: The rungs as fractions of a full run, ascending.
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
            value: The first objective there with its sign such that larger is better; -inf if it is not finite.
        """

    def promote(self, ready: Collection[int]) -> int | None:
        """Choose a paused trial that continues now; it is not offered again until it has reached its next rung.

        Args:
            ready: The paused trials.

        Returns:
            One of `ready`, or None if all of them are to wait.
        """
        return None

    def take_up(self, number: int) -> None:
        """Note that a paused trial continues although it was not promoted: the sweep would have no result otherwise."""

    def forget(self, number: int) -> None:
        """Note that a trial failed: it holds no place that another could have."""

    def give_up(self, number: int) -> None:
        """Note that a trial was pruned: it counts among those seen, and does not come back."""

    def restore(self, number: int, values: Mapping[int, float], state: str) -> None:
        """Take a trial of an earlier session.

        Args:
            number: The trial.
            values: Index of each rung that it reached to its value there, as in `report`.
            state: `paused` or `pruned` if it ended at the last of them; any other means that it went on from there.
        """

    def why_not(self, number: int) -> str:
        """Say, for the leaderboard, why a paused trial was never taken up again."""
        return "paused, and not taken up again"


class NoPruning(Judge):
    """Lets every trial run to its end."""

    def __init__(self) -> None:
        super().__init__(())

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Continue."""
        return "continue"


class OptunaPruner(Judge):
    """Asks a pruner of Optuna's, which reads the curves of all trials from the study.

    Args:
        fractions: The rungs as fractions of a full run.
        pruner: The pruner.
        study: Where the curves are.
    """

    def __init__(self, fractions: Sequence[float], pruner: BasePruner, study: Study) -> None:
        super().__init__(fractions)
        self.pruner = pruner
        self.study = study

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Stop the trial if the pruner says so."""
        return "stop" if self.study.prunes(self.pruner, number) else "continue"


class ForeignJudge(Judge):
    """Holds a judge of the user's own to the protocol: whatever it does wrong ends the sweep with its name.

    Args:
        judge: The user's.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge.fractions)
        self.judge = judge
        self.pauses = judge.pauses

    def report(self, number: int, rung: int, value: float) -> Decision:
        """Decide as the user's judge does.

        Raises:
            ConfigError: It raised an error, or answered something else than a decision.
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

    def take_up(self, number: int) -> None:
        """Pass it on."""
        self._call("take_up", number)

    def forget(self, number: int) -> None:
        """Pass it on."""
        self._call("forget", number)

    def give_up(self, number: int) -> None:
        """Pass it on."""
        self._call("give_up", number)

    def restore(self, number: int, values: Mapping[int, float], state: str) -> None:
        """Pass it on."""
        self._call("restore", number, values, state)

    def why_not(self, number: int) -> str:
        """Pass it on."""
        return str(self._call("why_not", number))

    def _call(self, method: str, *arguments: Any) -> Any:
        return foreign.call(WHERE, self.judge, method, *arguments)
