"""The config as a run saves it, and the typed config read from a saved one."""

from __future__ import annotations

from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tunesmith.config.composing import resolvers
from tunesmith.config.composing.files import display_path
from tunesmith.config.data_files import HUB, SPLIT_FILE, names_in, parts_of, with_each
from tunesmith.config.folders import expand
from tunesmith.config.limits import bounded, read_yaml
from tunesmith.errors import ConfigError, Problem

if TYPE_CHECKING:
    from tunesmith.config.schema import RunConfig

PATHS = (
    *(("data", "path"), ("data", "split", "from_run")),
    *(("model", "path"), ("model", "tokenizer"), ("model", "from_run")),
)
"""Keys that may hold a local path; a path of data is always local, unless it is a data set of the Hub."""


def read_saved(file: Path) -> DictConfig:
    """The config in a file, as written.

    Raises:
        ConfigError: There is no such file, or it is not a config.
    """
    if not file.is_file():
        raise ConfigError([Problem("--from", "no such file", str(file), "Give a run directory or a YAML file")])
    try:
        loaded = OmegaConf.create(read_yaml(file))
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, OSError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where, rule = (
            (f"{display_path(file)}:{mark.line + 1}", "is not valid YAML")
            if mark
            else (display_path(file), "cannot be read")
        )
        text = getattr(error, "problem", None) or str(error).splitlines()[0]
        deep = isinstance(error, RecursionError)
        raise ConfigError([Problem(where, f"{rule}: {'it is nested too deeply' if deep else text}")]) from error
    if not isinstance(loaded, DictConfig):
        raise ConfigError([Problem(display_path(file), "is not a config: its root is not a mapping")])
    return loaded


def to_saved(config: DictConfig) -> dict[str, Any]:
    """Plain values with absolute paths; values that depend on `resolvers.REFERENCES` stay as written."""
    raw = OmegaConf.to_container(config, resolve=False)
    value = OmegaConf.to_container(config, resolve=True)
    with resolvers.masked():
        masked = OmegaConf.to_container(config, resolve=True)
    saved: dict[str, Any] = _keep(raw, value, masked)
    for group, *nodes, key in PATHS:
        node = reduce(lambda inner, name: inner[name], nodes, saved[group])
        if (group, key) != ("data", "path") or node.get("format") != HUB:
            node[key] = with_each(node.get(key), partial(absolute_path, group))
    sets = saved["evaluation"].get("sets", {})
    sets |= {name: absolute_path("data", path) for name, path in sets.items()}
    for source in saved["data"].get("sources", {}).values():
        source["path"] = with_each(source.get("path"), partial(absolute_path, "data"))
    return saved


def _keep(raw: Any, value: Any, masked: Any) -> Any:
    if isinstance(raw, dict) and isinstance(value, dict):
        return {key: _keep(raw[key], item, masked[key]) for key, item in value.items()}
    if isinstance(raw, list) and isinstance(value, list):
        return [_keep(*items) for items in zip(raw, value, masked, strict=True)]
    if isinstance(value, str) and "${" in value:
        return raw  # a text that looks like a reference stays escaped
    return value if value == masked else raw


def has_relative_paths(config: RunConfig) -> bool:
    """Whether a local path in a typed config is relative to the current folder or starts with `~`."""
    paths = [(group, reduce(getattr, keys, getattr(config, group))) for group, *keys in PATHS if keys != ["path"]]
    paths += [
        ("model", config.model.path),
        *(
            ("data", name)
            for data in parts_of(config.data).values()
            for name in names_in(data.path)
            if data.format != HUB
        ),
        *(("data", path) for path in config.evaluation.sets.values()),
    ]
    return any(absolute_path(group, path) != path for group, path in paths)


def absolute_path(node: str, path: Any) -> Any:
    """A local path made absolute; references and Hub ids stay as they are."""
    if not isinstance(path, str) or "${" in path:
        return path
    full = expand(path)
    return str(full.absolute()) if full.exists() or node == "data" else path


def resolve(saved: dict[str, Any], home: Path | None = None) -> RunConfig:
    """The typed config from a saved one: references are resolved, then every value is validated.

    Args:
        saved: The saved config.
        home: The directory of the run that saved it. Its own split is what it took from the run that
            `data.split.from_run` names, and stands in for that where it is gone.
    """
    from tunesmith.config.schema import RunConfig  # its classes take long to build; see config/outline.py

    resolvers.register()
    with bounded():
        plain = OmegaConf.to_container(OmegaConf.create(saved), resolve=True)
    config = RunConfig.model_validate(plain)
    source = config.data.split.from_run
    if source is None or home is None or (expand(source) / SPLIT_FILE).is_file() or not (home / SPLIT_FILE).is_file():
        return config
    split = config.data.split.model_copy(update={"from_run": str(home)})
    return config.model_copy(update={"data": config.data.model_copy(update={"split": split})})
