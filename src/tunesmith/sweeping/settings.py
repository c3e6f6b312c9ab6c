"""Read and check the `hydra.sweeper` node; every setting must have an effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from tunesmith.config.checking.other_names import SWEEPER
from tunesmith.config.checking.targets import Place, check_target
from tunesmith.config.sweeper import Sweeper
from tunesmith.errors import ConfigError, Problem
from tunesmith.suggest import as_yaml, did_you_mean, nearest
from tunesmith.sweeping.search.samplers import is_optuna, make_pruner, make_sampler, read_choice

OF_ASHA = ("rungs", "reduction", "pauses")
"""Options of the built-in ASHA pruner."""

JUDGE = Place(
    "tunesmith.sweeping.search.judge.Judge", supplied={"fractions": "it is derived from hydra.sweeper.pruner.rungs"}
)
"""Requirements on a pruner that is not one of Optuna's."""
EXECUTOR = Place(
    "tunesmith.sweeping.execution.executors.executor.Executor",
    supplied={"n_jobs": "use hydra.sweeper.n_jobs", "entry": "it is the function that runs a trial"},
)
"""Requirements on an executor named by its class."""

EITHER = {
    "initial": "must be a list of points, each a mapping of keys to values, or the directory of another sweep",
    "metric": "must be a metric's name, or a list of names",
    "sampler": "must be a name, or a mapping with name and options",
    "pruner": "must be a name, or a mapping with name and options",
    "executor": "must be local, inprocess, or a mapping with a class in _target_ and its options",
    "n_jobs": "must be a whole number >= 1, or auto",
}
"""Keys that take one of two types; pydantic would report each type separately."""


def read_settings(settings: Mapping[str, Any]) -> Sweeper:
    """Read the typed settings of a sweep.

    Args:
        settings: The `hydra.sweeper` node.

    Raises:
        ConfigError: Some are wrong; it lists every problem.
    """
    try:
        read = Sweeper.model_validate(dict(settings))
    except ValidationError as error:
        raise ConfigError(list(_of_pydantic(error, settings))) from None
    problems = [*_of_sampler(read), *_of_pruner(read), *_of_executor(read)]
    if read.metric is not None and not read.metric:
        hint = "Name one, e.g. val/loss; null means evaluation.monitor"
        problems.append(Problem("hydra.sweeper.metric", "names no metric", as_yaml(read.metric), hint))
    if problems:
        raise ConfigError(problems)
    return read


def _of_sampler(settings: Sweeper) -> Iterator[Problem]:
    name, options = read_choice(settings.sampler)
    if settings.sampler is not None and not name:
        yield _nameless("sampler", "tpe", settings.sampler)
    elif name == "grid" and options:
        hint = "It runs the points that params list; hydra.sweeper.seed sets their order"
        yield Problem("hydra.sweeper.sampler", "grid takes no options", as_yaml(options), hint)
    elif name not in (None, "grid"):
        try:
            make_sampler(settings.sampler, settings.seed, 0)
        except ConfigError as error:
            yield from error.problems


def _of_pruner(settings: Sweeper) -> Iterator[Problem]:
    name, options = read_choice(settings.pruner)
    if settings.pruner is not None and not name:
        yield _nameless("pruner", "asha", settings.pruner)
    elif name == "none" and options:
        hint = "Name the pruner they belong to, e.g. asha"
        yield Problem("hydra.sweeper.pruner", "none takes no options", as_yaml(options), hint)
    elif name not in (None, "none"):
        yield from _of_rungs(options)
        yield from _of_asha(options) if name == "asha" else _of_other(str(name), options)


def _of_executor(settings: Sweeper) -> Iterator[Problem]:
    where, executor = "hydra.sweeper.executor", settings.executor
    if isinstance(executor, dict) and not isinstance(executor.get("_target_"), str):
        hint = f"Name its class beside its options: {where}={{_target_: my_module.MyExecutor}}"
        yield Problem(where, "does not name a class", as_yaml(executor), hint)
    elif isinstance(executor, dict):
        yield from check_target(where, EXECUTOR, executor)


def _of_rungs(options: Mapping[str, Any]) -> Iterator[Problem]:
    rungs = options.get("rungs", [0.5])
    numbers = isinstance(rungs, list) and all(
        isinstance(rung, int | float) and not isinstance(rung, bool) for rung in rungs
    )
    if not (numbers and rungs and rungs == sorted(set(rungs)) and rungs[0] > 0 and rungs[-1] < 1):
        hint = "Use fractions of a full run, e.g. [0.25, 0.5]; hydra.sweeper.pruner=none runs every trial to its end"
        yield Problem("hydra.sweeper.pruner.rungs", "must be ascending fractions between 0 and 1", as_yaml(rungs), hint)


def _of_other(name: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of one of Optuna's pruners, or of a judge named by its class."""
    own = {key: value for key, value in options.items() if key != "rungs"}
    if "." in name and not is_optuna(name):
        yield from check_target("hydra.sweeper.pruner", JUDGE, {"_target_": name, **own})
        return
    try:
        make_pruner({"name": name, **own})
    except ConfigError as error:
        yield from error.problems


def _of_asha(options: Mapping[str, Any]) -> Iterator[Problem]:
    where, reduction, pauses = "hydra.sweeper.pruner", options.get("reduction", 2), options.get("pauses", True)
    for unknown in [key for key in options if key not in OF_ASHA]:
        close = did_you_mean(nearest(str(unknown), OF_ASHA))
        yield Problem(where, "asha takes rungs, reduction and pauses", str(unknown), close)
    if isinstance(reduction, bool) or not isinstance(reduction, int) or reduction < 2:
        hint = "2 lets half of the trials continue"
        yield Problem(f"{where}.reduction", "must be a whole number >= 2", as_yaml(reduction), hint)
    if not isinstance(pauses, bool):
        yield Problem(
            f"{where}.pauses", "must be true or false", as_yaml(pauses), "false ends a trial for good at a rung"
        )


def _nameless(kind: str, default: str, value: Any) -> Problem:
    hint = f"Give its name beside its options: {{name: {default}, ...}}"
    return Problem(f"hydra.sweeper.{kind}", f"does not name a {kind}", as_yaml(value), hint)


def _of_pydantic(error: ValidationError, settings: Mapping[str, Any]) -> Iterator[Problem]:
    names, items = list(Sweeper.model_fields), error.errors(include_url=False)
    for key in dict.fromkeys(str(item["loc"][0]) for item in items if item["loc"][0] in EITHER):
        yield Problem(f"hydra.sweeper.{key}", EITHER[key], as_yaml(settings[key]))
    for item in items:
        key = str(item["loc"][0])
        where = f"hydra.sweeper.{key}"
        if item["type"] == "extra_forbidden":
            close = SWEEPER.get(key) or did_you_mean(nearest(key, names))
            yield Problem(where, "no such key", None, close or f"Keys: {', '.join(names)}")
        elif key not in EITHER:
            yield Problem(where, item["msg"][0].lower() + item["msg"][1:], as_yaml(item["input"]))
