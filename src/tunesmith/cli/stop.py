"""`tunesmith stop DIR`: end a sweep or a run after its next checkpoint, to be resumed later."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tunesmith.cli.options import Parser
from tunesmith.errors import FilesError
from tunesmith.runs.record import Record, as_argument
from tunesmith.runs.sweep_record import SweepRecord, is_sweep
from tunesmith.terminal import say


def main(argv: list[str]) -> int:
    """Send the signal that requests a checkpoint and a stop."""
    parser = Parser(prog="tunesmith stop", description="Write a checkpoint and stop; tunesmith resume continues it.")
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of a running sweep or run")
    path: Path = parser.parse_args(argv).directory
    record = SweepRecord(path) if is_sweep(path) else Record(path)
    facts = record.facts if isinstance(record, SweepRecord) else record.results
    if record.status != "running":
        raise FilesError(f"{path} is {record.status}: there is nothing to stop")
    os.kill(int(facts["pid"]), signal.SIGTERM)
    trusted = record.trusted if isinstance(record, Record) else record.facts["request"]["trust"]
    say(f"asked to stop; continue later with: tunesmith resume {as_argument(path, trusted)}")
    return 0
