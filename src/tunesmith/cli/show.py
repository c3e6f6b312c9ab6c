"""`tunesmith show RUN`: summarise a run or a sweep."""

from __future__ import annotations

from pathlib import Path

from tunesmith.cli.options import Parser
from tunesmith.runs.record import load_run
from tunesmith.runs.sweep_record import is_sweep, load_sweep


def main(argv: list[str]) -> int:
    """Print status, numbers and metrics of a run, or every trial of a sweep, finished or not."""
    parser = Parser(
        prog="tunesmith show", description="Status, facts and metrics of a run; the leaderboard of a sweep."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run or a sweep")
    path = parser.parse_args(argv).run
    if is_sweep(path):
        sweep = load_sweep(path)

        from tunesmith.reporting.sweep.leaderboard import show_sweep

        show_sweep(sweep)
        return 0
    record = load_run(path)

    from tunesmith.reporting.run.tables import show_run

    show_run(record)
    return 0
