"""Samplers and pruners by name: Optuna's classes with their own options."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from tunesmith.errors import ConfigError, Problem
from tunesmith.seeding import derive_seed
from tunesmith.suggest import did_you_mean, nearest

SAMPLERS = {
    "random": "optuna.samplers.RandomSampler",
    "qmc": "optuna.samplers.QMCSampler",
    "tpe": "optuna.samplers.TPESampler",
    "gp": "optuna.samplers.GPSampler",
    "nsgaii": "optuna.samplers.NSGAIISampler",
}
PRUNERS = {
    "hyperband": "optuna.pruners.HyperbandPruner",
    "median": "optuna.pruners.MedianPruner",
    "threshold": "optuna.pruners.ThresholdPruner",
}
UNPICKLING = ("CmaEsSampler",)
"""Samplers that pickle their state in the study: resuming a stranger's sweep could execute code."""
AROUND_ANOTHER = ("PatientPruner", "PartialFixedSampler")
"""Optuna classes that wrap another one, which a config cannot name."""
ONE_SEQUENCE = ("QMCSampler",)
"""Samplers that draw from one sequence, counted in the study: their seed is the same for all trials."""


def read_choice(value: Any) -> tuple[str | None, dict[str, Any]]:
    """Split a sampler's or pruner's node into its name (or `_target_`) and options."""
    if value is None:
        return None, {}
    if isinstance(value, str):
        return value, {}
    options = dict(value)
    return options.pop("name", None) or options.pop("_target_", None), options


def is_optuna(name: str) -> bool:
    """Whether a sampler's or pruner's name refers to a class of Optuna, by a short name or by its path."""
    return name in SAMPLERS or name in PRUNERS or name.startswith("optuna.")


def make_sampler(value: Any, seed: int, number: int) -> BaseSampler:
    """Create the sampler for one trial, seeded by the sweep's seed and the trial's number alone.

    A sampler with one seed for all trials would draw its first points again after a resume
    (see docs/decisions.md, 2026-11-23: the sampler is created anew for every trial).

    Args:
        value: The `hydra.sweeper.sampler` node.
        seed: The sweep's seed.
        number: The trial's number.

    Raises:
        ConfigError: The sampler does not exist or rejects its options.
    """
    cls, options = _class("sampler", value, SAMPLERS, BaseSampler, ("grid",))
    if cls.__name__ in UNPICKLING:
        hint = "Use tpe, gp or nsgaii"
        raise ConfigError([Problem("hydra.sweeper.sampler", "unpickles its state on resume", cls.__name__, hint)])
    if "seed" in options:
        rule = "belongs to the sweep: with one seed for all trials, a resumed search would draw its first points again"
        hint = f"Use hydra.sweeper.seed={options['seed']}"
        raise ConfigError([Problem("hydra.sweeper.sampler.seed", rule, str(options["seed"]), hint)])
    if "seed" in inspect.signature(cls).parameters:
        own = derive_seed(seed, "sampler") if cls.__name__ in ONE_SEQUENCE else derive_seed(seed, number)
        options["seed"] = own % 2**32
    sampler = _make("sampler", cls, options)
    assert isinstance(sampler, BaseSampler)
    return sampler


def make_pruner(value: Any) -> BasePruner:
    """Create the Optuna pruner that a `hydra.sweeper.pruner` node names.

    Raises:
        ConfigError: The pruner does not exist or rejects its options.
    """
    cls, options = _class("pruner", value, PRUNERS, BasePruner, ("asha", "none"))
    pruner = _make("pruner", cls, options)
    assert isinstance(pruner, BasePruner)
    _rehearse(pruner, options)
    return pruner


def _rehearse(pruner: BasePruner, options: Mapping[str, Any]) -> None:
    """Run the pruner on two short throw-away trials: some options are rejected only then.

    Raises:
        ConfigError: The pruner fails on them.
    """
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(0))
        for _ in range(2):
            trial = study.ask()
            for step in (1, 2, 3):
                trial.report(0.5, step)
                trial.should_prune()
            study.tell(trial, 0.5)
    except Exception as error:  # any error would end the sweep
        rule = f"{type(pruner).__name__} fails with these options: {type(error).__name__}: {str(error).splitlines()[0]}"
        defaults = inspect.signature(type(pruner)).parameters
        hint = f"Optuna's own are {', '.join(f'{key}={defaults[key].default}' for key in options)}" if options else None
        raise ConfigError([Problem("hydra.sweeper.pruner", rule, str(dict(options)), hint)]) from error
    finally:
        optuna.logging.set_verbosity(before)


def _class(
    kind: str, value: Any, known: Mapping[str, str], base: type, own: tuple[str, ...]
) -> tuple[type, dict[str, Any]]:
    name, options = read_choice(value)
    where = f"hydra.sweeper.{kind}"
    target = known.get(str(name), str(name))
    if not target.startswith("optuna."):
        names = [*own, *known]
        hint = _of_optuna(kind, str(name)) or did_you_mean(nearest(str(name), names)) or f"Names: {', '.join(names)}"
        raise ConfigError([Problem(where, f"no such {kind}", str(name), hint)])
    module, _, attribute = target.rpartition(".")
    try:
        cls = getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        raise ConfigError([Problem(where, f"no such {kind}", target)]) from None
    if not (isinstance(cls, type) and issubclass(cls, base)):
        raise ConfigError([Problem(where, f"is not an Optuna {kind}", target)])
    return cls, options


def _of_optuna(kind: str, name: str) -> str | None:
    """How to name an Optuna class that has no short name; None if there is no such class."""
    module = import_module(f"optuna.{kind}s")
    plain = f"{name}{kind}".replace("-", "").replace("_", "").lower()
    match = next((word for word in module.__all__ if word.lower() == plain and word not in AROUND_ANOTHER), None)
    if match in UNPICKLING:
        return f"{match} unpickles its state on resume. Use tpe, gp or nsgaii"
    return f"Use 'hydra.sweeper.{kind}={{_target_: optuna.{kind}s.{match}}}'" if match else None


def _make(kind: str, cls: type, options: Mapping[str, Any]) -> Any:
    problems = list(_of_options(f"hydra.sweeper.{kind}", cls, options))
    if problems:
        raise ConfigError(problems)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "is experimental"
            return cls(**options)
    except (TypeError, ValueError) as error:
        message = str(error).splitlines()[0]
        raise ConfigError(
            [Problem(f"hydra.sweeper.{kind}", f"{cls.__name__} rejects its options: {message}")]
        ) from error


def _of_options(where: str, cls: type, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Options that a class does not have, and required ones that are missing."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    every = inspect.signature(cls).parameters.values()
    known = {parameter.name: parameter for parameter in every if parameter.kind in named}
    for key in options if all(parameter.kind in named for parameter in every) else ():
        if key not in known:
            shown = ", ".join(name for name in known if name != "seed")  # the seed belongs to the sweep
            hint = did_you_mean(nearest(str(key), known)) or (f"Options: {shown}" if shown else "It has no options")
            yield Problem(f"{where}.{key}", f"{cls.__name__} has no such option", None, hint)
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and name not in options:
            yield Problem(f"{where}.{name}", f"{cls.__name__} requires this option")
