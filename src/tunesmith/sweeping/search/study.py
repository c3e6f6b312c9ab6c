"""The search itself: which point to try next."""

from __future__ import annotations

import copy
import os
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.runs.trial_record import State
from tunesmith.seeding import derive_seed
from tunesmith.sweeping.optuna_inside import id_of, open_study, opened
from tunesmith.sweeping.search.samplers import make_sampler, read_choice
from tunesmith.sweeping.search.shares import Shares
from tunesmith.sweeping.space.space import Point, Space, identity_of_value

optuna.logging.set_verbosity(optuna.logging.WARNING)

MAX_ATTEMPTS = 10
"""Draws per trial before an untried point is taken from the list, or, without a list, a known one is accepted."""
MAX_DRAWS = 2_000
"""Random draws to find a point that is not excluded."""
POINT = "point"
"""User attribute of a trial: its whole point, including what Optuna does not know (zipped keys, lists)."""


ENDS: dict[State, TrialState] = {
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
"""Maps our names for how a trial ends to Optuna's."""


class Study:
    """Asks a sampler for points and tells it values; both are kept in a storage that outlives this process.

    Only a sweep's driver has one: a trial killed while holding the journal's lock would stall all others.

    Args:
        space: What is varied.
        sampler: The `hydra.sweeper.sampler` node, or None for a grid.
        directions: `maximize` or `minimize` per objective.
        seed: The sweep's seed.
        storage: Where the study is kept; in memory by default.
        name: Its name in the storage.
        equal: A key whose values get as many trials each; what is drawn for one is drawn without regard to the others.
    """

    def __init__(
        self,
        space: Space,
        sampler: Any,
        directions: Sequence[str],
        *,
        seed: int = 0,
        storage: BaseStorage | None = None,
        name: str = "sweep",
        equal: str | None = None,
    ) -> None:
        self.space = space
        self.sampler = sampler
        self.seed = seed
        self._grid = read_choice(sampler)[0] in (None, "grid")
        self._waiting: set[int] = set()
        self._storage = opened(storage or InMemoryStorage())
        self._study = open_study(self._storage, name, directions, self._waiting)
        self._study_id = self._storage.get_study_id_from_name(name)
        self._ids = {trial.number: id_of(trial) for trial in self.trials()}
        self.shares = Shares(space.parameters[equal] if equal is not None else None)
        for trial in self.trials():
            self.shares.add(trial.number, trial.user_attrs.get(POINT))
        self._over = {trial.number for trial in self.trials() if trial.state.is_finished()}
        self._known = {
            identity_of_value(point) for trial in self.trials() if (point := trial.user_attrs.get(POINT)) is not None
        }
        left = ((identity_of_value(point), point) for point in (self._shuffled() if space.is_finite else []))
        self._left = {text: point for text, point in left if text not in self._known}

    def trials(self) -> list[FrozenTrial]:
        """All trials so far, by number."""
        trials: list[FrozenTrial] = self._storage.get_all_trials(self._study_id, deepcopy=False)
        return trials

    def knows(self, point: Point) -> bool:
        """Whether a point was asked for before."""
        return identity_of_value(point) in self._known

    def ask(self, chosen: Point | None = None) -> tuple[int, Point] | None:
        """Number and point of a new trial; None if every point of a finite space has been tried.

        Args:
            chosen: The point to use, if the user has specified one.
        """
        if chosen is None and self.space.is_finite and self._next_left() is None:
            return None
        storage, study_id = self._storage, self._study_id
        trial_id = self._unused() or storage.create_new_trial(study_id)
        number = storage.get_trial_number_from_id(trial_id)
        point = chosen if chosen is not None else self._draw(trial_id, number)
        for key, value, distribution in self._encoded(point):
            storage.set_trial_param(trial_id, key, distribution.to_internal_repr(value), distribution)
        storage.set_trial_user_attr(trial_id, POINT, point)
        self._ids[number] = trial_id
        self.shares.add(number, point)
        self._known.add(identity_of_value(point))
        self._left.pop(identity_of_value(point), None)
        return number, point

    def report(self, number: int, step: int, value: float) -> None:
        """Report an intermediate value of the first objective; ignored for a retried trial, closed in the study."""
        if number in self._over:
            return
        self._storage.set_trial_intermediate_value(self._ids[number], step, value)

    def wait(self, number: int, waiting: bool = True) -> None:
        """Mark a trial as paused: the sampler learns from its last value as from a pruned trial's."""
        (self._waiting.add if waiting else self._waiting.discard)(number)

    def tell(self, number: int, state: State, values: Sequence[float] | None = None) -> None:
        """Report the end of a trial.

        Args:
            number: The trial.
            state: `completed`, `pruned` or `failed`.
            values: One per objective, for a completed trial; a pruned one keeps its last intermediate value.
        """
        self._waiting.discard(number)
        if number in self._over:
            return
        self._over.add(number)
        trial_id = self._ids[number]
        trial = self._storage.get_trial(trial_id)
        if state == "pruned" and trial.intermediate_values and len(self._study.directions) == 1:
            values = [trial.intermediate_values[max(trial.intermediate_values)]]
        self._storage.set_trial_state_values(trial_id, ENDS[state], values if state != "failed" else None)

    def prunes(self, pruner: optuna.pruners.BasePruner, number: int, *, latest: bool = False) -> bool:
        """Whether one of Optuna's pruners would end a trial now.

        Args:
            pruner: The pruner.
            number: The trial.
            latest: Show the pruner the trial's latest value alone. A median pruner goes by the best one that a trial
                ever had, and one lucky fold must not shield its mean over several.
        """
        trial = copy.copy(self._storage.get_trial(self._ids[number]))
        values = trial.intermediate_values
        if latest and values:
            trial.intermediate_values = {max(values): values[max(values)]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(pruner.prune(self._study, trial))

    def _unused(self) -> int | None:
        """A trial created by a driver that died before choosing its point."""
        for trial in self.trials():
            if trial.state == TrialState.RUNNING and POINT not in trial.user_attrs:
                return id_of(trial)
        return None

    def _shuffled(self) -> list[Point]:
        """A finite space's points in the order in which a grid runs them: shuffled, so a part is representative."""
        points = list(self.space.points())
        random.Random(derive_seed(self.seed, "grid")).shuffle(points)
        return points

    def _draw(self, trial_id: int, number: int) -> Point:
        if self._grid:
            point = self._next_left()
            assert point is not None
            return point
        self._study.hidden = self.shares.others(self.shares.least())
        self._study.sampler = sampler = make_sampler(self.sampler, self.seed, number)
        trial = self._storage.get_trial(trial_id)
        sampler.before_trial(self._study, trial)
        sampler.infer_relative_search_space(self._study, trial)  # some samplers store the space here
        point = {}
        for _ in range(MAX_ATTEMPTS):
            point = self._sample(sampler, trial)
            if identity_of_value(point) not in self._known and not self.space.excludes(point):
                return point
        return self._next_left() or self._allowed(trial, point)

    def _next_left(self) -> Point | None:
        """The first untried point of a finite space, of the value that has the fewest trials if they share equally."""
        return next((point for point in self._left.values() if self.shares.allows(point)), None)

    def _allowed(self, trial: FrozenTrial, point: Point) -> Point:
        """Draw points of a continuous space at random until one is not excluded, after the sampler found none.

        Raises:
            ConfigError: None was found.
        """
        sampler = make_sampler("random", self.seed, trial.number)
        for _ in range(MAX_DRAWS):
            if not self.space.excludes(point):
                return point
            point = self._sample(sampler, trial)
        raise ConfigError(
            [Problem("hydra.sweeper.exclude", f"leaves no point that {MAX_DRAWS} random draws could find")]
        )

    def _sample(self, sampler: BaseSampler, trial: FrozenTrial) -> Point:
        """Draw a point: unconditional keys jointly, active conditional ones independently."""
        leaders = {key: p for key, p in self.space.parameters.items() if key not in self.space.followers}
        fixed = self.shares.fixed()
        free: dict[str, BaseDistribution] = {
            key: p.distribution
            for key, p in leaders.items()
            if p.when is None and not p.distribution.single() and key not in fixed
        }
        together = sampler.sample_relative(self._study, trial, free)
        point: Point = dict(fixed)
        for key, parameter in sorted(leaders.items(), key=lambda item: len(self.space.above(item[0]))):
            if key in fixed or not self.space.is_active(key, point):
                continue
            if parameter.distribution.single() and parameter.values is not None:
                point[key] = parameter.values[0]
                continue
            drawn = together[key] if key in together else self._alone(sampler, trial, key, parameter.distribution)
            point[key] = parameter.decode(drawn)
        return self.space.complete(point)

    def _alone(self, sampler: BaseSampler, trial: FrozenTrial, key: str, distribution: BaseDistribution) -> Any:
        return sampler.sample_independent(self._study, trial, key, distribution)

    def _encoded(self, point: Mapping[str, Any]) -> Iterator[tuple[str, Any, BaseDistribution]]:
        for key, value in point.items():
            parameter = self.space.parameters.get(key)
            if parameter is not None and key not in self.space.followers:
                yield key, parameter.encode(value), parameter.distribution


def end_of(trial: FrozenTrial) -> tuple[State, list[float] | None] | None:
    """State and values of a trial that has ended in the study; None for any other."""
    state = next((name for name, end in ENDS.items() if end == trial.state), None)
    return None if state is None else (state, list(trial.values) if state == "completed" else None)


class _Unlocked(JournalFileOpenLock):
    """A lock that does nothing: whoever opens the journal already holds the sweep's own lock.

    The sweep's lock ends with its process. Optuna's is a file; one left by a killed process blocks the next for 30 s
    (see docs/decisions.md, 2026-11-25: the journal of a search has no lock of its own).
    (see docs/decisions.md, 2026-11-25: the journal of a search has no lock of its own).
    """

    def acquire(self) -> bool:
        """Do nothing."""
        return True

    def release(self) -> None:
        """Do nothing."""


def journal(path: Path) -> BaseStorage:
    """Open the storage of a sweep on one machine, in the process that holds the sweep."""
    if path.is_file():
        text = path.read_bytes()
        if not text.endswith(b"\n"):  # its writer was killed mid-line; the next entry would be appended to it
            os.truncate(path, text.rfind(b"\n") + 1)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_Unlocked(str(path))))


def open_storage(url: str | None, path: Path) -> BaseStorage:
    """Open the storage that a URL names, or the journal in a sweep's directory.

    Raises:
        ConfigError: The URL is invalid.
        FilesError: The storage cannot be opened.
    """
    if url is None:
        return journal(path)
    with _explained(url):
        return opened(url)


def check_storage(url: str | None) -> None:
    """Open the storage that a URL names and close it again, for a sweep that has no directory yet.

    Raises:
        ConfigError: The URL is invalid.
        FilesError: The storage cannot be opened.
    """
    if url is not None:
        with _explained(url):
            storage = RDBStorage(url)
            storage.remove_session()
            storage.engine.dispose()  # trials are forked from this process and must not inherit a connection


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn Optuna's and SQLAlchemy's errors about a storage into user errors."""
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError  # comes with Optuna; only the user's storage needs it

    where, hint = (
        "hydra.sweeper.storage",
        "E.g. sqlite:////home/me/study.db; null is a journal in the sweep's directory",
    )
    try:
        yield
    except ImportError as error:
        hint = f"Install the database driver: {str(error).splitlines()[0]}"
        raise ConfigError([Problem(where, "needs a package that is not installed", url, hint)]) from error
    except (ArgumentError, ValueError) as error:
        raise ConfigError([Problem(where, "must be the URL of a database", url, hint)]) from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError, OSError) as error:
        message = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise FilesError(f"{where}: {url} cannot be opened: {message}. {hint}") from error
