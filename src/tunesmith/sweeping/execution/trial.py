"""One trial in its own process: `python -m tunesmith.sweeping.execution.trial DIR`.

It reads only its directory: the frozen config and the sweep's request. With a channel to the sweep it reports
progress and may be paused; without one it runs to its end.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from tunesmith.config.composing.compose import Composed
from tunesmith.config.composing.saved import resolve
from tunesmith.config.trust import trusting
from tunesmith.redaction import redact_values
from tunesmith.report_error import explain
from tunesmith.runs.directory import RunDirectory
from tunesmith.runs.record import Record
from tunesmith.runs.trial_record import TRIAL_FILE
from tunesmith.storage import write_text
from tunesmith.sweeping.execution.messages import Message, Tell
from tunesmith.sweeping.execution.observer import AtRungs
from tunesmith.sweeping.record.layout import FROZEN, JOB, read_frozen, read_job
from tunesmith.training.auto_values import decide
from tunesmith.training.callbacks.checkpoints import LAST
from tunesmith.training.run import execute

KEPT = (FROZEN, JOB, TRIAL_FILE, "output.log")
"""Files to keep from an earlier attempt that left no checkpoint."""


def run_trial(directory: Path, tell: Tell) -> Record:
    """Run a frozen trial, or resume it from its last checkpoint.

    Args:
        directory: The trial's run directory.
        tell: The channel to the sweep.

    Returns:
        The finished run.

    Raises:
        TunesmithError: The run failed.
        Pruned: The sweep ended it.
        Interrupted: A signal ended it.
    """
    job = read_job(directory)
    saved = read_frozen(directory, job["sha256"])
    files = RunDirectory(directory)
    checkpoint = files.checkpoints / LAST
    with trusting(job["trust"]):
        run = decide(Composed(resolve(saved), saved, tuple(job["overrides"]), job["choices"], tuple(job["trust"])))
        if not (job["attempted"] and checkpoint.is_file()):
            clear_attempt(directory)
            write_text(files.config, yaml.safe_dump(run.saved, sort_keys=False, allow_unicode=True))
        observer = AtRungs(
            job["metric"],
            job["rungs"],
            judged=job["judged"],
            warmup_fraction=run.config.scheduler.warmup_fraction,
            checkpoint=checkpoint,
            tell=tell,
        )
        goes_on = checkpoint if checkpoint.is_file() else None
        return execute(run, files, redact_values(str(run.config.run.name)), goes_on, [observer])


def clear_attempt(directory: Path) -> None:
    """Remove what an earlier attempt left."""
    for path in directory.iterdir():
        if path.name in KEPT:
            continue
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def main(argv: Sequence[str]) -> int:
    """Run one trial to its end, without a sweep to report to."""

    def unheard(message: Message) -> str | None:
        return "continue" if message["kind"] == "rung" else None

    try:
        run_trial(Path(argv[0]).resolve(), unheard)
    except BaseException as error:
        return explain(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
