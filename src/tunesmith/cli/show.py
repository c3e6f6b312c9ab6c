"""`tunesmith show RUN`: a run at a glance."""

from __future__ import annotations

import argparse
from pathlib import Path

from tunesmith.runs.record import load_run


def main(argv: list[str]) -> int:
    """Print status, numbers and metrics of a run, finished or not."""
    parser = argparse.ArgumentParser(prog="tunesmith show", description="Status, facts and metrics of a run.")
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory")
    record = load_run(parser.parse_args(argv).run)

    from tunesmith.reporting.tables import show_run

    show_run(record)
    return 0
