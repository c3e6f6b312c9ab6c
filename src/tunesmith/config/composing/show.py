"""Hydra's own views of a config, `--cfg` and `--info`, for a config composed by us."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from hydra.conf import HydraConf

from tunesmith.config.composing.compose import complete, draft, draft_from, open_hydra
from tunesmith.config.composing.hydra_inside import print_config
from tunesmith.config.composing.overrides import read_sweep
from tunesmith.config.limits import bounded
from tunesmith.config.outline import schema_defaults
from tunesmith.errors import ConfigError, Problem
from tunesmith.terminal import say


def show_config(
    kind: str,
    overrides: Sequence[str],
    *,
    config_dirs: Sequence[Path] = (),
    name: str = "train",
    package: str | None = None,
    resolve: bool = False,
) -> None:
    """Print a composed config as YAML; its values are not validated.

    Args:
        kind: `job`, `hydra` or `all`.
        overrides: As on the command line.
        config_dirs: Folders of the user's own options.
        name: The primary config.
        package: Print only this part.
        resolve: Replace references by their values.

    Raises:
        ConfigError: An override or a file is wrong.
    """
    composed = draft(overrides, config_dirs=config_dirs, name=name)
    if composed.problems:
        raise ConfigError(composed.problems)
    with bounded():
        print_config(composed.config, name, kind, package, resolve)


def show_saved(
    kind: str, source: Path, overrides: Sequence[str], *, package: str | None = None, resolve: bool = False
) -> None:
    """Print a saved config with overrides, as YAML; its values are not validated.

    Args:
        kind: Must be `job`, since Hydra's own node is not saved.
        source: A run directory, or a YAML file with a whole config.
        overrides: Of values only, as on the command line.
        package: Print only this part.
        resolve: Replace references by their values.

    Raises:
        ConfigError: There is no config in it, an override is wrong, or the kind is not `job`.
    """
    if kind != "job":
        raise ConfigError([Problem("--cfg", "a saved config does not include Hydra's node", kind, "Use --cfg job")])
    composed = draft_from(source, overrides)
    if composed.problems:
        raise ConfigError(composed.problems)
    complete(composed.config, schema_defaults())  # as a run of it would do
    composed.config.hydra = HydraConf()  # Hydra removes it again
    with bounded():
        print_config(composed.config, "train", kind, package, resolve)


def show_info(kind: str, overrides: Sequence[str], *, config_dirs: Sequence[Path] = (), name: str = "train") -> None:
    """Print how Hydra composes: its defaults list, search path or plug-ins.

    Raises:
        ConfigError: An override or a file is wrong.
    """
    composed = draft(overrides, config_dirs=config_dirs, name=name)
    if composed.problems:
        raise ConfigError(composed.problems)
    hydra, loader = open_hydra(config_dirs)
    # Hydra prints through logging, which shows a traceback for each line if the pipe is closed (`| head`).
    with redirect_stdout(io.StringIO()) as text:
        hydra.show_info(kind, name, read_sweep(overrides, loader.notes))
    say(text.getvalue(), end="")
