"""Turns a command line into a validated config, without importing anything heavy or instantiating anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import conf as hydra_conf
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.version import setbase
from omegaconf import DictConfig, Node, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from tunesmith.config.checking import other_names
from tunesmith.config.checking.markers import MARKERS, nodes
from tunesmith.config.composing import overrides as override_reader
from tunesmith.config.composing import resolvers
from tunesmith.config.composing.files import Loader, Merged, Repository, place_of_key
from tunesmith.config.composing.hydra_inside import CORE_PLUGINS, Engine, delete, register_sources, search_path
from tunesmith.config.composing.mappings import convert_keys, node_at
from tunesmith.config.composing.named_metrics import expand_metrics, follows_from, set_metrics
from tunesmith.config.composing.saved import has_relative_paths, read_saved, resolve, to_saved
from tunesmith.config.folders import shipped
from tunesmith.config.methods import DEFAULT, method_label
from tunesmith.config.metrics import METRICS
from tunesmith.config.omegaconf_inside import child_of, content_of
from tunesmith.config.outline import is_nullable, is_text, leaves, schema_defaults, sweeper_defaults
from tunesmith.config.trust import trusted, trusting
from tunesmith.errors import ConfigError, Problem
from tunesmith.suggest import did_you_mean, nearest

if TYPE_CHECKING:
    from tunesmith.config.schema import RunConfig


SWEEPER = "hydra_plugins.tunesmith_sweeper.TunesmithSweeper"
OF_ANOTHER_RUN = "data.split.from_run"
PLAIN = {"_recursive_": False, "_convert_": "all"}
"""Keeps Hydra from instantiating anything inside our sweeper's node."""


@dataclass(frozen=True)
class Composed:
    """A composed and validated config, in the two forms that a run needs."""

    config: RunConfig
    """Typed and resolved, for the run to read."""
    saved: dict[str, Any]
    """Plain values with `${oc.env:...}` and `${package_file:...}` kept as references, for the run to save."""
    overrides: tuple[str, ...] = ()
    """The overrides as given on the command line."""
    choices: dict[str, str | None] | None = None
    """Config group to chosen option; None for a saved config."""
    trust: tuple[str, ...] = ()
    """Names of trusted modules and models, whose code may run (see `config/trust.py`)."""
    home: Path | None = None
    """The directory of the run that the config was saved by, whose split may stand in for that of an earlier run."""

    def with_saved(self, saved: dict[str, Any]) -> Composed:
        """The same with other values.

        Args:
            saved: The values, as in `saved`.
        """
        return dataclasses.replace(self, saved=saved, config=resolve(saved, self.home))

    @property
    def name(self) -> str:
        """The run's name for people."""
        choices = dict(self.choices or {})
        if choices.get("method") == DEFAULT:
            choices["method"] = method_label(self.config.method.name, self.config.method.target)
        parts = (
            [choices.get("experiment")] if choices.get("experiment") else map(choices.get, ("data", "model", "method"))
        )
        return self.config.run.name or "-".join(part for part in parts if part) or "run"


@dataclass(frozen=True)
class Draft:
    """A composed config that is not validated yet, and the problems found so far."""

    config: DictConfig
    """Includes Hydra's node."""
    problems: list[Problem]
    merged: list[Merged]
    given: frozenset[str]
    """Keys set on the command line."""
    repository: Repository


def open_hydra(config_dirs: Sequence[Path] = (), home: Path | None = None) -> tuple[Engine, Loader]:
    """A Hydra and its loader, which search the user's folders first, then the shipped ones.

    Args:
        config_dirs: Folders laid out like `conf/`; an option there replaces a shipped one of the same name.
        home: A folder with `conf` and `sweeps` folders to use instead of the shipped ones, e.g. a sweep's snapshot.
    """
    setbase("1.3")
    resolvers.register()
    store = ConfigStore.instance()
    store.store(name="schema", node=schema_defaults(), provider="tunesmith")
    sweeper = {"_target_": SWEEPER, **PLAIN, **sweeper_defaults()}
    store.store(group="hydra/sweeper", name="tunesmith", node=sweeper, provider="tunesmith")
    register_sources()
    conf, sweeps = (shipped(name) if home is None else home / name for name in ("conf", "sweeps"))
    places = [
        ("hydra", f"file://{Path(hydra_conf.__file__).parent}"),
        *(("user", f"file://{folder.resolve()}") for folder in config_dirs),
        ("tunesmith", f"file://{conf}"),
        ("tunesmith", f"file://{sweeps}"),
        ("schema", "structured://"),
    ]
    GlobalHydra.instance().clear()
    loader = Loader(search_path(places), conf / "train.yaml")
    hydra = Engine(loader)
    GlobalHydra.instance().initialize(hydra)
    return hydra, loader


def draft(overrides: Sequence[str] = (), *, config_dirs: Sequence[Path] = (), name: str = "train") -> Draft:
    """Compose without validating the values, collecting every problem that allows it to continue.

    Raises:
        ConfigError: The composition itself failed.
    """
    hydra, loader = open_hydra(config_dirs)
    read = override_reader.read(overrides, loader.notes)
    try:
        composed = hydra.compose_config(name, read.groups, RunMode.RUN, with_log_configuration=False)
    except (HydraException, OmegaConfBaseException, ValueError, OSError) as error:
        problems = [*read.problems, *loader.notes.problems]
        raise ConfigError([*problems, composition_problem(error)]) from error
    problems = [*read.problems, *loader.notes.problems, *apply(read.values, composed)]
    for node in ("hydra", "hydra.sweeper", "hydra.runtime"):
        if not isinstance(OmegaConf.select(composed, node), DictConfig):
            raise ConfigError([*problems, Problem(node, "belongs to Hydra and cannot be replaced as a whole")])
    problems += _sweeper_problems(composed)
    given = frozenset(override.key_or_group for override in read.values)
    return Draft(composed, problems, loader.merged, given, loader.notes)


def _sweeper_problems(composed: DictConfig) -> list[Problem]:
    """Problems of classes named inside the sweeper's node, which Hydra would instantiate.

    Our own sweeper keeps Hydra from doing so, and checks the classes of its sampler, pruner and executor itself.
    """
    plain = OmegaConf.to_container(composed.hydra.sweeper, resolve=False)
    own = {"_target_": plain.pop("_target_", None)} if isinstance(plain, dict) else {}
    if isinstance(plain, dict) and own["_target_"] == SWEEPER and {key: plain.pop(key, None) for key in PLAIN} == PLAIN:
        for key in ("sampler", "pruner", "executor"):
            if isinstance(plain.get(key), dict):
                plain[key].pop("_target_", None)
    rule, plugins = "a config may not name code to run here", ("hydra_plugins.", CORE_PLUGINS)
    places = [f"hydra.sweeper.{path}".rstrip(".") for path, node in nodes(plain) if any(key in node for key in MARKERS)]
    if not str(own.get("_target_")).startswith(plugins):
        places.append("hydra.sweeper._target_")
    hint = "A class may be named in hydra.sweeper.sampler, hydra.sweeper.pruner and hydra.sweeper.executor"
    return [Problem(path, rule, None, hint) for path in places]


def apply(values: Sequence[Any], config: DictConfig) -> list[Problem]:
    """Set the values of overrides in a config; unknown keys are added, and validated later."""
    problems = []
    for override in values:
        try:
            if override.is_delete():
                delete(override, config)
            elif override.key_or_group == METRICS and isinstance(override.value(), list):
                problems += set_metrics(config, override.value())
            else:
                _clear_files(override, config)
                OmegaConf.update(config, override.key_or_group, override.value(), merge=True, force_add=True)
        except (HydraException, OmegaConfBaseException, ValueError, TypeError, AttributeError) as error:
            problems.append(_inapplicable(override, error))
    return problems


def _clear_files(override: Any, config: DictConfig) -> None:
    """Remove earlier files: a file, files for each split and several sources replace one another."""
    key = override.key_or_group
    if key == "data.sources" or key.startswith("data.sources."):
        OmegaConf.update(config, "data.path", None, merge=False, force_add=True)
    if (key == "data.path" and override.value() is not None) or key.startswith("data.path."):
        OmegaConf.update(config, "data.sources", {}, merge=False, force_add=True)
    if key == "data.path":
        OmegaConf.update(config, key, None, merge=False, force_add=True)
    elif key.startswith("data.path.") and not isinstance(node_at(config, "data.path"), DictConfig):
        OmegaConf.update(config, "data.path", {}, merge=False, force_add=True)


def _inapplicable(override: Any, error: Exception) -> Problem:
    text = override.input_line or override.key_or_group
    if override.is_delete():
        return Problem(text, "no such key to remove", override.key_or_group)
    return Problem(text, f"cannot be set: {str(error).splitlines()[0]}")


def composition_problem(error: Exception) -> Problem:
    """The problem behind a failed composition, in one sentence."""
    cause = error.__cause__
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and isinstance(cause.parent_node, DictConfig):
        key = str(cause.full_key)
        parent, names = key.rpartition(".")[0], [str(name) for name in cause.parent_node if name not in PLAIN]
        close = nearest(str(cause.key), names)
        hint = other_names.SWEEPER.get(str(cause.key)) if key.startswith("hydra.sweeper.") else None
        hint = hint or did_you_mean(f"{parent}.{close}" if close else None)
        if hint is None and parent == "hydra.sweeper":
            hint = f"Its keys are {', '.join(name for name in names if not name.startswith('_'))}"
        return Problem(key, "no such key", None, hint)
    lines = [line.strip() for line in str(error.__cause__ or error).splitlines() if line.strip()]
    return Problem("config", f"cannot be composed: {' '.join(lines[:3])}" if lines else "cannot be composed")


def compose(
    overrides: Sequence[str] = (),
    *,
    config_dirs: Sequence[Path] = (),
    trust: Sequence[str] = (),
    name: str = "train",
) -> Composed:
    """Compose and validate a run's config.

    Args:
        overrides: As on the command line, e.g. `["model=minilm", "optimizer.lr=3e-4"]`.
        config_dirs: Folders of the user's own options, searched before the shipped ones.
        trust: The user's own modules (also in the current folder) whose classes a config may name.
        name: The primary config.

    Raises:
        ConfigError: The config is not valid; it holds every problem.
    """
    with trusting(trust):
        composed = draft(overrides, config_dirs=config_dirs, name=name)
        HydraConfig.instance().set_config(composed.config)
        choices = dict(composed.config.hydra.runtime.choices)
        job = OmegaConf.masked_copy(composed.config, [str(key) for key in composed.config if key != "hydra"])
        return validated(job, composed, tuple(overrides), choices)


def compose_from(path: Path, overrides: Sequence[str] = (), *, trust: Sequence[str] = ()) -> Composed:
    """Validate a saved config with overrides.

    Args:
        path: A run directory, or a YAML file with a whole config.
        overrides: Of values only: the groups were chosen when the config was saved.
        trust: The user's own modules whose classes a config may name.

    Raises:
        ConfigError: The config is not valid; it holds every problem.
    """
    composed = draft_from(path, overrides)
    with trusting(trust):
        config_of_file = validated(composed.config, composed, tuple(overrides), None)
    own_split = path.is_dir() and not any(OF_ANOTHER_RUN.startswith(key) for key in composed.given)
    if not own_split or config_of_file.config.data.split.from_run is None:
        return config_of_file
    return dataclasses.replace(config_of_file, home=path).with_saved(config_of_file.saved)


def draft_from(path: Path, overrides: Sequence[str] = ()) -> Draft:
    """A saved config with overrides, not validated.

    Args:
        path: A run directory, or a YAML file with a whole config.
        overrides: Of values only: the groups were chosen when the config was saved.

    Raises:
        ConfigError: There is no config in it.
    """
    file = path / "config.yaml" if path.is_dir() else path
    saved = read_saved(file)
    repository = open_hydra()[1].notes
    read = override_reader.read(overrides, repository)
    problems = list(read.problems)
    for text in read.groups:
        hint = f"Start a new config with it: tunesmith train {text.lstrip('~')}, or override single keys"
        problems.append(Problem(text, "a saved config has no groups to choose from", None, hint))
    problems += apply(read.values, saved)
    given = frozenset(override.key_or_group for override in read.values)
    return Draft(saved, problems, [Merged(file, "")], given, repository)


def validated(
    config: DictConfig,
    composed: Draft,
    overrides: tuple[str, ...],
    choices: dict[str, str | None] | None,
) -> Composed:
    """Validate a composed config without Hydra's node; every problem names the place where the value was set.

    Args:
        config: The composed config.
        composed: How it was composed.
        overrides: As on the command line, for `Composed`.
        choices: Config group to chosen option.

    Raises:
        ConfigError: The config is not valid; it holds every problem.
    """
    complete(config, schema_defaults())
    _drop_default_method(config, composed)
    misnamed = expand_metrics(config)
    misread = [*convert_keys(config), *(python_none_problems(config, composed) if choices is not None else ())]
    from tunesmith.config.checking.idle import idle
    from tunesmith.config.checking.validate import validate  # not needed to show a config

    typed, problems = validate(config, elsewhere=lambda path: option_with(path, composed))
    if typed is not None:
        problems = list(idle(typed.model_dump(by_alias=True), composed.given, saved=choices is None))
    problems = [*misread, *misnamed, *(problem for problem in problems if not follows_from(problem, misnamed))]
    problems = [_located(problem, composed) for problem in problems if not _follows(problem, composed)]
    if composed.problems or problems:
        raise ConfigError([*composed.problems, *problems])
    assert typed is not None
    saved = to_saved(config)
    return Composed(resolve(saved) if has_relative_paths(typed) else typed, saved, overrides, choices, trusted())


def _drop_default_method(config: DictConfig, composed: Draft) -> None:
    """Let a class in `method._target_` replace the default method, unless the command line also sets `method.name`."""
    method = child_of(config, "method")
    if not isinstance(method, DictConfig) or "method.name" in composed.given:
        return
    own = {key: content_of(child) for key in ("name", "_target_") if (child := child_of(method, key)) is not None}
    if own.get("name") == DEFAULT and own.get("_target_") is not None:
        method["name"] = None


def python_none_problems(config: DictConfig, composed: Draft) -> list[Problem]:
    """Problems of keys for a text or null that a file sets to Python's None, which YAML reads as a text."""
    rule, hint = "None is null in Python, but a text in YAML", "Write null"
    return [
        Problem(path, rule, "None", hint)
        for path in leaves()
        if path not in composed.given
        and is_text(path)
        and is_nullable(path)
        and isinstance(node_at(config, path), Node)
        and content_of(node_at(config, path)) == "None"
    ]


def complete(config: DictConfig, defaults: dict[str, Any]) -> None:
    """Add the schema's defaults for absent keys: removed with `~`, or newer than a saved config."""
    OmegaConf.set_struct(config, False)
    for key, value in defaults.items():
        node = child_of(config, key)
        if node is None:
            config[key] = value
        elif isinstance(value, dict) and isinstance(node, DictConfig) and isinstance(content_of(node), dict):
            complete(node, value)


def _follows(problem: Problem, composed: Draft) -> bool:
    """Whether a missing key is due to an unreadable file, which is already reported."""
    return problem.kind == "missing" and bool(composed.repository.unreadable)


def _located(problem: Problem, composed: Draft) -> Problem:
    """The problem with file and line before its key, if the value comes from a file."""
    path = problem.where
    if problem.kind == "missing" or any(path == key or path.startswith(f"{key}.") for key in composed.given):
        return problem
    place = place_of_key(composed.merged, path)
    return dataclasses.replace(problem, where=f"{place} {path}") if place else problem


def option_with(path: str, composed: Draft) -> str | None:
    """A hint if another option of the same group has a key: `method=lora has it`."""
    from tunesmith.config.checking.targets import accepted

    group, _, key = path.partition(".")
    repository = composed.repository
    if "." in key or not key or group not in repository.groups():
        return None
    having = []
    for option in repository.options(group):
        loaded = repository.load_config(f"{group}/{option}")
        plain = OmegaConf.to_container(loaded.config, resolve=False) if loaded else None
        node = {str(name): value for name, value in plain.items()} if isinstance(plain, dict) else {}
        if key in node or ("_target_" in node and key in accepted(group, node)):
            having.append(f"{group}={option}")
    chosen = f"{group}={OmegaConf.select(composed.config, f'hydra.runtime.choices.{group}')}"
    if chosen in having:
        return f"It comes from {chosen}. Remove it: ~{path}"
    return f"{' or '.join(having)} has it" if having else None
