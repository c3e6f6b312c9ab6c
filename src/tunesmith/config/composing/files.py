"""The YAML files of a composition: read with every fault noted, and searched for the line where a value stands."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

import yaml
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.default_element import ConfigDefault, GroupDefault, InputDefault, ResultDefault
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tunesmith.config.checking.other_names import OPTIONS
from tunesmith.config.composing.hydra_inside import OpenLoader, OpenRepository
from tunesmith.config.limits import read_yaml
from tunesmith.config.tasks import option_of
from tunesmith.errors import Problem
from tunesmith.suggest import did_you_mean, nearest

HYDRA_KEYS = ("mode", "sweeper", "verbose")
"""What a config may change of Hydra's own node: the rest of it can run code or set environment variables."""


SEVERAL = ("callbacks", "data/cleaning", "debug", "experiment")
"""Groups whose options add to one another; those of the others would only overwrite each other's keys."""
OUR_SWEEPER = "hydra/sweeper/tunesmith"
KINDS = {
    **{f".{kind}": kind for kind in ("csv", "jsonl", "json", "conll", "parquet", "arrow")},
    **{".tsv": "csv", ".txt": "text", ".feather": "arrow"},
}
"""Endings of data files, and the options of `data` that read them."""
MAX_HOPS = 5
"""Options that build on one another, followed before giving up."""
OUTPUTS = ("sweep.json", "results.json", "provenance.json")
"""One of these is in the directory of every sweep and run."""


@dataclass(frozen=True)
class Merged:
    """One file as it was merged into the config."""

    path: Path
    package: str
    """Dotted path under which its keys lie; empty for the root."""


def path_for_people(path: Path) -> str:
    """A path as a person would name it: relative to the current folder where it lies below it."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


class Repository(OpenRepository):
    """Hydra's repository of configs, which notes what is wrong in a file and goes on without it."""

    def __init__(self, search_path: ConfigSearchPath, ours: Path) -> None:
        super().__init__(search_path)
        self.ours = ours
        """The primary config that alone may set Hydra's own node."""
        self.problems: list[Problem] = []
        self.unreadable: set[Path] = set()
        self._groups: list[str] | None = None

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        """Take the folders to search; Hydra calls this from its constructor."""
        self._sources: dict[tuple[str, ObjectType | None], ConfigSource | None] = {}
        super().initialize_sources(config_search_path)

    def __deepcopy__(self, memo: dict[int, Any]) -> Repository:
        """Hydra copies its repository for each composition; what is noted stays shared."""
        return copy.copy(self)

    def file_of(self, config_path: str) -> Path | None:
        """The file that a config path such as `data/imdb` names; None for a config that is no file."""
        config_path = self.standing_for(config_path)
        source = self.find_source(config_path, ObjectType.CONFIG)
        if source is None or source.scheme() != "file":  # Hydra loads its plug-ins anew: isinstance does not hold
            return None
        return Path(source.path, f"{config_path}.yaml")

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Load a config; a file that cannot be read, or a faulty line of its defaults list, becomes a problem."""
        config_path = self.standing_for(config_path)
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
                self.note(Problem(f"{path_for_people(file)}:{line} defaults", rule, received, hint))
            result.defaults_list = kept
        return result

    def find_source(self, config_path: str, object_type: ObjectType | None) -> ConfigSource | None:
        """The source of a config or group, looked up once: Hydra asks five times for each."""
        key = config_path, object_type
        if key not in self._sources:
            know_sweepers(config_path)
            source = super().find_source(config_path, object_type)
            other = self.standing_for(config_path) if source is None else config_path
            self._sources[key] = source if other == config_path else self.find_source(other, object_type)
        return self._sources[key]

    def standing_for(self, config_path: str) -> str:
        """The config that is read for a path: of a task without an evaluation of its own, that of its kind."""
        group, _, option = config_path.partition("/")
        if group != "evaluation" or super().find_source(config_path, ObjectType.CONFIG) is not None:
            return config_path
        kind = self._kind_of(option)
        return config_path if kind is None else f"{group}/{kind}"

    def _kind_of(self, option: str, hops: int = 0) -> str | None:
        """The option of ours whose kind an option of the group `task` is of, as its file or one below it says."""
        source = super().find_source(f"task/{option}", ObjectType.CONFIG)
        if source is None or source.scheme() != "file" or hops > MAX_HOPS:
            return None
        try:
            node = yaml.safe_load(read_yaml(Path(source.path, "task", f"{option}.yaml")))
        except (yaml.YAMLError, ValueError, OSError, RecursionError):
            return None  # which is told when it is loaded
        if not isinstance(node, dict):
            return None
        if "name" in node:
            return option_of(node)
        below = [name for name in node.get("defaults") or () if isinstance(name, str) and name != "_self_"]
        return next((kind for name in below if (kind := self._kind_of(name, hops + 1))), None)

    def get_group_options(self, group_name: str, results_filter: ObjectType | None = ObjectType.CONFIG) -> list[str]:
        """The options of a group, or the groups in it."""
        know_sweepers(group_name)
        return [str(option) for option in super().get_group_options(group_name, results_filter)]

    def groups(self) -> list[str]:
        """All config groups but Hydra's own."""
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
        """The first names of the paths of all configs and groups that were asked for, found or not."""
        return {path.split("/")[0] for path, _ in self._sources}

    def is_chosen(self, group: str) -> bool:
        """Whether our primary config chooses an option of this group; a group of the user's own has to be added."""
        return group.startswith("hydra/") or (self.ours.parent / group).is_dir()

    def note(self, problem: Problem) -> None:
        """Remember a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def _fault(self, config_path: str, default: InputDefault) -> tuple[str, str, str | None] | None:
        """Rule, received value and hint where a line of a defaults list names what does not exist."""
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
        problem = several(group, default.value)
        return (problem[0], written, problem[1]) if problem is not None else None

    def _group_hint(self, default: GroupDefault, group: str) -> str | None:
        bare = (default.group or "").lstrip("/")
        if self.group_exists(bare):
            return f"Write `override /{bare}: {default.value}`"
        close = nearest(bare, self.groups())
        return did_you_mean(f"/{close}" if close else None)


def subfolders(root: str) -> Iterator[str]:
    """Every folder below one that may be a config group, relative to it, with forward slashes.

    A sweep file may lie in a whole project: what is hidden there, and what runs and sweeps wrote, is no group.
    """
    for folder, names, _ in os.walk(root, followlinks=True):
        names[:] = [name for name in names if not name.startswith((".", "__")) and not _is_output(Path(folder, name))]
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names)


def _is_output(folder: Path) -> bool:
    return any((folder / name).is_file() for name in OUTPUTS)


def know_sweepers(path: str) -> None:
    """Let Hydra import every plug-in where a config path may name a sweeper of theirs; a run of ours needs none."""
    if path.startswith("hydra/sweeper") and path != OUR_SWEEPER:
        Plugins.instance()


def absolute_option(path: str, folder: str) -> str:
    """A group or config of a defaults list, seen from the root: one without a leading slash is relative."""
    return path[1:] if path.startswith("/") else f"{folder}/{path}".lstrip("/")


def several(group: str, chosen: Any) -> tuple[str, str] | None:
    """Rule and hint where a list of options is chosen in a group that takes one."""
    if not isinstance(chosen, list) or len(chosen) == 1 or (group in SEVERAL and "none" not in chosen):
        return None
    rule = f"{group} takes one option: several would be laid over each other, and the last would win"
    if group == "logger" or not chosen:
        return rule, f"Name one: {group}={chosen[0] if chosen else 'NAME'}"
    return rule, f"Name one, or start one run for each: -m {group}={','.join(map(str, chosen))}"


def option_hint(group: str, option: str, options: list[str]) -> str:
    """What other tools' option is here, the nearest one, or how to name a file or a model; and all that there are."""
    from tunesmith.config.checking.targets import class_called  # which reads the schema

    other = OPTIONS.get(group, {}).get(option)
    if other is None and (target := class_called(option, group)):
        other = f"It is a class: {group}._target_={target}"
    close = other or did_you_mean(nearest(option, options)) or _by_path(group, option)
    listed = f"options: {', '.join(options)}"
    return f"{close} ({listed})" if close else listed.capitalize()


def _by_path(group: str, option: str) -> str | None:
    """A file or a model that was given in place of an option, given as its path."""
    if group == "data" and (kind := KINDS.get(PurePath(option).suffix.lower())) is not None:
        return f"A file of your own: data={kind} data.path={option}"
    if group == "model":
        path = option if "/" in option else "FOLDER_OR_HUB_ID"
        return f"Any other model: model=encoder (or causal, or seq2seq) model.path={path}"
    return None


class Loader(OpenLoader):
    """Hydra's loader, which remembers the files that it merged, in order."""

    def __init__(self, search_path: ConfigSearchPath, ours: Path) -> None:
        self.notes = Repository(search_path, ours)
        super().__init__(search_path, self.notes)
        self.merged: list[Merged] = []

    def merging(self, default: ResultDefault, result: ConfigResult) -> None:
        """Remember the file; leave out what it may not set."""
        file = self.notes.file_of(default.config_path or "")
        if file is not None and result.provider != "hydra":
            package = default.package if default.package is not None else result.header["package"]
            merged = Merged(file, package or "")
            self.merged.append(merged)
            if file != self.notes.ours:
                self._guard_hydra(result, merged)

    def _guard_hydra(self, result: ConfigResult, merged: Merged) -> None:
        """Refuse and leave out what a file says about Hydra's own node, but for the few keys that may change."""
        node = OmegaConf.to_container(result.config, resolve=False)
        if not isinstance(node, dict) or "hydra" not in node:
            return
        hydra = node["hydra"]
        refused = [key for key in hydra if key not in HYDRA_KEYS] if isinstance(hydra, dict) else [None]
        for key in refused:
            path = f"hydra.{key}" if key else "hydra"
            where = f"{path_for_people(merged.path)}:{line_of(merged, path) or 1} {path}"
            hint = f"Only {', '.join(f'hydra.{name}' for name in HYDRA_KEYS)} may be set"
            self.notes.note(Problem(where, "a config may not change how Hydra runs", None, hint))
        kept = {key: value for key, value in hydra.items() if key in HYDRA_KEYS} if isinstance(hydra, dict) else {}
        result.config = OmegaConf.create({**node, "hydra": kept})


def _nothing(file: Path) -> ConfigResult:
    """What stands for a file that cannot be read."""
    return ConfigResult("user", f"file://{file.parent}", OmegaConf.create({}), {"package": "_global_"}, [], False)


def _unreadable(file: Path, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return Problem(
            f"{path_for_people(file)}:{mark.line + 1}", f"is not valid YAML: {getattr(error, 'problem', error)}"
        )
    if isinstance(error, RecursionError):
        return Problem(path_for_people(file), "cannot be read: it is nested too deep")
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    key = getattr(error, "full_key", None)
    line = lines_of(file).get(key) if key else None
    return Problem(f"{path_for_people(file)}:{line}" if line else path_for_people(file), f"cannot be read: {first}")


def lines_of(file: Path) -> dict[str, int]:
    """Dotted path of every key in a YAML file to the line (from 1) where it stands; empty for an invalid file."""
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
    """The line of an entry of a file's defaults list."""
    return lines_of(file).get(f"defaults[{position}]", 1)


def line_of(merged: Merged, path: str) -> int | None:
    """The line at which a merged file sets a dotted path of the whole config, or None where it does not."""
    prefix = f"{merged.package}." if merged.package and merged.package != "_global_" else ""
    if path == prefix.rstrip("."):
        return 1
    return lines_of(merged.path).get(path.removeprefix(prefix)) if path.startswith(prefix) else None


def place_of_key(merged: list[Merged], path: str) -> str | None:
    """`file:line` of the last file that sets a dotted path, or None where no file does."""
    for item in reversed(merged):
        line = line_of(item, path)
        if line is not None:
            return f"{path_for_people(item.path)}:{line}"
    return None
