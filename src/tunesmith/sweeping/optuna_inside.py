"""All private parts of Optuna used here, as of Optuna 5.0; `tests/test_foreign_privates.py` lists each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


def contains(distribution: BaseDistribution, value: float) -> bool:
    """Whether a distribution can produce a value, including its steps; the public API exposes only its bounds."""
    return distribution._contains(value)


def id_of(trial: FrozenTrial) -> int:
    """A trial's ID in the storage; the public API finds it only by reading every trial."""
    return int(trial._trial_id)


def opened(storage: str | BaseStorage) -> BaseStorage:
    """Open a storage as a study does, with a cache in front of a database; Optuna marks the public name as internal."""
    return optuna.storages.get_storage(storage)


class StudyView(optuna.Study):
    """A study whose paused trials look pruned to its sampler, and which can hide some.

    Samplers and pruners read the trials through `_get_trials`. Optuna cannot pause a trial, and a trial whose state
    were changed in the storage could not continue.
    """

    waiting: set[int]
    hidden: frozenset[int] = frozenset()
    """Numbers of trials that samplers do not see."""

    def _get_trials(
        self, deepcopy: bool = True, states: Any | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        every = self._storage.get_all_trials(self._study_id, deepcopy=deepcopy)
        trials = [trial for trial in every if trial.number not in self.hidden]
        seen = [_as_pruned(trial) if trial.number in self.waiting else trial for trial in trials]
        return [trial for trial in seen if states is None or trial.state in states]


def _as_pruned(trial: FrozenTrial) -> FrozenTrial:
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    if trial.intermediate_values:
        pruned.values = [trial.intermediate_values[max(trial.intermediate_values)]]
    return pruned


def open_study(storage: BaseStorage, name: str, directions: Sequence[str], waiting: set[int]) -> StudyView:
    """Open the study with a name, creating it if the storage has none.

    Args:
        storage: As returned by `opened`.
        name: Its name there.
        directions: `maximize` or `minimize` per objective.
        waiting: Numbers of the paused trials, maintained by the caller; samplers see these as pruned.
    """
    optuna.create_study(
        storage=storage,
        study_name=name,
        directions=[StudyDirection[direction.upper()] for direction in directions],
        load_if_exists=True,
    )
    view = StudyView(name, storage)
    view.waiting = waiting
    return view
