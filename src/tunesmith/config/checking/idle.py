"""Keys set on the command line that have no effect with the other values: refused, with what to use instead.

Files (an option, an experiment, a saved run) may serve more than one purpose, and are not checked; nor are columns,
which describe the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tunesmith.config.checking.rules.architecture import refused_fields
from tunesmith.config.checking.rules.registry import select
from tunesmith.config.data_files import keys_of_source, names_by_split
from tunesmith.config.keys import choices, field_at
from tunesmith.config.schema import DataSource
from tunesmith.config.tasks import names
from tunesmith.errors import Problem

Idle = tuple[str, str, tuple[Any, ...], str]
"""A key, the key that it depends on, the values of that key with which it has no effect, and the next step."""

WITHOUT_TEXT = (*names(output="labels"), *names(output="number"))
"""Tasks that generate no text."""
WITHOUT_LABELS = (*names(output="number"), *names(output="text"))
"""Tasks whose answers have no names."""
FORMATS = dict.fromkeys((*choices("data.format"), *choices("data.sources.NAME.format")))
"""Formats of files, those of one of several sources among them."""
WITHOUT_FIELDS = tuple(kind for kind in FORMATS if kind != "csv")
"""File formats without delimited fields."""
NOT_BY_LABEL = tuple(method for method in choices("data.split.method") if method != "stratified")
"""Methods that split rows without regard to labels."""
WITHOUT_HUB = tuple(kind for kind in FORMATS if kind != "hub")
"""Formats of local files."""
IDLE: tuple[Idle, ...] = (
    ("data.max_target_length", "task.name", WITHOUT_TEXT, "Set data.max_length, or leave it out"),
    ("data.label_separator", "task.multi_label", (False,), "It goes with task=multi_label"),
    ("data.delimiter", "data.format", WITHOUT_FIELDS, "It goes with data=csv"),
    ("data.quoting", "data.format", WITHOUT_FIELDS, "It goes with data=csv"),
    ("data.name", "data.format", WITHOUT_HUB, "It goes with data=hub"),
    ("data.revision", "data.format", WITHOUT_HUB, "It goes with data=hub"),
    ("data.label_names", "task.name", WITHOUT_LABELS, "It is for labels or tags: leave it out"),
    ("data.split.val_fraction", "data.split.method", ("column",), "The column gives the split of each row"),
    ("data.split.test_fraction", "data.split.method", ("column",), "The column gives the split of each row"),
    ("data.split.duplicates", "data.split.method", ("column", "time"), "The column gives the split of each row"),
    ("data.split.multi_label", "task.multi_label", (False,), "It goes with task=multi_label"),
    ("data.split.multi_label", "data.split.method", NOT_BY_LABEL, "It goes with data.split.method=stratified"),
    ("model.revision", "model.path", (None,), "It goes with the Hub id in model.path"),
    ("evaluation.probe", "evaluation.baselines", (False,), "Add evaluation.baselines=true"),
    ("logger.project", "logger.name", ("none",), "Add logger=wandb"),
    ("logger.entity", "logger.name", ("none",), "Add logger=wandb"),
    ("logger.group", "logger.name", ("none",), "Add logger=wandb"),
    ("logger.mode", "logger.name", ("none",), "Add logger=wandb"),
    ("logger.alert", "logger.name", ("none",), "Add logger=wandb"),
    ("logger._target_", "logger.name", ("none",), "Add logger.name=null"),
)
BESIDE: tuple[tuple[str, str, str], ...] = (
    *(
        (f"model.{key}", "model.from_run", "It comes from that run; leave it out, or start from a folder")
        for key in ("path", "tokenizer", "family", "revision", "init", "config")
    ),
    ("data.split.val_fraction", "data.split.folds", "Each fold is validated on in turn; leave it out"),
)
"""A key, another key that replaces it if set, and the next step."""


OF_A_NEW_SPLIT = tuple(
    f"data.split.{key}" for key in ("method", "val_fraction", "test_fraction", "seed", "column", "multi_label")
)
"""Keys that divide rows anew."""


def idle(config: Mapping[str, Any], given: Iterable[str], *, saved: bool = False) -> Iterator[Problem]:
    """Problems of given keys that have no effect, and of fields of `model.config` that no run uses.

    Args:
        config: The composed config as plain values; valid.
        given: Dotted keys that the command line sets.
        saved: Whether it is a saved config, of which only given fields of `model.config` are checked.
    """
    keys = set(given)
    for problem in refused_fields(config["model"]):
        if not saved or _is_given("model.config", keys):
            yield problem
    yield from _without_effect(config, keys)
    yield from _of_sources(config, keys)
    for key, other, hint in BESIDE:
        if _is_given(key, keys) and _is_given(other, keys) and select(config, other) and not _is_default(config, key):
            yield Problem(key, f"has no effect with {other}", _shown(select(config, key)), hint)
    yield from _beside_an_earlier_split(config, keys)
    yield from _beside_what_is_made(config, keys)
    for split in ("val", "test"):
        key = f"data.split.{split}_fraction"
        if _is_given(key, keys) and split in names_by_split(config["data"]["path"]) and not _is_default(config, key):
            rule, hint = f"has no effect with a file for {split} in data.path", "That split has all rows of its file"
            yield Problem(key, rule, _shown(select(config, key)), hint)
    method = select(config, "data.split.method")
    if "data.split.seed" in keys and method in ("column", "time") and _draws_nothing(config):
        seed = select(config, "data.split.seed")
        yield Problem("data.split.seed", f"has no effect with data.split.method={method}", str(seed), "Leave it out")


def _without_effect(config: Mapping[str, Any], keys: set[str]) -> Iterator[Problem]:
    for key, other, values, hint in IDLE:
        if not _is_given(key, keys) or _is_default(config, key):
            continue
        read_with = _read_with(config, key)
        if all(_is_one_of(select(each, other), values) for each in read_with):
            reason = "data.sources" if read_with != [config] else f"{other}={_shown(select(config, other))}"
            yield Problem(key, f"has no effect with {reason}", _shown(select(config, key)), hint)


def _read_with(config: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The configs in which a key is read: of several sources, those of the sources that have no such key themselves."""
    sources, own = config["data"]["sources"], key.removeprefix("data.")
    if not sources or own not in DataSource.model_fields:
        return [config]
    return [_alone(config, source) for source in sources.values() if source[own] is None]


def _alone(config: Mapping[str, Any], source: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config as if one of several sources were all its data."""
    own = {key: value for key, value in source.items() if value is not None}
    return {**config, "data": {**config["data"], **own, "sources": {}}}


def _of_sources(config: Mapping[str, Any], keys: set[str]) -> Iterator[Problem]:
    """Keys of one of several sources that have no effect with the others that it has."""
    for name, source in config["data"]["sources"].items():
        start, alone = f"data.sources.{name}.", _alone(config, source)
        given = {f"data.{key.removeprefix(start)}" for key in keys if key.startswith(start)}
        own = [key for key, value in source.items() if value is not None]
        for problem in (*_without_effect(alone, given), *_beside_what_is_made(alone, given)):
            where, rule = start + problem.where.removeprefix("data."), keys_of_source(problem.rule, name, own)
            yield replace(problem, where=where, rule=rule, hint=problem.hint and keys_of_source(problem.hint, name))


def _beside_what_is_made(config: Mapping[str, Any], keys: set[str]) -> Iterator[Problem]:
    column = select(config, "data.text_column")
    ways = {"template": f"Write {{{{{column}}}}} into it", "convert": "data.columns names the columns of the format"}
    for name, hint in ways.items():
        given = "data.text_column" in keys and not _is_default(config, "data.text_column")
        if given and select(config, f"data.{name}") is not None:
            yield Problem("data.text_column", f"has no effect with data.{name}", column, f"Leave it out. {hint}")


def _beside_an_earlier_split(config: Mapping[str, Any], keys: set[str]) -> Iterator[Problem]:
    if select(config, "data.split.from_run") is None:
        return
    for key in OF_A_NEW_SPLIT:
        drawn = key in ("data.split.seed", "data.split.multi_label") and select(config, "data.num_rows") is not None
        if _is_given(key, keys) and not drawn and not _is_default(config, key):
            rule, hint = "has no effect with data.split.from_run", "Leave it out, or set data.split.from_run=null"
            yield Problem(key, rule, _shown(select(config, key)), hint)


def _is_one_of(value: Any, values: tuple[Any, ...]) -> bool:
    """Whether a value is one of those with which a key has no effect; a class instead of a name always counts."""
    return value in values or (isinstance(value, Mapping) and len(values) > 0)


def _draws_nothing(config: Mapping[str, Any]) -> bool:
    return select(config, "data.num_rows") is None and select(config, "data.split.seed") != 0


def _is_given(key: str, keys: set[str]) -> bool:
    return any(name == key or name.startswith(f"{key}.") for name in keys)


def _is_default(config: Mapping[str, Any], key: str) -> bool:
    """Whether a key changes nothing: it has its default, or switches off what is off anyway."""
    field, value = field_at(key), select(config, key)
    return not value or (field is not None and value == field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("_target_", dict(value)))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
