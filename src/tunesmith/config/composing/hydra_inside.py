"""Every inner part of Hydra that is used here, as of Hydra 1.3.8; `tests/test_foreign_privates.py` names each.

Hydra's public ways in are `hydra.main`, `hydra.compose` and `hydra.initialize`. They stop at the first fault, do not
tell which files they merged, and scan the installation for plug-ins at every start. A composition that names every
fault with its file and line, and starts in a fraction of a second, needs the parts that those three are made of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins import basic_launcher  # noqa: F401 - stores hydra/launcher/basic
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.hydra import Hydra
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ResultDefault
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig

CORE_PLUGINS = "hydra._internal.core_plugins."
"""Where the classes of Hydra's own plug-ins are; a sweeper's `_target_` may name one of them."""
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
"""The class behind `hydra/sweeper=basic`, which is what Hydra sweeps with unless told otherwise."""


def know_sources() -> None:
    """Register files and structured configs as sources. Publicly only `Plugins` does, which imports every plug-in."""
    for source in (FileConfigSource, StructuredConfigSource):
        SourcesRegistry.instance().register(source)


def search_path(places: Iterable[tuple[str, str]]) -> ConfigSearchPath:
    """The places that are searched for configs, the first before the later ones; the public class is abstract.

    Args:
        places: Who provides the place, and its URL, e.g. `("user", "file:///home/me/conf")`.
    """
    path = ConfigSearchPathImpl()
    for provider, url in places:
        path.append(provider, url)
    return path


class OpenRepository(ConfigRepository):
    """Hydra's repository of configs, with its look-up as a public method; there is no public repository."""

    def find_source(self, config_path: str, object_type: ObjectType | None) -> ConfigSource | None:
        """The source that has a config or group; None if none has."""
        return super()._find_object_source(config_path, object_type)

    def _find_object_source(self, config_path: str, object_type: ObjectType | None) -> ConfigSource | None:
        return self.find_source(config_path, object_type)


class OpenLoader(ConfigLoaderImpl):
    """Hydra's loader over a repository of ours, which tells of every file; the public class is abstract."""

    def __init__(self, search_path: ConfigSearchPath, repository: OpenRepository) -> None:
        super().__init__(search_path)
        self.repository = repository

    def merging(self, default: ResultDefault, result: ConfigResult) -> None:
        """Called with each config right before it is merged, in order; may change what is merged."""

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        result = super()._load_single_config(default, repo)
        self.merging(default, result)
        return result


class Engine(Hydra):
    """Hydra over a loader of ours; `hydra.initialize` makes one over a loader of its own."""

    def __init__(self, loader: OpenLoader) -> None:
        super().__init__(task_name="train", config_loader=loader)


class _Composed(Hydra):
    """A Hydra that has composed already."""

    def __init__(self, config: DictConfig) -> None:
        self.config = config

    def compose_config(self, *_: Any, **__: Any) -> DictConfig:
        """The config at hand."""
        return self.config


def print_config(config: DictConfig, name: str, kind: str, package: str | None, resolve: bool) -> None:
    """Print a composed config as `--cfg` does, which publicly goes with a composition of Hydra's own.

    Args:
        config: With Hydra's node.
        name: The primary config.
        kind: `job`, `hydra` or `all`.
        package: Print this part only.
        resolve: Replace references by what they refer to.
    """
    _Composed(config).show_cfg(name, [], kind, package, resolve)


def delete(override: Override, config: DictConfig) -> None:
    """Carry out a deletion (`~key`) on a composed config; publicly that is done in a composition only.

    Raises:
        HydraException: There is no such key, or it has another value than the override names.
    """
    ConfigLoaderImpl._apply_overrides_to_config([override], config)


def literal(override: Override) -> Any:
    """The value as the grammar reads it, a text in quotes with its quotes; the public `value()` drops them."""
    return override._value


def with_value(override: Override, value: Any) -> Override:
    """The override with another value; publicly an override is made by parsing only, and not every value parses."""
    return dataclasses.replace(override, _value=value)


def basic_sweep(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of each run, as the basic sweeper makes them; publicly it makes them only to start the runs."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # most runs sweep nothing

    return [list(job) for job in BasicSweeper.split_arguments(list(overrides), None)[0]]
