"""A sweep read back from its directory, while it runs or after it ended in any way; imports nothing heavy."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from tunesmith.config.folders import expand
from tunesmith.errors import FilesError
from tunesmith.runs.record import Record, alive, load_run
from tunesmith.storage import read_mapping

SWEEP_FILE = "sweep.json"
"""What a sweep's directory has and a run's has not."""
TRIAL_FILE = "trial.json"

State = Literal["completed", "running", "paused", "waiting", "pruned", "interrupted", "failed"]
"""Of a trial, in the order of a leaderboard."""
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class TrialRecord:
    """What `trial.json` holds, and where it was found."""

    number: int
    state: State
    values: tuple[float, ...] | None = None
    """One per objective, of a completed trial only."""
    reason: str | None = None
    """Why it did not complete."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Swept keys as the configuration has them; a conditional key is absent where it does not apply."""
    overrides: tuple[str, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    """(optimizer step, first objective), as reported while training."""
    steps: int = 0
    """Optimizer steps run."""
    full_steps: int | None = None
    """Optimizer steps of a full run."""
    seconds: float | None = None
    started: str | None = None
    ended: str | None = None
    exit_code: int | None = None
    attempt: int = 1
    repeat_values: tuple[tuple[float, ...], ...] | None = None
    """The values of each repeat, in the order of the seeds."""
    spread: float | None = None
    """Standard deviation of the first objective over the repeats, with n-1 below."""
    num_trainable_parameters: int | None = None
    peak_memory_mb: float | None = None
    directory: Path = Path()

    @property
    def completed(self) -> bool:
        """Whether it has values that may be ranked."""
        return self.state == "completed" and bool(self.values) and all(map(math.isfinite, self.values or ()))


class SweepRecord:
    """What a sweep left behind so far.

    Args:
        path: The sweep directory.

    Raises:
        FilesError: There is no sweep in it, or one of its files is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = expand(path).resolve()
        if not is_sweep(self.path):
            raise FilesError(f"{path} is not a sweep directory: it has no {SWEEP_FILE}")
        self.facts: dict[str, Any] = read_mapping(self.path / SWEEP_FILE, json.loads)
        self.trials: tuple[TrialRecord, ...] = tuple(self._read_trials())

    @property
    def status(self) -> str:
        """`running`, `completed`, `failed`, `stopped`, `interrupted`; `dead` where the driver's process is gone."""
        status = str(self.facts.get("status", "dead"))
        return "dead" if status == "running" and not alive(self.facts) else status

    @property
    def name(self) -> str:
        """Name of the sweep for people."""
        return str(self.facts.get("name", self.path.name))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The objectives, `<split>/<name>`."""
        return tuple(self.facts.get("metrics", ()))

    @property
    def directions(self) -> tuple[str, ...]:
        """`maximize` or `minimize`, one per objective."""
        return tuple(self.facts.get("directions", ()))

    @property
    def keys(self) -> tuple[str, ...]:
        """The swept keys, in the order of the sweep file."""
        return tuple(dict.fromkeys([*self.facts.get("space", {}), *(key for t in self.trials for key in t.params)]))

    @property
    def counts(self) -> dict[State, int]:
        """Trials by state, in the order of the leaderboard; states without a trial are absent."""
        counted = Counter(trial.state for trial in self.trials)
        return {state: counted[state] for state in STATES if counted[state]}

    @property
    def steps(self) -> tuple[int, int]:
        """Optimizer steps run by the trials that completed or were pruned, and what full runs of them would take."""
        told = [trial for trial in self.trials if trial.state in ("completed", "pruned") and trial.full_steps]
        return sum(trial.steps for trial in told), sum(trial.full_steps or 0 for trial in told)

    def best(self) -> TrialRecord | None:
        """The completed trial of the best value, the earliest of equals; None with several objectives or no such trial.

        A failed or pruned trial is never the best, whatever its curve showed.
        """
        completed = [trial for trial in self.trials if trial.completed]
        if len(self.directions) != 1 or not completed:
            return None
        return min(completed, key=lambda trial: (*losses(trial, self.directions), trial.number))

    def pareto(self) -> list[TrialRecord]:
        """Completed trials that no other surpasses; by the first objective, best first.

        To surpass is to be no worse in any objective and better in one. With one objective it is the best alone.
        """
        return _fronts([trial for trial in self.trials if trial.completed], self.directions)[0]

    def leaderboard(self) -> list[TrialRecord]:
        """Every trial: completed ones best first, then the others by state.

        Several objectives are ordered by Pareto fronts, and by the first objective within one. Pruned trials follow
        by how far they came, then by their last value.
        """
        ranked = [
            trial
            for front in _fronts([trial for trial in self.trials if trial.completed], self.directions)
            for trial in front
        ]
        rest = [trial for trial in self.trials if not trial.completed]
        return ranked + sorted(rest, key=self._order_of_unfinished)

    def _order_of_unfinished(self, trial: TrialRecord) -> tuple[float, ...]:
        sign = 1 if self.directions[:1] == ("minimize",) else -1
        last = sign * trial.curve[-1][1] if trial.curve else math.inf
        return STATES.index(trial.state), -trial.steps, last if math.isfinite(last) else math.inf, trial.number

    def _read_trials(self) -> list[TrialRecord]:
        gone = self.status != "running"
        # A trial whose folder was made a moment ago has no file yet.
        found = [read_trial(path) for path in sorted((self.path / "trials").glob(f"*/{TRIAL_FILE}"))]
        for trial in found:
            if trial.values is not None and len(trial.values) != len(self.directions):
                raise FilesError(
                    f"{trial.directory / TRIAL_FILE} is damaged: {len(trial.values)} values for "
                    f"{len(self.directions)} objectives"
                )
        trials = [_interrupted(trial) if gone and trial.state == "running" else trial for trial in found]
        return sorted(trials, key=lambda trial: trial.number)


def is_sweep(path: str | Path) -> bool:
    """Whether a directory is a sweep's."""
    return (expand(path) / SWEEP_FILE).is_file()


def load_sweep(path: str | Path) -> SweepRecord:
    """Read a sweep directory.

    Raises:
        FilesError: There is no sweep in it, or one of its files is damaged.
    """
    return SweepRecord(path)


def load_winner(path: str | Path) -> Record:
    """Read the run that a directory stands for: itself, or the winner of a sweep.

    Raises:
        FilesError: There is no run in it, or the sweep has no winner.
    """
    if not is_sweep(path):
        return load_run(path)
    best = SweepRecord(path).best()
    if best is None:
        raise FilesError(f"{path} is a sweep without one winner; choose a trial of it: {path}/trials/NUMBER")
    return load_run(best.directory / "seed-0" if best.repeat_values else best.directory)


def read_trial(path: Path) -> TrialRecord:
    """Read one `trial.json`; keys that are not known here are left out.

    Raises:
        FilesError: The file is damaged, or gone.
    """
    raw = read_mapping(path, json.loads)
    try:
        return TrialRecord(
            number=int(raw["number"]),
            state=_state(raw["state"]),
            values=_numbers(raw.get("values")),
            reason=raw.get("reason"),
            params=dict(raw.get("params") or {}),
            overrides=tuple(raw.get("overrides") or ()),
            curve=tuple((int(step), float(value)) for step, value in raw.get("curve") or () if value is not None),
            steps=int(raw.get("steps") or 0),
            full_steps=raw.get("full_steps"),
            seconds=raw.get("seconds"),
            started=raw.get("started"),
            ended=raw.get("ended"),
            exit_code=raw.get("exit_code"),
            attempt=int(raw.get("attempt") or 1),
            repeat_values=_repeats(raw.get("repeat_values")),
            spread=raw.get("spread"),
            num_trainable_parameters=raw.get("num_trainable_parameters"),
            peak_memory_mb=raw.get("peak_memory_mb"),
            directory=path.parent,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FilesError(f"{path} is damaged: {type(error).__name__}: {error}") from None


def losses(trial: TrialRecord, directions: Sequence[str]) -> tuple[float, ...]:
    """The values of a completed trial, turned so that less is better in each."""
    signed = zip(trial.values or (), directions, strict=True)
    return tuple(value if direction == "minimize" else -value for value, direction in signed)


def _fronts(trials: Sequence[TrialRecord], directions: Sequence[str]) -> list[list[TrialRecord]]:
    """Non-dominated trials, then those that only the first front dominates, and so on; at least one, perhaps empty.

    With one objective each trial is a front, so that the earliest of equals is alone in the first.
    """
    left = {trial.number: losses(trial, directions) for trial in trials}
    if len(directions) == 1:
        return [[trial] for trial in sorted(trials, key=lambda trial: (left[trial.number], trial.number))] or [[]]
    known = {trial.number: trial for trial in trials}
    fronts = []
    while left:
        front = [n for n, mine in left.items() if not any(_dominates(other, mine) for other in left.values())]
        fronts.append([known[number] for number in sorted(front, key=lambda n: (left[n], n))])
        left = {number: mine for number, mine in left.items() if number not in front}
    return fronts or [[]]


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _interrupted(trial: TrialRecord) -> TrialRecord:
    return replace(trial, state="interrupted", reason="the sweep ended while it ran")


def _state(value: Any) -> State:
    if value not in STATES:
        raise ValueError(f"no trial has the state {value!r}")
    return value  # type: ignore[no-any-return]


def _numbers(values: Any) -> tuple[float, ...] | None:
    # A value that JSON could not hold was written as null.
    return None if values is None else tuple(math.nan if value is None else float(value) for value in values)


def _repeats(rows: Any) -> tuple[tuple[float, ...], ...] | None:
    return None if rows is None else tuple(_numbers(row) or () for row in rows)
