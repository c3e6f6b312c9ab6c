"""`tunesmith lr-test`: a short training with a rising learning rate, to suggest one."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.cli.options import check_folders, parser
from tunesmith.cli.train import composed_from, refuse_bad_data
from tunesmith.config.folders import expand
from tunesmith.errors import ConfigError, Problem
from tunesmith.terminal import say

if TYPE_CHECKING:
    from tunesmith.training.range_test import RangeTest

DESCRIPTION = """\
Train for some steps with a learning rate that rises from --low to --high, on the training rows alone, and suggest
optimizer.lr (Smith 2017). Nothing is kept but lr_test.csv and lr_test.svg, in a directory of their own."""
LEAST_STEPS = 20


def main(argv: list[str]) -> int:
    """Run the test, print the suggestion, and write the losses and their plot.

    Returns:
        0, also without a suggestion.
    """
    verb = parser("lr-test", DESCRIPTION)
    verb.add_argument("--low", type=float, default=1e-7, metavar="RATE", help="rate of the first step (default: 1e-7)")
    verb.add_argument("--high", type=float, default=1.0, metavar="RATE", help="rate of the last step (default: 1)")
    verb.add_argument("--steps", type=int, default=100, help="optimizer steps (default: 100)")
    arguments = verb.parse_intermixed_args(argv)
    check_folders(arguments.config_dir)
    if not 0 < arguments.low < arguments.high or arguments.steps < LEAST_STEPS:
        given = f"--low {arguments.low} --high {arguments.high} --steps {arguments.steps}"
        rule = f"the test takes rates above 0 of which the second is higher, and {LEAST_STEPS} steps or more"
        raise ConfigError([Problem("lr-test", rule, given)])
    composed = composed_from(arguments)
    refuse_bad_data(composed)

    from tunesmith.config.fingerprint import fingerprint
    from tunesmith.config.trust import trusting
    from tunesmith.runs.directory import open_directory
    from tunesmith.training.auto_values import decide
    from tunesmith.training.logs import Warnings, log_to
    from tunesmith.training.preflight import check_model
    from tunesmith.training.range_test import range_test

    with trusting(composed.trust), log_to(warnings=Warnings()):
        config = decide(composed).config
        _, ground = check_model(config)
        root = expand(config.run.root)
        result = range_test(config, ground, root, low=arguments.low, high=arguments.high, steps=arguments.steps)
        folder = open_directory(root, "lr-test", fingerprint(composed.saved)).path
    _write(result, folder)
    _tell(result, config.optimizer.lr)
    say(folder)
    return 0


def _tell(result: RangeTest, lr: float) -> None:
    lowest = min(range(len(result.smoothed)), key=result.smoothed.__getitem__)
    say(
        f"{len(result.losses)} steps from {result.rates[0]:.1e} to {result.rates[-1]:.1e}: the smoothed loss is "
        f"lowest at {result.rates[lowest]:.1e}, {result.smoothed[lowest]:.4g}, and {result.smoothed[-1]:.4g} at the end"
    )
    if result.suggestion is None:
        say("no suggestion: the loss fell nowhere by 2% or more; take more --steps, or another --low and --high")
    else:
        say(f"suggested: optimizer.lr={result.suggestion:.1e} (the config has {lr:g}); the schedule should still fall")


def _write(result: RangeTest, folder: Path) -> None:
    """Write the losses as a table, and their plot."""
    from tunesmith.reporting.chart import Series, svg_chart
    from tunesmith.storage import write_text

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["step", "rate", "loss", "smoothed"])
    rows = zip(result.rates, result.losses, result.smoothed, strict=True)
    table.writerows([step, *row] for step, row in enumerate(rows, start=1))
    write_text(folder / "lr_test.csv", text.getvalue())
    most = 2 * max(result.smoothed[:10])
    shown = [min(loss, most) for loss in result.losses]
    smoothed = [min(loss, most) for loss in result.smoothed]
    series = [
        Series("loss", result.rates, shown, "dots", "#c3cad3"),
        Series("smoothed", result.rates, smoothed),
    ]
    suggestion = result.suggestion
    mark = None if suggestion is None else (suggestion, f"{suggestion:.1e}")
    write_text(folder / "lr_test.svg", svg_chart(series, "learning rate", "training loss", mark))
