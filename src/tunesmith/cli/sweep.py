"""`tunesmith sweep NAME|FILE`: a search described by a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tunesmith.cli.options import Parser, add_trust, check_folders
from tunesmith.config.folders import expand, shipped
from tunesmith.errors import ConfigError, Problem
from tunesmith.suggest import did_you_mean, nearest


def main(argv: list[str]) -> int:
    """Run the sweep that the file describes."""
    arguments = _parser().parse_intermixed_args(argv)
    check_folders(arguments.config_dir)
    name, folders = locate_sweep(arguments.sweep, arguments.config_dir)
    sweeper_of(name, arguments.overrides, folders)
    return run_sweep(name, arguments.overrides, folders, arguments.trust)


def run_sweep(name: str, overrides: Sequence[str], config_dirs: Sequence[Path], trust: Sequence[str]) -> int:
    """Search as a primary config and overrides say; Hydra makes the sweeper (`sweeper_of` has judged its node).

    Args:
        name: The primary config.
        overrides: As typed.
        config_dirs: Folders of the user's own options.
        trust: Modules of the user's own whose classes a config may name.

    Returns:
        The exit code.
    """
    from tunesmith.config.composing.compose import open_hydra
    from tunesmith.config.composing.overrides import common, read_sweep
    from tunesmith.sweeping.launch import Search

    search = Search(name, tuple(overrides), tuple(config_dirs), tuple(trust))
    hydra, loader = open_hydra(config_dirs)
    hydra.multirun(name, search, read_sweep(common(overrides), loader.notes), with_log_configuration=False)
    return search.code


def sweeper_of(name: str, overrides: Sequence[str], config_dirs: Sequence[Path]) -> str:
    """The class of the sweeper that a primary config and overrides choose.

    Raises:
        ConfigError: They say of Hydra's own node what they may not; Hydra has not read it yet.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from tunesmith.config.composing.compose import draft
    from tunesmith.config.composing.overrides import common
    from tunesmith.config.limits import bounded

    found = draft(common(overrides), config_dirs=config_dirs, name=name)
    if found.problems:
        raise ConfigError(found.problems)
    with bounded(), suppress(OmegaConfBaseException):  # Hydra resolves the node, and tells what is wrong in it
        OmegaConf.to_container(found.config.hydra.sweeper, resolve=True)
    return str(found.config.hydra.sweeper._target_)


def locate_sweep(sweep: str, config_dirs: Sequence[Path]) -> tuple[str, list[Path]]:
    """The primary config that a name or a file stands for, and the folders to search.

    Raises:
        ConfigError: There is none.
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
    found = Parser(
        prog="tunesmith sweep",
        description="Search over many runs. The last line of the output is the sweep's directory.",
        epilog=f"sweeps: {names}",
        allow_abbrev=False,
    )
    found.add_argument("sweep", metavar="NAME|FILE", help="a sweep of ours or a YAML file of yours")
    found.add_argument(
        "overrides", nargs="*", default=[], metavar="OVERRIDE", help="as for train; hydra.sweeper.n_trials=10 too"
    )
    found.add_argument("--config-dir", action="append", default=[], type=expand, metavar="DIR", help="as for train")
    add_trust(found)
    return found
