"""Read and check a whole sweep before anything is written or started."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from tunesmith.config.checking.directions import COSTS, direction_of, objective_problem
from tunesmith.config.composing.compose import Composed
from tunesmith.config.composing.composer import Composer
from tunesmith.config.composing.files import Loader
from tunesmith.config.composing.overrides import parse
from tunesmith.config.construct import construct
from tunesmith.config.folders import expand
from tunesmith.config.schema import Evaluation
from tunesmith.config.sweeper import Sweeper
from tunesmith.errors import ConfigError, Problem
from tunesmith.redaction import redact_config, redact_values
from tunesmith.runs.sweep_record import SweepRecord, is_sweep
from tunesmith.sweeping.search.judge import ForeignJudge, Judge, OptunaPruner
from tunesmith.sweeping.search.judge_of_shares import JudgeOfShares
from tunesmith.sweeping.search.rungs import FRACTIONS, REDUCTION, Halving, fold_rungs
from tunesmith.sweeping.search.samplers import is_optuna, make_pruner, read_choice
from tunesmith.sweeping.search.study import Study
from tunesmith.sweeping.sharing import problems_of_shares
from tunesmith.sweeping.space.grammar import overrides
from tunesmith.sweeping.space.reading import read_space
from tunesmith.sweeping.space.space import Point, Space
from tunesmith.sweeping.space.space import identity_of_value as identity_of

CHECKS = (0.25, 0.5, 0.75)
"""Fractions of a full run at which Optuna's own pruners are consulted."""
MAX_CHECKED = 20
"""Values of one key that are checked in each combination of groups before the start."""


@dataclass(frozen=True)
class Sweep:
    """A sweep that is ready to run."""

    settings: Sweeper
    space: Space
    objectives: tuple[str, ...]
    directions: tuple[str, ...]
    base: tuple[str, ...]
    """Overrides common to all trials."""
    run: Composed
    """The config that all trials share."""
    initial: tuple[Point, ...] = ()
    """Points that are run first."""
    judged: tuple[tuple[Point, Composed], ...] = ()
    """The points composed in advance, with their configs."""
    judges_folds: bool = True
    """Whether the pruner hears of each fold; sweeps that began without go on without."""

    @property
    def sampler(self) -> Any:
        """The sampler's node, with null resolved."""
        return self.settings.sampler or ("grid" if lists_points(self.settings, self.space) else "tpe")

    @property
    def is_grid(self) -> bool:
        """Whether points come from a list."""
        return lists_points(self.settings, self.space)

    @property
    def pruner(self) -> tuple[str, dict[str, Any]]:
        """The pruner's name and options, with null resolved."""
        name, options = read_choice(self.settings.pruner)
        return name or ("none" if self.is_grid or len(self.objectives) > 1 else "asha"), options

    @property
    def decided(self) -> Sweeper:
        """The settings with every null resolved, which an extended sweep continues with."""
        name, options = self.pruner
        update = {"sampler": self.sampler, "pruner": {"name": name, **options}, "initial": list(self.initial)}
        return self.settings.model_copy(update=update)

    @property
    def n_trials(self) -> int:
        """Total number of trials: as requested, but not more than there are points."""
        if not self.space.is_finite:
            return self.settings.n_trials or 0
        count = len(self.space.points())
        return min(self.settings.n_trials or count, count)

    @property
    def folds(self) -> int | None:
        """Folds that every point is validated on; None without cross-validation."""
        return self.run.config.data.split.folds

    @property
    def replicates(self) -> int:
        """Runs per point: seeds, or the folds of as many divisions."""
        return self.settings.repeats * (self.folds or 1)

    @property
    def rungs(self) -> tuple[float, ...]:
        """Fractions of a full run at which trials are judged."""
        name, options = self.pruner
        default = {"none": (), "asha": FRACTIONS}.get(name, CHECKS)
        return tuple(map(float, options.get("rungs", default)))

    @property
    def fold_rungs(self) -> tuple[int, ...]:
        """Numbers of finished folds after which trials are judged by their mean."""
        name, options = self.pruner
        if self.folds is None or name == "none" or not self.judges_folds:
            return ()
        return fold_rungs(self.replicates, int(options.get("reduction", REDUCTION)) if name == "asha" else None)

    def judge(self, study: Study) -> Judge | None:
        """Create the judge that decides at the rungs; None if every trial runs to its end.

        Args:
            study: Holds the curves that Optuna's pruners read.
        """
        name, options = self.pruner
        if name == "none":
            return None
        own = {key: value for key, value in options.items() if key != "rungs"}
        rungs = (*self.rungs, *map(float, self.fold_rungs))

        def make() -> Judge:
            if name == "asha":
                return Halving(rungs, int(own.get("reduction", REDUCTION)), pauses=own.get("pauses", True))
            if is_optuna(name):
                return OptunaPruner(rungs, make_pruner({"name": name, **own}), study)
            return ForeignJudge(construct("hydra.sweeper.pruner", name, {"fractions": rungs, **own}))

        return make() if self.settings.equal is None else JudgeOfShares(make, study.shares)


def lists_points(settings: Sweeper, space: Space) -> bool:
    """Whether a sweep runs points from a list instead of sampling them."""
    if settings.sampler is not None:
        return read_choice(settings.sampler)[0] == "grid"
    finite = bool(settings.explicit) or space.is_finite
    return finite and (settings.n_trials is None or settings.n_trials >= len(space.points()))


def prepare(texts: Sequence[str], settings: Sweeper, composer: Composer, *, check: bool = True) -> Sweep:
    """Determine everything about a sweep that can be known before its first trial.

    For a grid, every point is composed and validated; for any other space, every combination of config groups, with
    each value of the other keys.

    Args:
        texts: The command line's overrides, including sweeps.
        settings: The `hydra.sweeper` node.
        composer: Composes from the sweep's sources.
        check: Whether to validate; a resumed sweep was validated at its start.

    Raises:
        ConfigError: Something is wrong; it lists every problem.
    """
    loader = composer.loader()
    plain, swept = _sorted(texts, loader)
    fixed = {override.key_or_group for override in _parsed(plain, loader)}
    settings = settings.model_copy(
        update={"params": {key: value for key, value in settings.params.items() if key not in fixed}}
    )
    look_up = functools.partial(composer.value, plain)
    space = read_space(settings, swept, loader, look_up, may_be_empty=look_up("data.split.folds") is not None)
    initial = initial_points(settings.initial, space)
    if lists_points(settings, space) and not space.is_finite:
        hint = "Use range(...) or choice(...), or another sampler"
        raise ConfigError([Problem("hydra.sweeper.sampler", "a grid needs listed values, not intervals", "grid", hint)])
    points = space.points() if lists_points(settings, space) else list(_representative(space))
    if not points:
        raise ConfigError([Problem("hydra.sweeper.exclude", "leaves no point to run")])
    judged = [*points, *initial] if check else points[:1]
    runs = compose_all(plain, judged, composer)
    run = runs[0]
    metrics = run.saved["evaluation"]["metrics"]
    metric = settings.metric or run.config.evaluation.monitor
    objectives = tuple([metric] if isinstance(metric, str) else metric)
    problems = [p for name in objectives if (p := objective_problem(name, metrics, "hydra.sweeper.metric")) is not None]
    if problems:
        raise ConfigError(problems)
    directions = tuple(_direction(name, run.config.evaluation, metrics) for name in objectives)
    judged_runs = tuple(zip(judged, runs, strict=True))
    sweep = Sweep(settings, space, objectives, directions, tuple(plain), run, tuple(initial), judged_runs)
    problems = [
        *_contradictions(sweep),
        *problems_of_shares(settings, space, initial),
        *_secrets(redact_config(run.saved), run.saved),
        *_swept_secrets(space),
    ]
    if problems:
        raise ConfigError(problems)
    return sweep


def _direction(objective: str, evaluation: Evaluation, metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Determine which direction of an objective is better; for the monitor, the config takes precedence.

    Raises:
        ConfigError: Neither the config nor the metric's class specifies it.
    """
    if objective == evaluation.monitor and evaluation.mode != "auto":
        return {"max": "maximize", "min": "minimize"}[evaluation.mode]
    direction = direction_of(objective, metrics)
    if direction is None:
        hint = f"Set it: evaluation.monitor={objective} evaluation.mode=max, or =min"
        rule = "its class does not define whether a higher value is better"
        raise ConfigError([Problem("hydra.sweeper.metric", rule, objective, hint)])
    return direction


def compose_all(base: Sequence[str], points: Sequence[Point], composer: Composer) -> list[Composed]:
    """Compose the config of every point.

    Raises:
        ConfigError: Some are wrong; each problem is listed once, with the points that have it.
    """
    composed: list[Composed] = []
    problems: dict[str, tuple[Problem, list[Point]]] = {}
    for point in points:
        try:
            composed.append(composer.compose(overrides(point), base))
        except ConfigError as error:
            for problem in error.problems:
                problems.setdefault(str(problem), (problem, []))[1].append(point)
    if problems:
        raise ConfigError([located(problem, at, len(points)) for problem, at in problems.values()])
    return composed


def initial_points(initial: Sequence[Point] | str, space: Space) -> list[Point]:
    """The points to run first: given, or the best of another sweep.

    Raises:
        ConfigError: One of them is outside the space, or the other sweep has none.
    """
    where = "hydra.sweeper.initial"
    if isinstance(initial, str):
        path = expand(initial)
        best = SweepRecord(path).best() if is_sweep(path) else None
        if best is None:
            raise ConfigError([Problem(where, "is not a sweep with a completed trial", initial)])
        initial = [dict(best.params)]
    points = []
    for number, point in enumerate(initial):
        try:
            for key, value in point.items():
                if key not in space.parameters:
                    raise ValueError(f"{key} is not part of the search")
                if key not in space.followers:
                    space.parameters[key].encode(value)
        except ValueError as error:
            raise ConfigError([Problem(f"{where}[{number}]", str(error))]) from None
        whole = space.complete(dict(point))
        missing = [key for key in space.parameters if key not in whole and space.is_active(key, whole)]
        if missing:
            raise ConfigError([Problem(f"{where}[{number}]", "has no value for a key of the search", missing[0])])
        points.append(whole)
    return points


def _sorted(texts: Sequence[str], loader: Loader) -> tuple[list[str], list[Override]]:
    """Split the overrides into plain ones, as typed, and those with several values; Hydra's own are dropped."""
    parser = OverridesParser.create(config_loader=loader)
    problems, plain, swept = [], [], []
    for text in texts:
        override = parse(text, parser, sweep=True)
        if isinstance(override, Problem):
            problems.append(override)
        elif override.is_hydra_override():
            continue
        elif override.is_sweep_override():
            swept.append(override)
        else:
            plain.append(text)
    if problems:
        raise ConfigError(problems)
    return plain, swept


def _parsed(texts: Sequence[str], loader: Loader) -> Iterator[Override]:
    parser = OverridesParser.create(config_loader=loader)
    return (override for text in texts if isinstance(override := parse(text, parser), Override))


def _contradictions(sweep: Sweep) -> Iterator[Problem]:
    settings, pruner = sweep.settings, sweep.pruner[0]
    split = sweep.run.config.data.split
    if split.fold:
        yield Problem(
            "data.split.fold", "has no effect in a sweep, which runs all folds", str(split.fold), "Leave it out"
        )
    if split.folds is not None and split.method == "time" and settings.repeats > 1:
        hint = "Leave it out, or use another data.split.method"
        yield Problem("hydra.sweeper.repeats", "time divides rows in one way only", str(settings.repeats), hint)
    if settings.n_trials is None and not (sweep.is_grid or sweep.space.is_finite):
        hint = "Set the number: hydra.sweeper.n_trials=20"
        yield Problem("hydra.sweeper.n_trials", "is required: the space is infinite", None, hint)
    if pruner != "none" and len(sweep.objectives) > 1:
        hint = "Set hydra.sweeper.pruner=none"
        yield Problem(
            "hydra.sweeper.pruner", "several objectives have no order that tells which trial is worse", pruner, hint
        )
    if pruner != "none" and sweep.objectives[0] in COSTS:
        yield Problem("hydra.sweeper.pruner", f"{sweep.objectives[0]} does not change during training", pruner)


def _secrets(masked: Mapping[str, Any], saved: Mapping[str, Any], prefix: str = "") -> Iterator[Problem]:
    """Find secrets in the config: trials read theirs from a file, and masked there, they would be lost."""
    for key, value in saved.items():
        if isinstance(value, dict) and isinstance(masked.get(key), dict):
            yield from _secrets(masked[key], value, f"{prefix}{key}.")
        elif masked.get(key) != value:
            rule = "looks like a secret, and a sweep writes its configs to files before they run"
            yield Problem(f"{prefix}{key}", rule, None, f"Use a variable instead: '{prefix}{key}=${{oc.env:NAME}}'")


def _swept_secrets(space: Space) -> Iterator[Problem]:
    """Find secrets among the values of the search, which would appear in every table of the sweep."""
    for key, parameter in space.parameters.items():
        if redact_values(parameter.text) != parameter.text:
            yield Problem(key, "looks like a secret, and a sweep writes its values to files", None, "Remove it")


def _representative(space: Space) -> Iterator[Point]:
    """Every combination of config groups, with each value of every other key once."""
    leaders = [parameter for key, parameter in space.parameters.items() if key not in space.followers]
    groups = [parameter for parameter in leaders if "." not in parameter.key and parameter.values is not None]
    rest = [parameter for parameter in leaders if parameter not in groups]
    seen = set()
    for combination in itertools.product(*(group.values or () for group in groups)):
        chosen = dict(zip((group.key for group in groups), combination, strict=True))
        first = {parameter.key: _ends(parameter)[0] for parameter in rest}
        variants = [first, *(first | {p.key: value} for p in rest for value in _ends(p)[:MAX_CHECKED])]
        for variant in variants:
            point = space.complete({**chosen, **variant})
            if identity_of(point) not in seen and not space.excludes(point):
                seen.add(identity_of(point))
                yield point


def _ends(parameter: Any) -> list[Any]:
    distribution = parameter.distribution
    return list(parameter.values) if parameter.values is not None else [distribution.low, distribution.high]


def located(problem: Problem, points: Sequence[Point], total: int) -> Problem:
    """Add to a problem the points that have it, unless all do."""
    if len(points) == total:
        return problem
    shown = " ".join(overrides(points[0])) + (f" and {len(points) - 1} more" if len(points) > 1 else "")
    return dataclasses.replace(problem, rule=f"{problem.rule} [with {shown}]")
