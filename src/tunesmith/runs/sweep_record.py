"""Reads a sweep from its directory, running or ended; imports nothing heavy."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.config.folders import expand
from tunesmith.errors import FilesError
from tunesmith.runs.record import Record, alive, load_run
from tunesmith.runs.trial_record import STATES, TRIAL_FILE, State, TrialRecord, read_trial
from tunesmith.storage import read_mapping

SWEEP_FILE = "sweep.json"
"""The file that distinguishes a sweep's directory from a run's."""


class SweepRecord:
    """A sweep's files, read from its directory.

    Args:
        path: The sweep directory.

    Raises:
        FilesError: It is not a sweep directory, or one of its files is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = expand(path).resolve()
        if not is_sweep(self.path):
            raise FilesError(f"{path} is not a sweep directory: it has no {SWEEP_FILE}")
        self.facts: dict[str, Any] = read_mapping(self.path / SWEEP_FILE, json.loads)
        self.trials: tuple[TrialRecord, ...] = tuple(self._read_trials())

    @property
    def status(self) -> str:
        """`running`, `completed`, `failed`, `stopped` or `interrupted`; `dead` if the driver's process is gone."""
        status = str(self.facts.get("status", "dead"))
        return "dead" if status == "running" and not alive(self.facts) else status

    @property
    def name(self) -> str:
        """The sweep's display name."""
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
        """Optimizer steps run by completed and pruned trials, and the steps of full runs of the same trials."""
        ended = [trial for trial in self.trials if trial.state in ("completed", "pruned") and trial.full_steps]
        return sum(trial.steps for trial in ended), sum(trial.full_steps or 0 for trial in ended)

    def best(self) -> TrialRecord | None:
        """Return the completed trial with the best value, the earliest of equals; None with several objectives.

        A failed or pruned trial is never the best, whatever its curve shows. None also if no trial completed.
        """
        completed = [trial for trial in self.trials if trial.completed]
        if len(self.directions) != 1 or not completed:
            return None
        return min(completed, key=lambda trial: (*losses(trial, self.directions), trial.number))

    def pareto(self) -> list[TrialRecord]:
        """Return the completed trials that no other dominates, by the first objective, best first.

        To dominate is to be no worse in any objective and better in one. With one objective, only the best remains.
        """
        return _fronts([trial for trial in self.trials if trial.completed], self.directions)[0]

    def leaderboard(self) -> list[TrialRecord]:
        """Return every trial: completed ones best first, then the others by state.

        With several objectives, trials are ordered by Pareto front, then by the first objective. Pruned trials are
        ordered by the steps they reached, then by their last value.
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
        last = sign * trial.finite_curve[-1][1] if trial.finite_curve else math.inf
        return STATES.index(trial.state), -trial.steps, last, trial.number

    def _read_trials(self) -> list[TrialRecord]:
        gone = self.status != "running"
        # A trial whose folder was just created has no file yet.
        records = [read_trial(path) for path in sorted((self.path / "trials").glob(f"*/{TRIAL_FILE}"))]
        for trial in records:
            if trial.values is not None and len(trial.values) != len(self.directions):
                raise FilesError(
                    f"{trial.directory / TRIAL_FILE} is damaged: {len(trial.values)} values for "
                    f"{len(self.directions)} objectives"
                )
        trials = [_interrupted(trial) if gone and trial.state == "running" else trial for trial in records]
        return sorted(trials, key=lambda trial: trial.number)


def is_sweep(path: str | Path) -> bool:
    """Whether a directory is a sweep directory."""
    return (expand(path) / SWEEP_FILE).is_file()


def load_sweep(path: str | Path) -> SweepRecord:
    """Read a sweep directory.

    Raises:
        FilesError: It is not a sweep directory, or one of its files is damaged.
    """
    return SweepRecord(path)


def sweep_of(directory: Path) -> Path | None:
    """Return the sweep that a run directory belongs to; None for a run of its own."""
    return next((folder for folder in directory.parents if (folder / SWEEP_FILE).is_file()), None)


def load_winners(path: str | Path) -> list[Record]:
    """Read a run directory, or the winner of a sweep directory: a run for each seed, if its trials were repeated.

    Raises:
        FilesError: It is not a run or sweep directory, or the sweep has no winner.
    """
    first = load_winner(path)
    best = SweepRecord(path).best() if is_sweep(path) else None
    return [first, *(load_run(run) for run in best.runs[1:])] if best is not None else [first]


def load_winner(path: str | Path) -> Record:
    """Read a run directory, or the winner of a sweep directory.

    Raises:
        FilesError: It is not a run or sweep directory, or the sweep has no winner.
    """
    if not is_sweep(path):
        return load_run(path)
    best = SweepRecord(path).best()
    if best is None:
        raise FilesError(f"{path} is a sweep without a single winner; choose one of its trials: {path}/trials/NUMBER")
    return load_run(best.runs[0])


def losses(trial: TrialRecord, directions: Sequence[str]) -> tuple[float, ...]:
    """Return the values of a completed trial, with the sign of maximized ones flipped, so less is always better."""
    signed = zip(trial.values or (), directions, strict=True)
    return tuple(value if direction == "minimize" else -value for value, direction in signed)


def _fronts(trials: Sequence[TrialRecord], directions: Sequence[str]) -> list[list[TrialRecord]]:
    """Return the Pareto fronts: non-dominated trials, then those dominated only by the first front, and so on.

    There is at least one front, perhaps empty. With one objective, each trial is a front, the earliest of equals first.
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
