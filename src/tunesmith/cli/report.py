"""`tunesmith report DIR...`: write the page of runs and sweeps, or print it as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunesmith.cli.options import Parser, add_trust
from tunesmith.config.folders import expand
from tunesmith.config.trust import trusting
from tunesmith.runs.record import Record, load_run
from tunesmith.runs.sweep_record import is_sweep, load_sweep
from tunesmith.terminal import say

DESCRIPTION = """\
Write report.html into the directory of each run or sweep and print its path. A finished run has one; this renews it."""


def main(argv: list[str]) -> int:
    """Write or print the report of every directory."""
    verb = Parser(prog="tunesmith report", description=DESCRIPTION)
    verb.add_argument("directories", type=expand, nargs="+", metavar="DIR", help="directory of a run or a sweep")
    verb.add_argument("--format", choices=("html", "markdown"), default="html", help="markdown is printed instead")
    verb.add_argument("--texts", action="store_true", help="show the texts of a run's errors, read from its data again")
    add_trust(verb)
    arguments = verb.parse_args(argv)
    write = report_text if arguments.format == "markdown" else write_report_of
    with trusting(arguments.trust):
        for directory in arguments.directories:
            say(write(directory, texts=arguments.texts))
    return 0


def write_report_of(directory: Path, *, texts: bool = False) -> Path:
    """Write the page of a run or a sweep and return its path.

    Args:
        directory: Its directory.
        texts: Whether texts that the run did not keep are read from its data again.

    Raises:
        FilesError: It is neither, one of its files is damaged, or the page cannot be written.
    """
    if is_sweep(directory):
        from tunesmith.reporting.sweep.report import write_report

        return write_report(load_sweep(directory))
    record = load_run(directory)
    from tunesmith.reporting.run.report import write_run_report

    return write_run_report(record, *rows_with_texts(record, texts=texts))


def report_text(directory: Path, *, texts: bool = False) -> str:
    """Return the report of a run or a sweep as Markdown.

    Args:
        directory: Its directory.
        texts: As above.

    Raises:
        FilesError: It is neither, or one of its files is damaged.
    """
    from tunesmith.reporting.markdown import as_markdown

    if is_sweep(directory):
        from tunesmith.reporting.sweep.document import sweep_document

        return as_markdown(sweep_document(load_sweep(directory)))
    record = load_run(directory)
    from tunesmith.reporting.run.report import run_document

    return as_markdown(run_document(record, *rows_with_texts(record, texts=texts)))


def rows_with_texts(record: Record, *, texts: bool) -> tuple[list[dict[str, Any]] | None, str]:
    """Return a run's predictions with the texts of its data, and why some have none; None if they are not asked for."""
    if not texts:
        return None, ""
    from tunesmith.training.texts_again import with_texts

    return with_texts(record, record.predictions())
