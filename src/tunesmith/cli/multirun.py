"""`tunesmith train -m`: every combination is validated before the first starts, and a failure stops no other."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from tunesmith.config.composing.compose import Composed, compose, draft, open_hydra
from tunesmith.config.composing.hydra_inside import BASIC_SWEEPER, basic_sweep
from tunesmith.config.composing.overrides import read_sweep
from tunesmith.errors import ConfigError, Problem
from tunesmith.report_error import explain
from tunesmith.terminal import say

Overrides = tuple[str, ...]


@dataclass(frozen=True)
class BasicJob:
    """One run of a multirun, with how it ended."""

    overrides: Overrides
    code: int
    directory: str | None


def multirun(arguments: argparse.Namespace) -> int:
    """Run every combination in turn, through Hydra's sweeper.

    Returns:
        The first exit code that is not 0.
    """
    texts = read_sweep(arguments.overrides, open_hydra(arguments.config_dir)[1].notes)

    def composed(overrides: Overrides) -> Composed:
        plain = [text.removeprefix("++") for text in overrides]
        return compose(plain, config_dirs=arguments.config_dir, trust=arguments.trust, name=arguments.config_name)

    ready = compose_combinations(combinations(texts, arguments), composed)
    jobs: list[BasicJob] = []

    def task(_: Any) -> None:
        overrides = tuple(HydraConfig.get().overrides.task)
        jobs.append(run_one(overrides, lambda: ready.get(overrides) or composed(overrides)))

    hydra, _ = open_hydra(arguments.config_dir)
    # Hydra's sweeper always writes a multirun.yaml; runs have their own directories, so it goes to a temporary one.
    with tempfile.TemporaryDirectory(prefix="tunesmith-") as folder:
        hydra.multirun(arguments.config_name, task, [*texts, f"hydra.sweep.dir={folder}"], with_log_configuration=False)
    say(table(jobs))
    return next((job.code for job in jobs if job.code), 0)


def combinations(texts: Sequence[str], arguments: argparse.Namespace) -> list[Overrides]:
    """The overrides of every run, as the basic sweeper makes them; only the common ones if another sweeper decides."""
    parsed = OverridesParser.create().parse_overrides(list(texts))
    common = [override.input_line or "" for override in parsed if not override.is_sweep_override()]
    composed = draft(common, config_dirs=arguments.config_dir, name=arguments.config_name)
    if composed.problems:
        raise ConfigError(composed.problems)
    sweeper = OmegaConf.to_container(composed.config.hydra.sweeper)
    assert isinstance(sweeper, dict)
    if sweeper["_target_"] != BASIC_SWEEPER:
        return [tuple(text for text in common if not text.startswith("hydra"))]
    params = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    tasks = [override for override in parsed if not override.is_hydra_override()]
    return [tuple(job) for job in basic_sweep([*OverridesParser.create().parse_overrides(params), *tasks])]


def compose_combinations(
    combinations: Sequence[Overrides], composed: Callable[[Overrides], Composed]
) -> dict[Overrides, Composed]:
    """Compose every combination.

    Raises:
        ConfigError: Some are invalid; each problem is listed once.
    """
    ready: dict[Overrides, Composed] = {}
    problems: list[Problem] = []
    for overrides in combinations:
        try:
            ready[overrides] = composed(overrides)
        except ConfigError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise ConfigError(problems)
    return ready


def run_one(overrides: Overrides, composed: Callable[[], Composed]) -> BasicJob:
    """Train one combination; an error is printed and becomes the job's exit code."""
    from tunesmith.training.start import train

    try:
        directory = str(train(composed()).path)
    except Exception as error:  # a failing run must not stop the others
        return BasicJob(overrides, explain(error), None)
    say(directory)
    return BasicJob(overrides, 0, directory)


def table(jobs: Sequence[BasicJob]) -> str:
    """Format one line per run: its number, how it ended, its overrides, its directory."""
    rows = [
        (
            str(number),
            "ok" if job.code == 0 else f"exit {job.code}",
            " ".join(job.overrides).replace("++", ""),
            job.directory or "-",
        )
        for number, job in enumerate(jobs)
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )
