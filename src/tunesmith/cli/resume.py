"""`tunesmith resume RUN`: continue an interrupted run or sweep."""

from __future__ import annotations

from pathlib import Path

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.composing.compose import compose_from
from tunesmith.runs.record import load_run
from tunesmith.runs.sweep_record import is_sweep
from tunesmith.terminal import say

DESCRIPTION = """\
Continue an interrupted, failed or killed run from its last checkpoint, in its own directory. The end is bit-identical
to that of a run that was never interrupted. With --continue, trainer.max_epochs or trainer.max_steps may change: this
changes the schedule, so the run is recorded as a variation.

In a sweep, finished trials stay as they are and unfinished ones continue; hydra.sweeper.n_trials=60 extends it."""


def main(argv: list[str]) -> int:
    """Resume a run or a sweep; the last line is its directory."""
    parser = Parser(prog="tunesmith resume", description=DESCRIPTION)
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of a run or a sweep")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="KEY=VALUE", help="only keys without effect on results"
    )
    parser.add_argument("--continue", dest="new_end", action="store_true", help="allow another trainer.max_epochs")
    add_trust(parser)
    parser.add_argument("--retry-failed", action="store_true", help="for a sweep: retry failed trials")
    arguments = parser.parse_intermixed_args(argv)
    if is_sweep(arguments.run):
        from tunesmith.sweeping.resume import resume_sweep as resume_sweep

        trust, retry = tuple(arguments.trust), arguments.retry_failed
        return resume_sweep(arguments.run, arguments.overrides, trust=trust, retry_failed=retry)
    record = load_run(arguments.run)
    compose_from(record.path, arguments.overrides, trust=arguments.trust)  # its errors come before the slow torch

    from tunesmith.reporting.run.tables import console, metrics_table
    from tunesmith.training.resume import resume

    record = resume(record, arguments.overrides, trust=tuple(arguments.trust), new_end=arguments.new_end)
    console().print(metrics_table(record.metrics, record.results.get("monitor", "")))
    say(record.path)
    return 0
