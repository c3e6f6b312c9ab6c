"""`tunesmith report DIR...`: write the page of runs and sweeps, or print it as Markdown."""

from __future__ import annotations

from pathlib import Path

from tunesmith.cli.options import Parser
from tunesmith.config.folders import expand
from tunesmith.runs.record import load_run
from tunesmith.runs.sweep_record import is_sweep, load_sweep
from tunesmith.terminal import say

DESCRIPTION = """\
Write report.html into the directory of each run or sweep and print its path. A finished run has one; this renews it."""


def main(argv: list[str]) -> int:
    """Write or print the report of every directory."""
    verb = Parser(prog="tunesmith report", description=DESCRIPTION)
    verb.add_argument("directories", type=expand, nargs="+", metavar="DIR", help="directory of a run or a sweep")
    verb.add_argument("--format", choices=("html", "markdown"), default="html", help="markdown is printed instead")
    arguments = verb.parse_args(argv)
    for directory in arguments.directories:
        say(report_text(directory) if arguments.format == "markdown" else write_report_of(directory))
    return 0


def write_report_of(directory: Path) -> Path:
    """Write the page of a run or a sweep and return its path.

    Raises:
        FilesError: It is neither, one of its files is damaged, or the page cannot be written.
    """
    if is_sweep(directory):
        from tunesmith.reporting.sweep.report import write_report

        return write_report(load_sweep(directory))
    record = load_run(directory)
    from tunesmith.reporting.run.report import write_run_report

    return write_run_report(record)


def report_text(directory: Path) -> str:
    """Return the report of a run or a sweep as Markdown.

    Raises:
        FilesError: It is neither, or one of its files is damaged.
    """
    from tunesmith.reporting.markdown import as_markdown

    if is_sweep(directory):
        from tunesmith.reporting.sweep.document import sweep_document

        return as_markdown(sweep_document(load_sweep(directory)))
    record = load_run(directory)
    from tunesmith.reporting.run.report import run_document

    return as_markdown(run_document(record))
