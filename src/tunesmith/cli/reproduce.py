"""`tunesmith reproduce RUN`: run it again and compare."""

from __future__ import annotations

import argparse
from pathlib import Path

from tunesmith.errors import TrainingError
from tunesmith.runs.record import load_run

DESCRIPTION = """\
Relaunch a run from its saved config in a new directory, then put every metric and the weight hash side by side.
Exit code 0 only if the result is bit-identical or equal within tolerance."""


def main(argv: list[str]) -> int:
    """Reproduce a run; the last line is the new run's directory."""
    parser = argparse.ArgumentParser(prog="tunesmith reproduce", description=DESCRIPTION)
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory")
    parser.add_argument("--trust", action="append", default=[], metavar="NAME", help="module that the config may name")
    arguments = parser.parse_args(argv)
    original = load_run(arguments.run)

    from tunesmith.reporting.tables import console, side_by_side
    from tunesmith.training.reproduce import reproduce

    verdict = reproduce(original, trust=arguments.trust)
    out = console()
    out.print(side_by_side(verdict.original, verdict.rerun, verdict.differences))
    out.print(f"verdict: {verdict.sentence}")
    print(verdict.rerun.path)
    return 0 if verdict.bit_identical or verdict.equal else TrainingError.exit_code
