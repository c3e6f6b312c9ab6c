"""`tunesmith audit data=...`: find problems in the data before training on it."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.cli.options import check_folders, parser
from tunesmith.cli.train import composed_from
from tunesmith.config.folders import expand
from tunesmith.config.trust import trusting
from tunesmith.errors import FilesError
from tunesmith.terminal import say

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.config.composing.compose import Composed
    from tunesmith.config.schema import Data
    from tunesmith.data.audit.audit import Reading
    from tunesmith.data.audit.finding import Audit

DESCRIPTION = """\
Read the data as a run would and report what is wrong with it, with examples and an override to handle each finding.
Nothing is trained, changed or written, unless --json, --html or --write-cleaned asks for a file."""

FAIL_ON = "exit with 3 if one of these kinds is found, or more of it than a number or percentage of rows: leaks=1%%"
AGAINST = "instead, compare the data with this earlier version of it: rows added, removed and relabelled"
CLEANED = "write the rows as cleaned to this file as JSON lines, and those left out with reasons to FILE.removed.jsonl"


def main(argv: list[str]) -> int:
    """Read the data, print its problems, and fail only if `--fail-on` is set and matches.

    Returns:
        0; an error raises, and so does a finding of a kind that `--fail-on` names.
    """
    verb = parser("audit", textwrap.fill(DESCRIPTION, 100))
    verb.add_argument("--config-name", "-cn", default="train", help="the primary config (default: train)")
    verb.add_argument("--json", type=expand, metavar="FILE", help="also write every number and example to this file")
    verb.add_argument("--html", type=expand, metavar="FILE", help="also write the report as one HTML page")
    verb.add_argument("--slices", metavar="COLUMN[,COLUMN]", help="compare the labels of rows by these columns")
    verb.add_argument("--fail-on", metavar="KIND[=MOST][,...]", help=FAIL_ON)
    verb.add_argument("--against", metavar="FILE", help=AGAINST)
    verb.add_argument("--write-cleaned", type=expand, metavar="FILE", help=CLEANED)
    arguments = verb.parse_intermixed_args(argv)
    check_folders(arguments.config_dir)
    if arguments.against is not None:
        from tunesmith.cli.versions import compare_data

        return compare_data(arguments)
    from tunesmith.data.audit.gate import gates_of, refuse_findings

    gates = gates_of(arguments.fail_on)
    composed = composed_from(arguments)

    from tunesmith.data.audit.audit import look_through, read_leniently
    from tunesmith.reporting.audit import audit_lines
    from tunesmith.tasks.registry import task_of
    from tunesmith.training.logs import Warnings, log_to

    warnings = Warnings()
    with log_to(warnings=warnings, told_later=True), trusting(arguments.trust):
        data, task = composed.config.data, task_of(composed.config.task)
        reading = read_leniently(data, task)
        audited = look_through(reading, data, task, columns_in(arguments.slices), tokenizer_of(composed))
    say("\n".join(audit_lines(audited, warnings.sentences)))
    if arguments.json is not None:
        write_audit(audited, arguments.json)
    if arguments.html is not None:
        write_page(audited, data, argv, warnings.sentences, arguments.html)
    if arguments.write_cleaned is not None:
        write_cleaned(reading, data, task.traits.output, arguments.write_cleaned)
    refuse_findings(audited, gates)
    return 0


def columns_in(text: str | None) -> list[str]:
    """The names of a list with commas."""
    return [] if text is None else [name.strip() for name in text.split(",")]


def tokenizer_of(composed: Composed) -> PreTrainedTokenizerFast | None:
    """The tokenizer of the model that the command line names; None if it names none, and nothing heavy is imported.

    Raises:
        ConfigError: It has no token to pad with.
        FilesError: It cannot be read.
    """
    if not any(override.partition("=")[0].split(".")[0] == "model" for override in composed.overrides):
        return None
    from tunesmith.models.weights import load_tokenizer

    return load_tokenizer(composed.config.model)


def write_cleaned(reading: Reading, data: Data, output: str, path: Path) -> None:
    """Write the rows, and beside them those that are left out, and print their names.

    Raises:
        FilesError: A file cannot be written.
    """
    from tunesmith.data.audit.written import records_of_removed, records_of_rows
    from tunesmith.storage import write_lines

    beside = path.with_name(f"{path.name}.removed.jsonl")
    write_lines(path, records_of_rows(reading.result.splits, data, output))
    write_lines(beside, records_of_removed(reading.result.removed, reading.without))
    say(f"{path}\n{beside}")


def write_page(audited: Audit, data: Data, argv: Sequence[str], warnings: Sequence[str], path: Path) -> None:
    """Write an audit as a page that opens from disk and loads nothing.

    Raises:
        FilesError: The file cannot be written.
    """
    from tunesmith.config.data_files import named_data
    from tunesmith.redaction import redact_argv
    from tunesmith.reporting.audit_page import render_audit
    from tunesmith.storage import write_text

    command = shlex.join(["tunesmith", "audit", *redact_argv(argv)])
    write_text(path, render_audit(audited, named_data(data), command, warnings))
    say(path)


def write_audit(audited: Audit, path: Path) -> None:
    """Write an audit as JSON.

    Raises:
        FilesError: The file cannot be written.
    """
    content = asdict(audited) | {"counts": audited.counts()}
    try:
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise FilesError(f"cannot write {path}: {error.strerror}") from None
    say(path)
