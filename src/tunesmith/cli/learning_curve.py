"""`tunesmith learning-curve`: measure what more training rows would bring."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.cli.options import check_folders, parser
from tunesmith.cli.train import composed_from, refuse_bad_data
from tunesmith.config.folders import expand
from tunesmith.errors import ConfigError, DataError, Problem
from tunesmith.runs.sweep_record import is_sweep, load_sweep
from tunesmith.terminal import say

if TYPE_CHECKING:
    from tunesmith.config.composing.compose import Composed
    from tunesmith.reporting.learning_curve import LearningCurve

DESCRIPTION = """\
Train on parts of the training rows, each half of the next, measure each on the same validation rows, and fit a
power law with its uncertainty: is it more data that helps? The runs are a sweep over data.train_rows, so that
hydra.sweeper.repeats=3 and other keys of sweeps work. With --words, a linear model of words takes the place of
the model, in seconds."""
LEAST = 16
"""Rows of the smallest part."""


def main(argv: list[str]) -> int:
    """Run the sweep, or the linear models, and print and write the curve.

    Returns:
        0, or the exit code of the sweep if some of its trials failed.
    """
    verb = parser("learning-curve", DESCRIPTION)
    verb.add_argument("--parts", type=int, default=5, help="numbers of rows, each half of the next (default: 5)")
    verb.add_argument("--words", action="store_true", help="measure a linear model of words instead of the model")
    verb.add_argument("--repeats", type=int, default=3, help="with --words: parts per number of rows (default: 3)")
    verb.add_argument("--of", type=expand, metavar="SWEEP", help="read the curve of a sweep over data.train_rows")
    arguments = verb.parse_intermixed_args(argv)
    if arguments.of is not None:
        return of_sweep(arguments)
    check_folders(arguments.config_dir)
    if arguments.parts < 4 or arguments.repeats < 1:
        given = f"--parts {arguments.parts} --repeats {arguments.repeats}"
        raise ConfigError([Problem("--parts", "a curve takes 4 parts or more, and a repeat", given)])
    if arguments.source is not None and not arguments.words:
        hint = "Name the options instead, or add --words"
        raise ConfigError([Problem("--from", "a sweep starts from groups", str(arguments.source), hint)])
    composed = composed_from(arguments)
    refuse_bad_data(composed)
    return of_words(composed, arguments) if arguments.words else of_model(composed, arguments)


def of_sweep(arguments: argparse.Namespace) -> int:
    """Print the curve of a finished sweep, and write it there again."""
    if not is_sweep(arguments.of) or arguments.overrides:
        received = " ".join([str(arguments.of), *arguments.overrides])
        raise ConfigError([Problem("--of", "takes the directory of a sweep, and no overrides", received)])
    from tunesmith.reporting.learning_curve import curve_of_sweep

    sweep = load_sweep(arguments.of)
    _tell(curve_of_sweep(sweep), sweep.path)
    return 0


def of_model(composed: Composed, arguments: argparse.Namespace) -> int:
    """Run a sweep over parts of the training rows, and print its curve."""
    from datetime import datetime

    from tunesmith.cli.sweep import run_sweep, sweeper_node
    from tunesmith.reporting.learning_curve import KEY, curve_of_sweep

    sizes = _sizes(composed, arguments.parts)
    now = datetime.now()
    root = expand(composed.config.run.root)
    exact = composed.config.run.dir or str(root / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}_learning-curve")
    given = [word for word in arguments.overrides if word.partition("=")[0] != "run.dir"]
    words = [*given, f"{KEY}={','.join(map(str, sizes))}", f"run.dir={exact}"]
    _, settings = sweeper_node("train", words, arguments.config_dir)
    code = run_sweep("train", words, arguments.config_dir, arguments.trust, settings)
    if code == 0:
        sweep = load_sweep(exact)
        _tell(curve_of_sweep(sweep), sweep.path)
    return code


def of_words(composed: Composed, arguments: argparse.Namespace) -> int:
    """Measure linear models of words, and write the curve into a directory of its own."""
    from tunesmith.config.checking.directions import mode_of
    from tunesmith.config.fingerprint import fingerprint
    from tunesmith.config.trust import trusting
    from tunesmith.reporting.learning_curve import AtSize, LearningCurve
    from tunesmith.runs.directory import open_directory
    from tunesmith.training.word_curve import measure_words

    evaluation = composed.config.evaluation
    with trusting(composed.trust):
        sizes = _sizes(composed, arguments.parts)
        values = measure_words(composed.config, sizes, arguments.repeats)
    points = [AtSize(rows, each, 0.0) for rows, each in zip(sizes, values, strict=True)]
    curve = LearningCurve(evaluation.monitor, mode_of(evaluation.monitor, evaluation) == "max", points)
    folder = open_directory(expand(composed.config.run.root), "learning-curve-words", fingerprint(composed.saved))
    _tell(curve, folder.path)
    return 0


def _sizes(composed: Composed, parts: int) -> list[int]:
    """All training rows, half of them, and so on, the smallest first.

    Raises:
        ConfigError: The config already takes a part.
        DataError: The data cannot be used as configured, or has too few rows.
    """
    from tunesmith.data.prepared import read_prepared
    from tunesmith.tasks.registry import task_of
    from tunesmith.training.logs import Warnings, log_to

    if composed.config.data.train_rows is not None:
        rule = "is what a learning curve varies"
        raise ConfigError([Problem("data.train_rows", rule, str(composed.config.data.train_rows), "Leave it out")])
    with log_to(warnings=Warnings(), told_later=True):
        rows = len(read_prepared(composed.config.data, task_of(composed.config.task)).splits["train"])
    sizes = [rows // 2**half for half in range(parts - 1, -1, -1)]
    if sizes[0] < LEAST:
        raise DataError(f"{rows} training rows are too few for {parts} parts: the smallest would have {sizes[0]}")
    return sizes


def _tell(curve: LearningCurve, folder: Path) -> None:
    from tunesmith.reporting.learning_curve import conclusions, write_curve

    for point in curve.points:
        values: Sequence[float] = point.values
        several = f"  ({min(values):.4f} to {max(values):.4f} in {len(values)})" if len(values) > 1 else ""
        say(f"{point.rows:>9,} rows  {curve.metric} {point.mean:.4f}{several}")
    for sentence in conclusions(curve):
        say(f"  - {sentence}")
    for path in write_curve(curve, folder):
        say(path)
