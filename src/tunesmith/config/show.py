"""Hydra's own views of a config, `--cfg` and `--info`, over a config composed by us."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from hydra._internal.hydra import Hydra
from omegaconf import DictConfig

from tunesmith.config.compose import draft, open_hydra
from tunesmith.config.overrides import read_sweep
from tunesmith.errors import ConfigError


class _Composed(Hydra):
    """A Hydra that has composed already."""

    def __init__(self, config: DictConfig) -> None:
        self.config = config

    def compose_config(self, *_: Any, **__: Any) -> DictConfig:
        """The config at hand."""
        return self.config


def show_config(
    kind: str,
    overrides: Sequence[str],
    *,
    config_dirs: Sequence[Path] = (),
    name: str = "train",
    package: str | None = None,
    resolve: bool = False,
) -> None:
    """Print a composed config as YAML; its values are not judged.

    Args:
        kind: `job`, `hydra` or `all`.
        overrides: As on the command line.
        config_dirs: Folders of the user's own options.
        name: The primary config.
        package: Print this part only.
        resolve: Replace references by what they refer to.

    Raises:
        ConfigError: An override or a file is wrong.
    """
    found = draft(overrides, config_dirs=config_dirs, name=name)
    if found.problems:
        raise ConfigError(found.problems)
    _Composed(found.config).show_cfg(name, [], kind, package, resolve)


def show_info(kind: str, overrides: Sequence[str], *, config_dirs: Sequence[Path] = (), name: str = "train") -> None:
    """Print how Hydra composes: its defaults list, search path or plug-ins.

    Raises:
        ConfigError: An override or a file is wrong.
    """
    found = draft(overrides, config_dirs=config_dirs, name=name)
    if found.problems:
        raise ConfigError(found.problems)
    hydra, loader = open_hydra(config_dirs)
    # Hydra prints through logging, which answers a closed pipe (`| head`) with a traceback for each line.
    with redirect_stdout(io.StringIO()) as text:
        hydra.show_info(kind, name, read_sweep(overrides, loader.notes))
    print(text.getvalue(), end="")
