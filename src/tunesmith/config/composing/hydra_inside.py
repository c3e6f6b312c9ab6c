"""All uses of Hydra's private parts, as of Hydra 1.3.8; `tests/test_foreign_privates.py` lists each.

Hydra's public entry points are `hydra.main`, `hydra.compose` and `hydra.initialize`. They stop at the first problem,
do not say which files they merged, and scan the installation for plug-ins at every start. To report every problem
with its file and line, and to start in a fraction of a second, we need the parts that those three are made of.
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
"""Prefix of the classes of Hydra's own plug-ins, which a sweeper's `_target_` may name."""
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
"""The class of `hydra/sweeper=basic`, Hydra's default sweeper."""


def register_sources() -> None:
    """Register files and structured configs as sources. The public way is `Plugins`, which imports every plug-in."""
    for source in (FileConfigSource, StructuredConfigSource):
        SourcesRegistry.instance().register(source)


def search_path(places: Iterable[tuple[str, str]]) -> ConfigSearchPath:
    """The places to search for configs, in this order; the public class is abstract.

    Args:
        places: The provider and the URL of each place, e.g. `("user", "file:///home/me/conf")`.
    """
    path = ConfigSearchPathImpl()
    for provider, url in places:
        path.append(provider, url)
    return path


class OpenRepository(ConfigRepository):
    """Hydra's repository of configs with a public look-up method; Hydra has no public repository."""

    def find_source(self, config_path: str, object_type: ObjectType | None) -> ConfigSource | None:
        """The source that has a config or group; None if none does."""
        return super()._find_object_source(config_path, object_type)

    def _find_object_source(self, config_path: str, object_type: ObjectType | None) -> ConfigSource | None:
        return self.find_source(config_path, object_type)


class OpenLoader(ConfigLoaderImpl):
    """Hydra's loader for our own repository, with a hook for every file; the public class is abstract."""

    def __init__(self, search_path: ConfigSearchPath, repository: OpenRepository) -> None:
        super().__init__(search_path)
        self.repository = repository

    def merging(self, default: ResultDefault, result: ConfigResult) -> None:
        """Called with each config before it is merged, in order; may change what is merged."""

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        result = super()._load_single_config(default, repo)
        self.merging(default, result)
        return result


class Engine(Hydra):
    """Hydra with our own loader; `hydra.initialize` creates one with Hydra's."""

    def __init__(self, loader: OpenLoader) -> None:
        super().__init__(task_name="train", config_loader=loader)


class _Composed(Hydra):
    """A Hydra that returns a config composed earlier."""

    def __init__(self, config: DictConfig) -> None:
        self.config = config

    def compose_config(self, *_: Any, **__: Any) -> DictConfig:
        """The config composed earlier."""
        return self.config


def print_config(config: DictConfig, name: str, kind: str, package: str | None, resolve: bool) -> None:
    """Print a composed config as `--cfg` does; the public way prints only what Hydra itself composed.

    Args:
        config: The config with Hydra's node.
        name: The primary config.
        kind: `job`, `hydra` or `all`.
        package: Print only this part.
        resolve: Replace references by their values.
    """
    _Composed(config).show_cfg(name, [], kind, package, resolve)


def delete(override: Override, config: DictConfig) -> None:
    """Apply a deletion (`~key`) to a composed config; publicly, only a composition does so.

    Raises:
        HydraException: There is no such key, or its value differs from that in the override.
    """
    ConfigLoaderImpl._apply_overrides_to_config([override], config)


def literal(override: Override) -> Any:
    """The value as the grammar reads it, with its quotes if it has any; the public `value()` drops them."""
    return override._value


def with_value(override: Override, value: Any) -> Override:
    """The override with another value; the public way is to parse one, and not every value can be parsed."""
    return dataclasses.replace(override, _value=value)


def basic_sweep(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of each run, as split by the basic sweeper; the public way also starts the runs."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # most runs are not sweeps

    return [list(job) for job in BasicSweeper.split_arguments(list(overrides), None)[0]]
