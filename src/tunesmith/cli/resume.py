"""`tunesmith resume RUN`: go on where a run or a sweep was interrupted."""

from __future__ import annotations

from pathlib import Path

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.composing.compose import compose_from
from tunesmith.runs.record import load_run
from tunesmith.runs.sweep_record import is_sweep
from tunesmith.terminal import say

DESCRIPTION = """\
Continue an interrupted, failed or killed run from its last checkpoint, in its own directory. The end is bit-identical
to that of a run that was never interrupted. With --continue, trainer.max_epochs or trainer.max_steps may be another: it
changes the schedule, so the run is recorded as a variation.

Of a sweep, trials that ended stay as they are and those under way go on; hydra.sweeper.n_trials=60 makes it longer."""


def main(argv: list[str]) -> int:
    """Resume a run or a sweep; the last line is its directory."""
    parser = Parser(prog="tunesmith resume", description=DESCRIPTION)
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run or a sweep")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="KEY=VALUE", help="of keys without effect on results"
    )
    parser.add_argument("--continue", dest="new_end", action="store_true", help="allow another trainer.max_epochs")
    add_trust(parser)
    parser.add_argument("--retry-failed", action="store_true", help="of a sweep: try failed trials again")
    arguments = parser.parse_intermixed_args(argv)
    if is_sweep(arguments.run):
        from tunesmith.sweeping.resume import resume_sweep as resume_sweep

        trust, retry = tuple(arguments.trust), arguments.retry_failed
        return resume_sweep(arguments.run, arguments.overrides, trust=trust, retry_failed=retry)
    record = load_run(arguments.run)
    compose_from(record.path, arguments.overrides, trust=arguments.trust)  # its faults before torch takes seconds

    from tunesmith.reporting.run.tables import console, metrics_table
    from tunesmith.training.resume import resume

    record = resume(record, arguments.overrides, trust=tuple(arguments.trust), new_end=arguments.new_end)
    console().print(metrics_table(record.metrics))
    say(record.path)
    return 0
