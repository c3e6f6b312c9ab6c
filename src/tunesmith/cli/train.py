"""`tunesmith train`: one run, several with -m, or a view of the config."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tunesmith.cli.options import check_folders, parser
from tunesmith.config.data_files import HUB, names_in, parts_of
from tunesmith.errors import ConfigError, Problem
from tunesmith.terminal import say

if TYPE_CHECKING:
    from tunesmith.config.composing.compose import Composed

INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


def main(argv: list[str]) -> int:
    """Train according to the command line.

    Returns:
        The exit code; with -m, the first that is not 0.
    """
    arguments = _parser().parse_intermixed_args(argv)
    check_folders(arguments.config_dir)
    if arguments.cfg or arguments.info:
        with uncollected():
            return show_composed(arguments)
    if arguments.multirun or any(text.lower() == "hydra.mode=multirun" for text in arguments.overrides):
        return many(arguments)
    with uncollected():
        composed = composed_from(arguments)
        if arguments.source is None and _file_asks_for_many():
            return many(arguments)

        refuse_bad_data(composed)

        from tunesmith.reporting.run.tables import show_result
        from tunesmith.training.start import train

    record = train(composed)
    show_result(record)
    say(record.path)
    return 0


def many(arguments: argparse.Namespace) -> int:
    """Run every combination, with our sweeper or another of Hydra's."""
    if arguments.source is not None:
        hint = "Start from groups instead: tunesmith train -m model=..."
        raise ConfigError([Problem("--from", "cannot be combined with -m", None, hint)])
    from tunesmith.cli.sweep import is_ours, run_sweep, sweeper_node

    target, settings = sweeper_node(arguments.config_name, arguments.overrides, arguments.config_dir)
    if is_ours(target):
        return run_sweep(arguments.config_name, arguments.overrides, arguments.config_dir, arguments.trust, settings)
    from tunesmith.cli.multirun import multirun

    return multirun(arguments)


def _file_asks_for_many() -> bool:
    """Whether a config file sets `hydra.mode: MULTIRUN`."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def _parser() -> argparse.ArgumentParser:
    verb = parser("train", "Train a model. The last line of the output is the run's directory.")
    verb.add_argument("-m", "--multirun", action="store_true", help="one run per combination of a,b,c values")
    verb.add_argument("--cfg", "-c", choices=("job", "hydra", "all"), help="print the composed config and stop")
    verb.add_argument("--package", "-p", help="with --cfg: print only this part")
    verb.add_argument("--resolve", action="store_true", help="with --cfg: resolve references")
    verb.add_argument("--info", "-i", nargs="?", const="all", choices=INFO, help="show how Hydra composes, and stop")
    verb.add_argument("--config-name", "-cn", default="train", help="the primary config (default: train)")
    verb.add_argument("--experimental-rerun", action=Refused, help=argparse.SUPPRESS)
    return verb


class Refused(argparse.Action):
    """A flag of Hydra's that is not supported."""

    def __call__(self, *_: object) -> None:
        """Refuse: the flag unpickles a file, which can run any code."""
        raise ConfigError(
            [Problem("--experimental-rerun", "is not supported: it would run code from a file", None, "Use --from RUN")]
        )


def composed_from(arguments: argparse.Namespace) -> Composed:
    """Compose and validate the config that the flags and overrides describe, and check that its data exists.

    Raises:
        ConfigError: The config is invalid.
        DataError: The data is not a file, or a data set of the Hub that is not to be had; reported now, before
            importing what reads it.
        FilesError: The run whose split is to be taken has none.
    """
    from tunesmith.config.schema import Format
    from tunesmith.data.mixture import of_source
    from tunesmith.data.sources.file_kinds import refuse_special
    from tunesmith.data.sources.matching import matching
    from tunesmith.data.splitting.split_file import split_file_of

    composed = _composed(arguments)
    data = composed.config.data
    if data.split.from_run is not None:
        split_file_of(data.split.from_run)
    if data.format == HUB:
        from tunesmith.data.sources.hub import pinned

        return pinned(composed)
    for source, part in parts_of(data).items():
        with of_source(source):
            for path in [path for name in names_in(part.path) for path in matching(name)]:
                if not (path.is_dir() and isinstance(part.format, Format)):  # a class may read folders
                    refuse_special(path)
    return composed


def refuse_bad_data(composed: Composed) -> None:
    """Refuse data that a run of a config could not read, before torch is imported (`training/early_look.py`).

    Raises:
        DataError: As of `training.early_look.look_early`.
    """
    from tunesmith.training.early_look import look_early

    look_early(composed)


def _composed(arguments: argparse.Namespace) -> Composed:
    from tunesmith.config.composing.compose import compose, compose_from

    name = getattr(arguments, "config_name", "train")
    if arguments.source is not None:
        unused = [("--config-dir", arguments.config_dir), ("--config-name", name != "train" and name)]
        problems = [
            Problem(flag, "has no effect with --from, which composes no groups") for flag, given in unused if given
        ]
        if problems:
            raise ConfigError(problems)
        return compose_from(arguments.source, arguments.overrides, trust=arguments.trust)
    return compose(arguments.overrides, config_dirs=arguments.config_dir, trust=arguments.trust, name=name)


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection, also at exit: it takes a twentieth of the time of so short a command."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def show_composed(arguments: argparse.Namespace) -> int:
    """Print the composed config, or how it is composed; values are not validated, so a faulty config can be seen."""
    from tunesmith.config.composing.show import show_config, show_info, show_saved

    if arguments.info and arguments.source is not None:
        hint = "See its values with --from RUN --cfg job"
        raise ConfigError([Problem("--info", "shows how groups are composed, but --from composes none", None, hint)])
    if arguments.info:
        show_info(arguments.info, arguments.overrides, config_dirs=arguments.config_dir, name=arguments.config_name)
    elif arguments.source is not None:
        view = {"package": arguments.package, "resolve": arguments.resolve}
        show_saved(arguments.cfg, arguments.source, arguments.overrides, **view)
    else:
        show_config(
            arguments.cfg,
            arguments.overrides,
            config_dirs=arguments.config_dir,
            name=arguments.config_name,
            package=arguments.package,
            resolve=arguments.resolve,
        )
    sys.stdout.flush()
    return 0
