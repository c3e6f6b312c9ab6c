"""`tunesmith sweep NAME|FILE`: run a search described by a file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.cli.options import Parser, add_trust, check_folders
from tunesmith.config.folders import expand, shipped
from tunesmith.errors import ConfigError, Problem
from tunesmith.suggest import did_you_mean, nearest


def main(argv: list[str]) -> int:
    """Run the sweep that the file describes."""
    arguments = _parser().parse_intermixed_args(argv)
    check_folders(arguments.config_dir)
    name, folders = locate_sweep(arguments.sweep, arguments.config_dir)
    target, settings = sweeper_node(name, arguments.overrides, folders)
    if not is_ours(target):
        hint = "Use tunesmith train -m hydra/sweeper=..., which runs every combination"
        raise ConfigError([Problem("hydra/sweeper", "a sweep is run by Tunesmith's own sweeper", target, hint)])
    return run_sweep(name, arguments.overrides, folders, arguments.trust, settings)


def run_sweep(
    name: str,
    overrides: Sequence[str],
    config_dirs: Sequence[Path],
    trust: Sequence[str],
    settings: Mapping[str, Any],
) -> int:
    """Run a search described by a primary config and overrides.

    Args:
        name: The primary config.
        overrides: As typed.
        config_dirs: Folders with the user's own options.
        trust: The user's own modules whose classes a config may name.
        settings: The `hydra.sweeper` node (see `sweeper_node`).

    Returns:
        The exit code.
    """
    from tunesmith.sweeping.launch import Search, launch

    return launch(Search(name, tuple(overrides), tuple(config_dirs), tuple(trust)), settings)


def is_ours(target: str) -> bool:
    """Whether a sweeper's class is this package's own."""
    from tunesmith.config.composing.compose import SWEEPER

    return target == SWEEPER


def sweeper_node(name: str, overrides: Sequence[str], config_dirs: Sequence[Path]) -> tuple[str, dict[str, Any]]:
    """Determine the sweeper's class and settings from a primary config and overrides.

    Raises:
        ConfigError: They set what they may not in Hydra's own node, or refer to something missing.
    """
    from tunesmith.config.checking.validate import resolved
    from tunesmith.config.composing.compose import PLAIN, draft
    from tunesmith.config.composing.overrides import common

    composed = draft(common(overrides), config_dirs=config_dirs, name=name)
    if composed.problems:
        raise ConfigError(composed.problems)
    node, problems = resolved(composed.config.hydra.sweeper)
    if problems:
        raise ConfigError([replace(problem, where=f"hydra.sweeper.{problem.where}") for problem in problems])
    return str(node["_target_"]), {str(key): node[key] for key in node if key not in ("_target_", *PLAIN)}


def locate_sweep(sweep: str, config_dirs: Sequence[Path]) -> tuple[str, list[Path]]:
    """Resolve a name or a file to a primary config and the folders to search.

    Raises:
        ConfigError: There is no such sweep.
    """
    file = expand(sweep)
    if file.suffix in (".yaml", ".yml") and file.is_file():
        return file.stem, [file.resolve().parent, *config_dirs]
    names = [path.stem for folder in (*config_dirs, shipped("sweeps")) for path in sorted(folder.glob("*.yaml"))]
    if sweep in names:
        return sweep, list(config_dirs)
    hint = did_you_mean(nearest(sweep, names))
    hint = f"{hint} (sweeps: {', '.join(names)})" if hint else f"Sweeps: {', '.join(names)}; or give a YAML file"
    raise ConfigError([Problem(sweep, "no such sweep", None, hint)])


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(path.stem for path in sorted(shipped("sweeps").glob("*.yaml")))
    verb = Parser(
        prog="tunesmith sweep",
        description="Search over many runs. The last line of the output is the sweep's directory.",
        epilog=f"sweeps: {names}",
        allow_abbrev=False,
    )
    verb.add_argument("sweep", metavar="NAME|FILE", help="the name of a shipped sweep, or your own YAML file")
    verb.add_argument(
        "overrides", nargs="*", default=[], metavar="OVERRIDE", help="as for train, and e.g. hydra.sweeper.n_trials=10"
    )
    verb.add_argument("--config-dir", action="append", default=[], type=expand, metavar="DIR", help="as for train")
    add_trust(verb)
    return verb
