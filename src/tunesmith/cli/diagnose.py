"""`tunesmith diagnose RUN|SWEEP`: say what went wrong, with the evidence and what to try next."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.cli.options import Parser
from tunesmith.config.folders import expand
from tunesmith.runs.record import load_run
from tunesmith.runs.sweep_record import is_sweep, load_sweep
from tunesmith.storage import write_json
from tunesmith.terminal import say

if TYPE_CHECKING:
    from tunesmith.reporting.sweep.diagnosis import Judged

DESCRIPTION = "What went wrong in a run or a sweep, the numbers that show it, and what to try next."


def main(argv: list[str]) -> int:
    """Print the verdicts on runs and on the trials of sweeps; several runs are also compared over their seeds.

    Returns:
        0, whatever the verdicts.
    """
    verb = Parser(prog="tunesmith diagnose", description=DESCRIPTION)
    verb.add_argument("runs", type=expand, nargs="+", metavar="RUN", help="directory of a run or a sweep")
    verb.add_argument("--json", type=expand, metavar="FILE", help="also write the verdicts to this file")
    arguments = verb.parse_args(argv)
    sweeps = [load_sweep(path) for path in arguments.runs if is_sweep(path)]
    records = [load_run(path) for path in arguments.runs if not is_sweep(path)]

    from tunesmith.reporting.sweep.diagnosis import diagnose_records, diagnose_sweep

    judged = [*diagnose_records(records), *(item for sweep in sweeps for item in diagnose_sweep(sweep))]
    if arguments.json is not None:
        write_json(arguments.json, [item.plain() for item in judged])
    show_verdicts(judged, arguments.runs)
    return 0


def show_verdicts(judged: list[Judged], paths: list[Path]) -> None:
    """Print verdicts by run; of more than three runs with verdicts, first how many have which."""
    from tunesmith.reporting.run.diagnosis import diagnosis_text

    if not judged:
        named = str(paths[0]) if len(paths) == 1 else f"{len(paths)} runs or sweeps"
        say(f"{named}: nothing is sure to be wrong")
        return
    by_run: dict[tuple[str, ...], list[Judged]] = {}
    for item in judged:
        by_run.setdefault(tuple(str(record.path) for record in item.records), []).append(item)
    if len(by_run) > 3:
        counts = Counter(item.verdict.kind for item in judged)
        say(", ".join(f"{count} x {kind}" for kind, count in counts.most_common()))
    for names, items in by_run.items():
        say(names[0] if len(names) == 1 else f"{len(names)} seeds of {names[0]}")
        say(diagnosis_text([item.verdict.plain() for item in items], items[0].records[0].argument))
