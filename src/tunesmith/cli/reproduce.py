"""`tunesmith reproduce RUN`: run it again and compare."""

from __future__ import annotations

import argparse
from pathlib import Path

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.composing.compose import compose_from
from tunesmith.errors import TrainingError
from tunesmith.runs.record import load_run
from tunesmith.terminal import say

DESCRIPTION = """\
Compare code, data, model, packages, threads and machine with a run's record, rerun it from its saved config in a
new directory, and put every metric and the weight hash side by side. With overrides it is a variation, and is
reported as one.

Exit code 0 only for the same result: bit-identical weights and exactly the same metrics, from the same data,
model and config. 4 for any other, including a variation; with --allow-close, only if a metric is off by more than
0.0001. With --check-only, 0 only if there is no difference that can change the result."""


def main(argv: list[str]) -> int:
    """Reproduce a run; the last line is the new run's directory."""
    parser = Parser(
        prog="tunesmith reproduce", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory, or a copy of one")
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE", help="values to change: a variation")
    parser.add_argument("--check-only", action="store_true", help="compare the conditions without training")
    parser.add_argument("--allow-close", action="store_true", help="also exit with 0 if every metric is within 0.0001")
    add_trust(parser)
    arguments = parser.parse_intermixed_args(argv)
    original = load_run(arguments.run)
    compose_from(original.path, arguments.overrides, trust=arguments.trust)  # its errors come before the slow torch

    from tunesmith.reporting.run.tables import console, side_by_side, then_and_now
    from tunesmith.training.logs import log_to
    from tunesmith.training.reproduce import check_origins, rerun

    out = console()
    with log_to():
        checked = check_origins(original, arguments.overrides, trust=arguments.trust)
    differing = [(item.name, item.then, item.now) for item in (*checked.changes, *checked.differences)]
    if differing:
        out.print(then_and_now(differing))
    say(f"check: {checked.sentence}")
    if arguments.check_only:
        return 0 if checked.same else TrainingError.exit_code
    verdict = rerun(checked)
    out.print(side_by_side(verdict.original, verdict.rerun))
    say(f"verdict: {verdict.sentence}")
    say(verdict.rerun.path)
    good = verdict.reproduced or (arguments.allow_close and verdict.equal)
    return 0 if good else TrainingError.exit_code
