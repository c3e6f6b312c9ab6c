"""Flags shared by the verbs that take a config."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tunesmith.cli.help import groups
from tunesmith.config.folders import expand
from tunesmith.errors import ConfigError, Problem
from tunesmith.terminal import printable

DASHED = re.compile(r"^unrecognized arguments: --([a-z_][\w.]*)(?:=(\S*))?")


class Parser(argparse.ArgumentParser):
    """A parser whose errors repeat the input without secrets and without terminal control characters."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit with 2."""
        from tunesmith.redaction import redact  # only needed for invalid command lines

        super().error(printable(redact(message + self._without_dashes(message))))

    def _without_dashes(self, message: str) -> str:
        """What to type if a config key was written like a flag."""
        written = DASHED.search(message)
        if written is None or self.get_default("overrides") is None:
            return ""
        return f". Config keys are written without dashes: {written[1]}={written[2] or 'VALUE'}"


def parser(verb: str, description: str) -> argparse.ArgumentParser:
    """Create a parser for a verb that takes overrides; its `--help` includes the config groups."""
    verb_parser = _Parser(
        prog=f"tunesmith {verb}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb_parser.add_argument("overrides", nargs="*", default=[], metavar="OVERRIDE", help="GROUP=OPTION or KEY=VALUE")
    verb_parser.add_argument(
        "--from",
        dest="source",
        type=expand,
        metavar="RUN|FILE",
        help="start from a saved config; overrides change values",
    )
    verb_parser.add_argument(
        "--config-dir",
        action="append",
        default=[],
        type=expand,
        metavar="DIR",
        help="a folder laid out like conf/, searched before the shipped options (repeatable)",
    )
    add_trust(verb_parser)
    return verb_parser


def add_trust(verb: argparse.ArgumentParser) -> None:
    """Add the flag that trusts the user's own code."""
    verb.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="NAME",
        help="let the config name classes of this Python module of yours, or run the code of this model (repeatable)",
    )


class _Parser(Parser):
    """A parser that looks up config groups only when help is requested."""

    def format_help(self) -> str:
        """Format the help, with every group and its options at the end."""
        self.epilog = f"config groups and their options:\n{groups()}"
        return super().format_help()


def check_folders(config_dirs: Sequence[Path]) -> None:
    """Refuse config folders that do not exist.

    Raises:
        ConfigError: Some are missing.
    """
    missing = [Problem("--config-dir", "no such folder", str(folder)) for folder in config_dirs if not folder.is_dir()]
    if missing:
        raise ConfigError(missing)
