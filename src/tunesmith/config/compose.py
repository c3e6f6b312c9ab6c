"""From a command line to a validated config. Nothing heavy is imported and nothing is instantiated on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from hydra.version import setbase
from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tunesmith.config import resolvers
from tunesmith.config.schema import RunConfig

PACKAGE = Path(__file__).resolve().parents[1]
REFERENCE = re.compile(r"^\$\{(oc\.env|package_file):[^{}]*\}$")
"""Values that stay references in a saved config: they hold secrets, or paths that differ between machines."""


@dataclass(frozen=True)
class Composed:
    """A composed and validated config, in the two forms that a run needs."""

    config: RunConfig
    """Typed and resolved: what the run reads."""
    saved: dict[str, Any]
    """Plain values with `${oc.env:...}` and `${package_file:...}` kept as references: what the run writes."""
    overrides: tuple[str, ...] = ()
    """The overrides as given on the command line."""
    choices: dict[str, str | None] | None = None
    """Config group to chosen option; None for a config that came from a file."""


def shipped(name: str) -> Path:
    """Folder of shipped configs: inside the package when installed from a wheel, at the top of a checkout otherwise."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parents[1] / name


def schema_defaults(model: type[BaseModel]) -> dict[str, Any]:
    """The defaults that the schema states, as a plain nested dict; required keys are left out."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            values[name] = schema_defaults(kind)
        elif field.default is not PydanticUndefined:
            values[field.alias or name] = field.default
    return values


def open_hydra(config_dirs: Sequence[Path] = ()) -> Hydra:
    """A Hydra that searches the user's folders first, then the shipped ones, and ends no process on an error.

    Args:
        config_dirs: Folders laid out like `conf/`; an option there wins over a shipped one of the same name.
    """
    setbase("1.3")
    resolvers.register()
    ConfigStore.instance().store(name="schema", node=schema_defaults(RunConfig), provider="tunesmith")
    Plugins.instance()  # registers the file:// and pkg:// sources
    path = ConfigSearchPathImpl()
    path.append("hydra", "pkg://hydra.conf")
    for folder in config_dirs:
        path.append("user", f"file://{folder.resolve()}")
    for name in ("conf", "sweeps"):
        path.append("tunesmith", f"file://{shipped(name)}")
    path.append("schema", "structured://")
    GlobalHydra.instance().clear()
    return Hydra.create_main_hydra2(task_name="train", config_search_path=path)


def to_saved(config: DictConfig) -> dict[str, Any]:
    """Resolve all interpolations but the references that are to stay (see `REFERENCE`)."""
    resolved: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    raw = OmegaConf.to_container(config, resolve=False)

    def keep(raw_value: Any, value: Any) -> Any:
        if isinstance(raw_value, dict) and isinstance(value, dict):
            return {key: keep(raw_value[key], item) if key in raw_value else item for key, item in value.items()}
        return raw_value if isinstance(raw_value, str) and REFERENCE.match(raw_value) else value

    return {key: keep(raw[key], value) for key, value in resolved.items()}  # type: ignore[index,call-overload]


def resolve(saved: dict[str, Any]) -> RunConfig:
    """The typed config of a saved one: references are looked up, then every value is validated."""
    resolvers.register()
    plain = OmegaConf.to_container(OmegaConf.create(saved), resolve=True)
    return RunConfig.model_validate(plain)


def compose(overrides: Sequence[str] = (), *, config_dirs: Sequence[Path] = ()) -> Composed:
    """Compose and validate a run's config.

    Args:
        overrides: As on the command line, e.g. `["model=minilm", "optimizer.lr=3e-4"]`.
        config_dirs: Folders of the user's own options, searched before the shipped ones.

    Raises:
        ConfigError: Something is wrong; every problem is in it.
    """
    hydra = open_hydra(config_dirs)
    composed = hydra.compose_config("train", list(overrides), RunMode.RUN, with_log_configuration=False)
    HydraConfig.instance().set_config(composed)
    choices = dict(composed.hydra.runtime.choices)
    job = OmegaConf.masked_copy(composed, [key for key in composed if key != "hydra"])
    saved = to_saved(job)
    return Composed(resolve(saved), saved, tuple(overrides), choices)
