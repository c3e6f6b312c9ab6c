"""`tunesmith audit data=... --against FILE`: what has changed since an earlier version of the data."""

from __future__ import annotations

import argparse

from tunesmith.cli.train import composed_from
from tunesmith.config.trust import trusting
from tunesmith.errors import ConfigError, Problem
from tunesmith.terminal import say

OF_AN_AUDIT = ("html", "slices", "fail_on", "write_cleaned")
"""Options that do not apply to a comparison."""


def compare_data(arguments: argparse.Namespace) -> int:
    """Print how the data differs from the file of `--against`, and write it to that of `--json`.

    Raises:
        ConfigError: The config is invalid, or an option does not apply.
        DataError: One of the two cannot be read.
        FilesError: The JSON file cannot be written.
    """
    given = [name for name in OF_AN_AUDIT if getattr(arguments, name) is not None]
    if given:
        rule, hint = "has no effect with --against, which compares two versions", "Audit the data without --against"
        raise ConfigError([Problem(f"--{name.replace('_', '-')}", rule, None, hint) for name in given])
    composed = composed_from(arguments)

    from tunesmith.data.audit.versions import version_changes
    from tunesmith.reporting.run.tables import warned
    from tunesmith.reporting.versions import version_lines
    from tunesmith.storage import write_json
    from tunesmith.tasks.registry import task_of
    from tunesmith.training.logs import Warnings, log_to

    warnings = Warnings()
    with log_to(warnings=warnings, told_later=True), trusting(arguments.trust):
        changes = version_changes(composed.config.data, arguments.against, task_of(composed.config.task))
    say("\n".join(version_lines(changes)))
    if warnings.sentences:
        say(warned(warnings.sentences))
    if arguments.json is not None:
        write_json(arguments.json, changes.plain())
        say(arguments.json)
    return 0
