"""The YAML files of a composition: reads them, collects every problem, and finds the line where a value is set."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

import yaml
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ConfigDefault, GroupDefault, InputDefault, ResultDefault
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tunesmith.config.checking.other_names import OPTIONS
from tunesmith.config.composing.hydra_inside import OpenLoader, OpenRepository
from tunesmith.config.composing.named_metrics import listed_metrics, set_metrics
from tunesmith.config.limits import read_yaml
from tunesmith.config.metrics import METRICS
from tunesmith.config.tasks import option_of
from tunesmith.errors import Problem
from tunesmith.suggest import did_you_mean, nearest

HYDRA_KEYS = ("mode", "sweeper", "verbose")
"""Keys of Hydra's node that a config may change: others can run code or set environment variables."""
SEVERAL = ("callbacks", "data/cleaning", "debug", "experiment")
"""Groups whose options can be combined; in other groups, they would overwrite each other's keys."""
OUR_SWEEPER = "hydra/sweeper/tunesmith"
KINDS = {
    **{f".{kind}": kind for kind in ("csv", "jsonl", "json", "conll", "parquet", "arrow")},
    **{".tsv": "csv", ".txt": "text", ".feather": "arrow"},
}
"""Extensions of data files, and the options of `data` that read them."""
MAX_HOPS = 5
"""Maximum number of options to follow that build on one another."""
OUTPUTS = ("sweep.json", "results.json", "provenance.json")
"""Every sweep and run directory has one of these files."""


@dataclass(frozen=True)
class Merged:
    """A file that was merged into the config."""

    path: Path
    package: str
    """Dotted path of the node that its keys belong to; empty for the root."""


def display_path(path: Path) -> str:
    """A path for messages: relative to the current folder if it is inside."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


class Repository(OpenRepository):
    """Hydra's repository of configs, which records the problems of a file and continues without it."""

    def __init__(self, search_path: ConfigSearchPath, ours: Path) -> None:
        super().__init__(search_path)
        self.ours = ours
        """Our primary config, the only file that may set everything in Hydra's node."""
        self.problems: list[Problem] = []
        self.unreadable: set[Path] = set()
        self._groups: list[str] | None = None

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        """Set the folders to search; Hydra calls this from its constructor."""
        self._sources: dict[tuple[str, ObjectType | None], ConfigSource | None] = {}
        super().initialize_sources(config_search_path)

    def __deepcopy__(self, memo: dict[int, Any]) -> Repository:
        """Hydra copies its repository for each composition; recorded problems stay shared."""
        return copy.copy(self)

    def file_of(self, config_path: str) -> Path | None:
        """The file of a config path such as `data/imdb`; None for a config that is not a file."""
        config_path = self.effective_path(config_path)
        source = self.find_source(config_path, ObjectType.CONFIG)
        if source is None or source.scheme() != "file":  # Hydra loads its plug-ins anew: isinstance does not hold
            return None
        return Path(source.path, f"{config_path}.yaml")

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Load a config; an unreadable file, or a wrong entry of its defaults list, is recorded as a problem."""
        config_path = self.effective_path(config_path)
        file = self.file_of(config_path)
        if file is None:
            return super().load_config(config_path)
        if file in self.unreadable:
            return _nothing(file)
        try:
            if file.is_file():
                read_yaml(file)
            result = super().load_config(config_path)
        except (yaml.YAMLError, OmegaConfBaseException, ValueError, OSError, RecursionError) as error:
            self.note(_unreadable(file, error))
            self.unreadable.add(file)
            return _nothing(file)
        if result is not None and file != self.ours:
            kept = []
            for position, default in enumerate(result.defaults_list or []):
                problem = self._fault(config_path, default)
                if problem is None:
                    kept.append(default)
                    continue
                rule, received, hint = problem
                line = default_line(file, position)
                self.note(Problem(f"{display_path(file)}:{line} defaults", rule, received, hint))
            result.defaults_list = kept
        return result

    def find_source(self, config_path: str, object_type: ObjectType | None) -> ConfigSource | None:
        """The source of a config or group, looked up only once: Hydra asks five times for each."""
        key = config_path, object_type
        if key not in self._sources:
            import_sweeper_plugins(config_path)
            source = super().find_source(config_path, object_type)
            other = self.effective_path(config_path) if source is None else config_path
            self._sources[key] = source if other == config_path else self.find_source(other, object_type)
        return self._sources[key]

    def effective_path(self, config_path: str) -> str:
        """The config to read for a path: a task without its own `evaluation` option uses that of its kind."""
        group, _, option = config_path.partition("/")
        if group != "evaluation" or super().find_source(config_path, ObjectType.CONFIG) is not None:
            return config_path
        kind = self._kind_of(option)
        return config_path if kind is None else f"{group}/{kind}"

    def _kind_of(self, option: str, hops: int = 0) -> str | None:
        """Our option for the kind of a `task` option, according to its file or the options that it builds on."""
        source = super().find_source(f"task/{option}", ObjectType.CONFIG)
        if source is None or source.scheme() != "file" or hops > MAX_HOPS:
            return None
        try:
            node = yaml.safe_load(read_yaml(Path(source.path, "task", f"{option}.yaml")))
        except (yaml.YAMLError, ValueError, OSError, RecursionError):
            return None  # which is reported when it is loaded
        if not isinstance(node, dict):
            return None
        if "name" in node:
            return option_of(node)
        below = [name for name in node.get("defaults") or () if isinstance(name, str) and name != "_self_"]
        return next((kind for name in below if (kind := self._kind_of(name, hops + 1))), None)

    def get_group_options(self, group_name: str, results_filter: ObjectType | None = ObjectType.CONFIG) -> list[str]:
        """The options of a group, or its subgroups."""
        import_sweeper_plugins(group_name)
        return [str(option) for option in super().get_group_options(group_name, results_filter)]

    def groups(self) -> list[str]:
        """All config groups except Hydra's own."""
        if self._groups is None:
            folders = [
                source.path for source in self.sources if source.scheme() == "file" and source.provider != "hydra"
            ]
            names = {group for folder in folders for group in subfolders(folder) if group.split("/")[0] != "hydra"}
            self._groups = sorted(names)
        return self._groups

    def options(self, group: str) -> list[str]:
        """The options of a group."""
        return self.get_group_options(group)

    def looked_up(self) -> set[str]:
        """The first part of the path of every config and group that was looked up, whether it exists or not."""
        return {path.split("/")[0] for path, _ in self._sources}

    def is_chosen(self, group: str) -> bool:
        """Whether our primary config chooses an option of this group; a user's own group must be added with `+`."""
        return group.startswith("hydra/") or (self.ours.parent / group).is_dir()

    def note(self, problem: Problem) -> None:
        """Record a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def _fault(self, config_path: str, default: InputDefault) -> tuple[str, str, str | None] | None:
        """Rule, received value and hint if an entry of a defaults list is wrong; None if it is not."""
        folder = config_path.rpartition("/")[0]
        if isinstance(default, ConfigDefault):
            path = absolute_option(default.path or "", folder)
            if default.path == "_self_" or default.optional or self.config_exists(path):
                return None
            choices = [*self.options(path.rpartition("/")[0]), "_self_"]
            return "no such config", default.path or "", did_you_mean(nearest(default.path or "", choices))
        assert isinstance(default, GroupDefault)
        group = absolute_option(default.group or "", folder)
        written = f"{default.group}: {default.value}"
        if group.startswith("hydra/") and group != "hydra/sweeper":
            return "a config may not change how Hydra runs", written, "Only hydra/sweeper may be chosen"
        if not self.group_exists(group):
            return "no such config group", written, self._group_hint(default, group)
        for option in default.value if isinstance(default.value, list) else [default.value]:
            if option is None or "${" in option or option == "???" or default.optional:
                continue
            if not self.config_exists(f"{group}/{option}"):
                return f"{group} has no such option", written, option_hint(group, option, self.options(group))
        problem = too_many_options(group, default.value)
        return (problem[0], written, problem[1]) if problem is not None else None

    def _group_hint(self, default: GroupDefault, group: str) -> str | None:
        bare = (default.group or "").lstrip("/")
        if self.group_exists(bare):
            return f"Write `override /{bare}: {default.value}`"
        close = nearest(bare, self.groups())
        return did_you_mean(f"/{close}" if close else None)


def subfolders(root: str) -> Iterator[str]:
    """Every folder below another that may be a config group, relative to it, with forward slashes.

    A sweep file may be in a project's folder: hidden folders, and those of runs and sweeps, are left out.
    """
    for folder, names, _ in os.walk(root, followlinks=True):
        names[:] = [name for name in names if not name.startswith((".", "__")) and not _is_output(Path(folder, name))]
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names)


def _is_output(folder: Path) -> bool:
    return any((folder / name).is_file() for name in OUTPUTS)


def import_sweeper_plugins(path: str) -> None:
    """Let Hydra import every plug-in if a config path may name a sweeper from one; our own runs need none."""
    if path.startswith("hydra/sweeper") and path != OUR_SWEEPER:
        Plugins.instance()


def absolute_option(path: str, folder: str) -> str:
    """A group or config of a defaults list as a path from the root; without a leading slash it is relative."""
    return path[1:] if path.startswith("/") else f"{folder}/{path}".lstrip("/")


def too_many_options(group: str, chosen: Any) -> tuple[str, str] | None:
    """Rule and hint if several options are chosen in a group that takes one; None otherwise."""
    if not isinstance(chosen, list) or len(chosen) == 1 or (group in SEVERAL and "none" not in chosen):
        return None
    rule = f"{group} takes one option: the last of several would overwrite the others"
    if group == "logger" or not chosen:
        return rule, f"Choose one: {group}={chosen[0] if chosen else 'NAME'}"
    return rule, f"Choose one, or start a run for each: -m {group}={','.join(map(str, chosen))}"


def option_hint(group: str, option: str, options: list[str]) -> str:
    """What to use instead of an unknown option (ours for another tool's, the nearest, or a path), and all options."""
    from tunesmith.config.checking.targets import class_named  # it reads the schema

    other = OPTIONS.get(group, {}).get(option)
    if other is None and (target := class_named(option, group)):
        other = f"It is a class: {group}._target_={target}"
    close = other or did_you_mean(nearest(option, options)) or _by_path(group, option)
    listed = f"options: {', '.join(options)}"
    return f"{close} ({listed})" if close else listed.capitalize()


def _by_path(group: str, option: str) -> str | None:
    """How to give the path of a file or a model that was typed instead of an option."""
    if group == "data" and (kind := KINDS.get(PurePath(option).suffix.lower())) is not None:
        return f"For your own file: data={kind} data.path={option}"
    if group == "model":
        path = option if "/" in option else "FOLDER_OR_HUB_ID"
        return f"For any other model: model=encoder (or causal, or seq2seq) model.path={path}"
    return None


class Loader(OpenLoader):
    """Hydra's loader, which records the files that it merges, in order."""

    def __init__(self, search_path: ConfigSearchPath, ours: Path) -> None:
        self.notes = Repository(search_path, ours)
        super().__init__(search_path, self.notes)
        self.merged: list[Merged] = []

    def merging(self, default: ResultDefault, result: ConfigResult) -> None:
        """Record the file, and leave out what it may not set."""
        file = self.notes.file_of(default.config_path or "")
        if file is not None and result.provider != "hydra":
            package = default.package if default.package is not None else result.header["package"]
            merged = Merged(file, package or "")
            self.merged.append(merged)
            if file != self.notes.ours:
                self._guard_hydra(result, merged)
            self._name_metrics(result, merged)

    def _name_metrics(self, result: ConfigResult, merged: Merged) -> None:
        """Turn a list of metrics into a mapping, or refuse it if there are metrics that it cannot replace."""
        names = listed_metrics(result.config) if isinstance(result.config, DictConfig) else None
        if names is None:
            return
        assert isinstance(result.config, DictConfig)
        where = f"{display_path(merged.path)}:{line_of(merged, METRICS) or 1} {METRICS}"
        problems = set_metrics(result.config, names)
        if any(line_of(other, METRICS) for other in self.merged[:-1]):
            rule = "a list cannot replace the metrics of another file"
            problems = [Problem(where, rule, None, "To add to them, write a mapping of names, such as `mcc: mcc`")]
        for problem in problems:
            self.notes.note(replace(problem, where=where))

    def _guard_hydra(self, result: ConfigResult, merged: Merged) -> None:
        """Refuse and leave out what a file sets in Hydra's node, except for the few keys that it may change."""
        node = OmegaConf.to_container(result.config, resolve=False)
        if not isinstance(node, dict) or "hydra" not in node:
            return
        hydra = node["hydra"]
        refused = [key for key in hydra if key not in HYDRA_KEYS] if isinstance(hydra, dict) else [None]
        for key in refused:
            path = f"hydra.{key}" if key else "hydra"
            where = f"{display_path(merged.path)}:{line_of(merged, path) or 1} {path}"
            hint = f"Only {', '.join(f'hydra.{name}' for name in HYDRA_KEYS)} may be set"
            self.notes.note(Problem(where, "a config may not change how Hydra runs", None, hint))
        kept = {key: value for key, value in hydra.items() if key in HYDRA_KEYS} if isinstance(hydra, dict) else {}
        result.config = OmegaConf.create({**node, "hydra": kept})


def _nothing(file: Path) -> ConfigResult:
    """An empty config in place of a file that cannot be read."""
    return ConfigResult("user", f"file://{file.parent}", OmegaConf.create({}), {"package": "_global_"}, [], False)


def _unreadable(file: Path, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return Problem(
            f"{display_path(file)}:{mark.line + 1}", f"is not valid YAML: {getattr(error, 'problem', error)}"
        )
    if isinstance(error, RecursionError):
        return Problem(display_path(file), "cannot be read: it is nested too deeply")
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    key = getattr(error, "full_key", None)
    line = lines_of(file).get(key) if key else None
    return Problem(f"{display_path(file)}:{line}" if line else display_path(file), f"cannot be read: {first}")


def lines_of(file: Path) -> dict[str, int]:
    """Dotted path of every key in a YAML file to its line number (from 1); empty for an invalid file."""
    return _lines_of(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _lines_of(file: Path, _modified: int) -> dict[str, int]:
    try:
        tree = yaml.compose(read_yaml(file), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, OSError, ValueError, RecursionError):
        return {}
    return dict(_lines(tree, "")) if tree is not None else {}


def _lines(node: yaml.Node, prefix: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = f"{prefix}.{key.value}" if prefix else str(key.value)
            yield path, key.start_mark.line + 1
            yield from _lines(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield f"{prefix}[{position}]", value.start_mark.line + 1
            yield from _lines(value, f"{prefix}[{position}]")


def default_line(file: Path, position: int) -> int:
    """The line number of an entry of a file's defaults list."""
    return lines_of(file).get(f"defaults[{position}]", 1)


def line_of(merged: Merged, path: str) -> int | None:
    """The line at which a merged file sets a dotted path of the whole config; None if it does not."""
    prefix = f"{merged.package}." if merged.package and merged.package != "_global_" else ""
    if path == prefix.rstrip("."):
        return 1
    return lines_of(merged.path).get(path.removeprefix(prefix)) if path.startswith(prefix) else None


def place_of_key(merged: list[Merged], path: str) -> str | None:
    """`file:line` of the last file that sets a dotted path; None if no file does."""
    for item in reversed(merged):
        line = line_of(item, path)
        if line is not None:
            return f"{display_path(item.path)}:{line}"
    return None
