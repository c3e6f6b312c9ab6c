"""Read what a sweep varies from its file and the command line; all problems are reported together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tunesmith.config.changes import fixed_keys
from tunesmith.config.sweeper import Sweeper
from tunesmith.errors import ConfigError, Problem
from tunesmith.sweeping.optuna_inside import contains
from tunesmith.sweeping.space.grammar import text_of_space
from tunesmith.sweeping.space.space import MAX_POINTS, Condition, Parameter, Point, Space, same


def read_space(
    settings: Sweeper,
    swept: Sequence[Override],
    loader: ConfigLoader,
    look_up: Callable[[str], Any],
    *,
    may_be_empty: bool = False,
) -> Space:
    """Read the space of a sweep file's settings, overlaid with the command line's sweeps.

    Args:
        settings: The `hydra.sweeper` node.
        swept: Overrides of the command line with several values; each replaces the file's values for its key.
        loader: Hydra's loader, which knows the options for `glob(*)`.
        look_up: Returns the value of a key, or a group's option, that the sweep does not vary; for conditions.
        may_be_empty: Whether to accept that nothing is varied: one config over folds.

    Raises:
        ConfigError: Some of it cannot be read; it lists every problem.
    """
    problems: list[Problem] = []
    parameters: dict[str, Parameter] = {}
    for key, node in settings.params.items():
        text, when = (node.get("space"), node.get("when")) if isinstance(node, Mapping) else (node, None)
        _collect(problems, parameters, key, lambda k=key, t=text, w=when: _parameter(k, t, w, loader))
    for override in swept:
        key = override.key_or_group
        _collect(problems, parameters, key, lambda o=override: _from_override(o, None, loader))
    if settings.explicit:
        if parameters:
            where = "hydra.sweeper.explicit"
            problems.append(Problem(where, "lists all points and cannot be combined with params"))
        parameters = _of_points(settings.explicit)
    problems += [_fixed(key, reason) for key in parameters if (reason := _reason(key)) is not None]
    exclude = _conditions(settings, loader, problems)
    named = {parameter.when.key for parameter in parameters.values() if parameter.when is not None}
    context = {key: look_up(key) for key in named if key not in parameters}
    space = Space(parameters, tuple(map(tuple, settings.zip)), tuple(settings.explicit), exclude, context)
    problems += _of_structure(space)
    if problems:
        raise ConfigError(problems)
    if not space.parameters and not may_be_empty:
        hint = "Give some values: optimizer.lr=1e-5,1e-4, or params in a sweep file"
        raise ConfigError([Problem("hydra.sweeper.params", "nothing is varied", None, hint)])
    return space


def _collect(problems: list[Problem], parameters: dict[str, Parameter], key: str, make: Any) -> None:
    parameter = make()
    if isinstance(parameter, Problem):
        problems.append(parameter)
    else:
        parameters[key] = parameter


def _parameter(key: str, text: Any, when: Any, loader: ConfigLoader) -> Parameter | Problem:
    where = f"hydra.sweeper.params.{key}"
    if isinstance(text, list):
        values = ", ".join(map(text_of_space, text))
        return Problem(where, "must be a string in Hydra's grammar", str(text), f"Write {key}: choice({values})")
    if not isinstance(text, str):
        return Problem(
            where, "must be a string in Hydra's grammar", str(text), "E.g. choice(16, 32) or interval(0, 0.3)"
        )
    try:
        override = OverridesParser.create(config_loader=loader).parse_override(f"{key}={text}")
    except HydraException as error:
        return Problem(where, "cannot be read", text, str(error).splitlines()[0])
    condition = None
    if when is not None:
        condition = _condition(str(when), loader)
        if condition is None:
            return Problem(f"{where}.when", "must be KEY=VALUE", str(when), "E.g. when: method=lora")
    if not override.is_sweep_override():
        return Problem(where, "has a single value, so nothing is varied", text, f"Set it outside: {key}: {text}")
    return _from_override(override, condition, loader)


def _from_override(override: Override, when: Condition | None, loader: ConfigLoader) -> Parameter | Problem:
    key, value = override.key_or_group, override.value()
    text = (override.input_line or "").partition("=")[2]
    if isinstance(value, IntervalSweep):
        return _interval(key, value, text, when)
    try:
        values = _values(override, loader)
    except (HydraException, ValueError, TypeError) as error:
        return Problem(key, "cannot be read", text, str(error).splitlines()[0])
    if not values:
        return Problem(key, "has no values", text)
    even = _evenly(value, values) if isinstance(value, RangeSweep) and not value.shuffle else None
    return Parameter(key, text, even or CategoricalDistribution(_choices(values)), tuple(values), when)


def _evenly(sweep: RangeSweep, values: Sequence[Any]) -> BaseDistribution | None:
    """The distribution in which a range's values keep their order; None if Optuna would round them away."""
    if sweep.step <= 0:
        return None
    if all(isinstance(item, int) for item in values):
        return IntDistribution(values[0], values[-1], step=int(sweep.step))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "not divisible by step": that is compared below
        distribution = FloatDistribution(values[0], values[-1], step=float(sweep.step))
    return (
        distribution
        if distribution.high == values[-1] and all(contains(distribution, value) for value in values)
        else None
    )


def _range(sweep: RangeSweep) -> list[Any]:
    """The values of a range; steps that are not whole numbers are counted in decimals, as they are written.

    Hydra adds up binary fractions, so the third value of `range(1e-4, 4e-4, 1e-4)` would be 0.00030000000000000003.

    Raises:
        ValueError: It is infinite.
    """
    start, stop, step = sweep.start, sweep.stop, sweep.step
    assert start is not None
    assert stop is not None
    if not all(map(math.isfinite, (start, stop, step))):
        raise ValueError("the ends and the step of a range must be finite")
    if step == 0:
        raise ValueError("the step of a range must not be 0")
    if all(isinstance(number, int) for number in (start, stop, step)):
        return list(range(int(start), int(stop), int(step)))
    first, end, by = (Decimal(str(number)) for number in (start, stop, step))
    count = max(0, math.ceil((end - first) / by))
    numbers = (float(first + number * by) for number in range(count))
    return list(dict.fromkeys(numbers))  # a step below the numbers' precision would never advance


def _interval(key: str, value: IntervalSweep, text: str, when: Condition | None) -> Parameter | Problem:
    log, low, high = "log" in value.tags, value.start, value.end
    assert low is not None
    assert high is not None
    if not low < high or not math.isfinite(low) or not math.isfinite(high):
        return Problem(key, "the lower end of an interval must be below its upper end", text)
    if log and low <= 0:
        return Problem(key, "an interval with tag(log, ...) must be above 0", text)
    if isinstance(low, int) and isinstance(high, int):
        return Parameter(key, text, IntDistribution(low, high, log=log), None if log else _whole(low, high), when)
    return Parameter(key, text, FloatDistribution(float(low), float(high), log=log), None, when)


def _whole(low: int, high: int) -> tuple[int, ...] | None:
    return tuple(range(low, high + 1)) if high - low < MAX_POINTS else None


def _values(override: Override, loader: ConfigLoader) -> list[Any]:
    """The values of a finite sweep, as the config takes them."""
    value = override.value()
    if isinstance(value, Glob):
        return list(value.filter(loader.get_group_options(override.key_or_group)))
    if isinstance(value, ChoiceSweep) and not value.shuffle:
        return [_plain(item) for item in value.list]
    if isinstance(value, RangeSweep) and not value.shuffle:
        return _range(value)
    return [_plain(item) for item in override.sweep_iterator(transformer=Transformer.identity)]


def _plain(item: Any) -> Any:
    if isinstance(item, QuotedString):
        return item.text
    if isinstance(item, list):
        return [_plain(part) for part in item]
    if isinstance(item, dict):
        return {_plain(key): _plain(part) for key, part in item.items()}
    return item


def _choices(values: Sequence[Any]) -> list[Any]:
    """Encode choices for Optuna, which accepts scalars only; any other value is represented by its text."""
    scalars = all(value is None or isinstance(value, bool | int | float | str) for value in values)
    apart = scalars and len(set(values)) == len(values)  # Python treats 1 and true as equal
    return list(values) if apart else [*map(text_of_space, values)]


def _condition(text: str, loader: ConfigLoader) -> Condition | None:
    """Parse `key=value`, `key=a,b` or `key=interval(a,b)`."""
    try:
        override = OverridesParser.create(config_loader=loader).parse_override(text)
    except HydraException:
        return None
    value = override.value()
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
        return Condition(override.key_or_group, (), float(low or 0), float(high or 0))
    values = _values(override, loader) if override.is_sweep_override() else [value]
    return Condition(override.key_or_group, tuple(values))


def _conditions(settings: Sweeper, loader: ConfigLoader, problems: list[Problem]) -> tuple[tuple[Condition, ...], ...]:
    alternatives = []
    for number, node in enumerate(settings.exclude):
        conditions = []
        for key, value in node.items():
            if isinstance(value, list):
                conditions.append(Condition(key, (*value, value)))  # one of the values, or a key whose values are lists
                continue
            text = f"{key}={value if isinstance(value, str) else text_of_space(value)}"
            condition = _condition(text, loader)
            if condition is None:
                problems.append(Problem(f"hydra.sweeper.exclude[{number}].{key}", "cannot be read", str(value)))
            else:
                conditions.append(condition)
        alternatives.append(tuple(conditions))
    return tuple(alternatives)


def _of_points(points: Sequence[Point]) -> dict[str, Parameter]:
    """Make one parameter per key of the listed points, with the values that occur there."""
    values: dict[str, list[Any]] = {}
    for point in points:
        for key, value in point.items():
            known = values.setdefault(key, [])
            if not any(same(value, other) for other in known):
                known.append(value)
    return {
        key: Parameter(
            key, ", ".join(map(text_of_space, listed)), CategoricalDistribution(_choices(listed)), tuple(listed)
        )
        for key, listed in values.items()
    }


def _of_structure(space: Space) -> Iterator[Problem]:
    """Problems of zip and when, which name keys of the space."""
    for number, group in enumerate(space.zipped):
        where = f"hydra.sweeper.zip[{number}]"
        unknown = [key for key in group if key not in space.parameters]
        lengths = {len(space.parameters[key].values or ()) for key in group if key in space.parameters}
        if unknown:
            yield Problem(where, "names a key that is not part of the search", unknown[0])
        elif len(lengths) > 1 or 0 in lengths:
            yield Problem(where, "its keys must list the same number of values", ", ".join(group))
    for key in space.parameters:
        if key in space.above(key):
            yield Problem(f"hydra.sweeper.params.{key}.when", "depends on the key itself, directly or in a cycle", key)
    for conditions in space.exclude:
        for condition in conditions:
            if condition.key not in space.parameters:
                yield Problem("hydra.sweeper.exclude", "names a key that is not part of the search", condition.key)


def _reason(key: str) -> str | None:
    return next((why for fixed, why in fixed_keys().items() if key == fixed or key.startswith(f"{fixed}.")), None)


def _fixed(key: str, reason: str) -> Problem:
    return Problem(key, "cannot be searched", None, reason)
