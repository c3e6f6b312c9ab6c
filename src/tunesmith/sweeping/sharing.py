"""Checks that the values of a key can share a search equally."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from optuna.samplers import BaseSampler

from tunesmith.config.sweeper import Sweeper
from tunesmith.errors import Problem
from tunesmith.suggest import as_yaml, did_you_mean, nearest
from tunesmith.sweeping.search.samplers import make_sampler, read_choice
from tunesmith.sweeping.search.shares import Shares
from tunesmith.sweeping.space.grammar import text_of_space
from tunesmith.sweeping.space.space import Point, Space

WHERE = "hydra.sweeper.equal"


def problems_of_shares(settings: Sweeper, space: Space, initial: Sequence[Point]) -> Iterator[Problem]:
    """Problems of `hydra.sweeper.equal`, if it is set: what cannot be shared, and numbers that do not divide.

    Args:
        settings: The `hydra.sweeper` node.
        space: What is varied.
        initial: The points that are run first.
    """
    if settings.equal is None:
        return
    problem = _of_key(settings.equal, space)
    if problem is not None:
        yield problem
        return
    yield from _of_search(settings)
    yield from _of_numbers(settings, space, initial)


def _of_key(key: str, space: Space) -> Problem | None:
    parameter = space.parameters.get(key)
    if parameter is None:
        close = did_you_mean(nearest(key, list(space.parameters)))
        return Problem(WHERE, "is not varied", key, close or f"Varied are {', '.join(space.parameters)}")
    if key in space.followers:
        leader = space.followers[key]
        return Problem(WHERE, f"advances together with {leader}", key, f"Set {WHERE}={leader}")
    if parameter.when is not None:
        return Problem(WHERE, "is varied at some points only", key, f"Set {WHERE}={parameter.when.key}")
    if parameter.values is None or len(parameter.values) < 2:
        return Problem(WHERE, "has no list of values that could share the search", key, "Name a key with several")
    return None


def _of_search(settings: Sweeper) -> Iterator[Problem]:
    """Only halving that pauses lets the same number go on of each value, whenever its trials come to be judged."""
    pruner, options = read_choice(settings.pruner)
    if pruner not in (None, "none", "asha") or not options.get("pauses", True):
        rule = f"would not give the values of {settings.equal} equal steps: it stops trials as they come"
        hint = "Set hydra.sweeper.pruner=asha, or hydra.sweeper.pruner=none"
        yield Problem("hydra.sweeper.pruner", rule, as_yaml(settings.pruner), hint)
    sampler = read_choice(settings.sampler)[0]
    if sampler not in (None, "grid") and _keeps_a_population(make_sampler(settings.sampler, settings.seed, 0)):
        rule = f"breeds points from one population, so that no value of {settings.equal} would be tuned by itself"
        yield Problem("hydra.sweeper.sampler", rule, as_yaml(settings.sampler), "Set hydra.sweeper.sampler=tpe")


def _keeps_a_population(sampler: BaseSampler) -> bool:
    return hasattr(sampler, "population_size")


def _of_numbers(settings: Sweeper, space: Space, initial: Sequence[Point]) -> Iterator[Problem]:
    key, shares = str(settings.equal), Shares(space.parameters[str(settings.equal)])
    values = space.parameters[key].values or ()
    listed = space.points() if space.is_finite else []
    if any(key not in point for point in (*listed, *initial)):
        yield Problem(WHERE, "has no value at some points", key, "Name a key that every point has")
        return
    points = Counter(map(shares.at, listed))
    wanted = settings.n_trials or points.total()
    if not wanted:
        return  # an infinite space without a number of trials is a problem of its own
    each, left = divmod(wanted, len(values))
    if left and settings.n_trials is not None:
        numbers = " or ".join(str(share * len(values)) for share in (each, each + 1) if share)
        rule = f"cannot be shared equally by the {len(values)} values of {key}"
        yield Problem("hydra.sweeper.n_trials", rule, str(wanted), f"Set hydra.sweeper.n_trials={numbers}")
        return
    fewest = min(points[place] for place in range(len(values))) if listed else each
    if fewest < each or left:
        counts = ", ".join(f"{text_of_space(value)} {points[place]}" for place, value in enumerate(values))
        hint = f"Set hydra.sweeper.n_trials={fewest * len(values)}" if fewest else "Take it out"
        yield Problem(WHERE, f"its values have different numbers of points: {counts}", key, hint)
    first = Counter(map(shares.at, initial))
    if first and max(first.values()) > each:
        rule = f"has {max(first.values())} points of one value of {key}, and each value gets {each} trials"
        yield Problem(
            "hydra.sweeper.initial", rule, None, f"Set hydra.sweeper.n_trials={max(first.values()) * len(values)}"
        )
