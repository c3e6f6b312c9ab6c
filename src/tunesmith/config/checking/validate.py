"""All problems of a composed config at once, each with its place, its rule, the value received and the next step."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError
from pydantic import ValidationError

from tunesmith.config.checking import targets
from tunesmith.config.checking.markers import MARKERS, nodes
from tunesmith.config.checking.other_names import VALUES, equivalent_of
from tunesmith.config.checking.rules import contradictions
from tunesmith.config.data_files import HUB
from tunesmith.config.keys import choices, describe_type, model_at, takes_value
from tunesmith.config.limits import bounded
from tunesmith.config.metrics import METRICS
from tunesmith.config.outline import SOURCE, is_text, leaves
from tunesmith.config.schema import DataSource, RunConfig
from tunesmith.errors import Problem
from tunesmith.suggest import as_yaml, did_you_mean, nearest, nearest_key

FILES = ("data.path", "data.path.train", "model.path", "model.tokenizer")
INSTEAD_OF_A_NODE = ("literal_error", "string_type", "list_type")
"""Pydantic's errors for a mapping where a word, a text or a list is allowed too."""
Elsewhere = Callable[[str], str | None]
"""Maps an unknown dotted key to a hint about the option that has it, e.g. `method=lora has it`."""


def validate(config: DictConfig, *, elsewhere: Elsewhere = lambda key: None) -> tuple[RunConfig | None, list[Problem]]:
    """Validate a composed config.

    Args:
        config: The composed config without Hydra's node.
        elsewhere: Called for unknown keys (see `Elsewhere`).

    Returns:
        The typed config and no problems, or None and the problems.
    """
    plain, problems = resolved(config)
    faulty = {problem.where for problem in problems}
    typed: RunConfig | None = None
    try:
        typed = RunConfig.model_validate(plain)
    except ValidationError as error:
        of_types = [problem for problem in _of_pydantic(error, plain, elsewhere) if not _covered(problem.where, faulty)]
        faulty |= {problem.where for problem in of_types}
        problems += of_types
    for problem in targets.check_classes(plain):
        if not _covered(problem.where, faulty):
            problems.append(_with_elsewhere(problem, elsewhere))
            faulty.add(problem.where)
    problems += _keys_without_target(plain, elsewhere)
    problems += contradictions(plain, faulty)
    return (None if problems else typed), problems


def _covered(where: str, faulty: set[str]) -> bool:
    return any(where == path or where.startswith(f"{path}.") for path in faulty)


def resolved(config: DictConfig) -> tuple[dict[str, Any], list[Problem]]:
    """The config as plain values, without missing ones and broken references, which are returned as problems."""
    problems: list[Problem] = []
    with bounded():
        plain: dict[str, Any] = _plain(config, "", problems)
    return plain, problems


def _plain(node: DictConfig | ListConfig, path: str, problems: list[Problem]) -> Any:
    """Resolve a container key by key, so that one broken reference does not hide the next."""
    is_dict = isinstance(node, DictConfig)
    values: dict[Any, Any] = {}
    keys: list[Any] = list(node.keys() if isinstance(node, DictConfig) else range(len(node)))
    for key in keys:
        where = (f"{path}.{key}" if path else str(key)) if is_dict else f"{path}[{key}]"
        if OmegaConf.is_missing(node, key):
            value = "PATH" if where in FILES else "VALUE"
            problems.append(Problem(where, "is required", None, f"Set it: {where}={value}", "missing"))
            continue
        try:
            value = node[key]
        except Exception as error:  # a resolver may raise anything
            problems.append(_broken(node, key, where, error))
            continue
        values[key] = _plain(value, where, problems) if isinstance(value, DictConfig | ListConfig) else value
    return values if is_dict else list(values.values())


def _broken(node: DictConfig | ListConfig, key: Any, where: str, error: Exception) -> Problem:
    raw = OmegaConf.to_container(node, resolve=False)[key]  # type: ignore[index]
    hint = None
    if isinstance(error, InterpolationKeyError):
        reference = str(raw).partition("${")[2].partition("}")[0]
        hint = did_you_mean(nearest_key(reference, list(leaves())))
        if hint is None and is_text(where):
            escaped = str(raw).replace("${", "\\${")
            hint = "To write this text: " + shlex.quote(f'{where}="{escaped}"')
        return Problem(where, "refers to a key that does not exist", str(raw), hint)
    cause = error.__cause__ or error
    text = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    text = re.sub(r"^\w+ raised while resolving interpolation: ", "", text).strip("\"'")
    return Problem(where, f"refers to something that is not available: {text}", str(raw), hint)


def _of_pydantic(error: ValidationError, plain: Mapping[str, Any], elsewhere: Elsewhere) -> Iterator[Problem]:
    """Pydantic's errors as problems, with one for all alternatives of a union."""
    seen: set[str] = set()
    for item in error.errors(include_url=False):
        kind = item["type"]
        path = _path(item["loc"], plain, keep_last=kind == "missing")
        another = kind in INSTEAD_OF_A_NODE and isinstance(item["input"], Mapping) and model_at(path) is not None
        if path in seen or another:  # a mapping instead of a word has errors of its own
            continue
        seen.add(path)
        received = None if kind == "missing" else as_yaml(item["input"])
        if kind == "missing":
            hint = f"Set it: {path}={'PATH' if path in FILES else 'VALUE'}"
            yield Problem(path, "is required", None, hint, "missing")
        elif kind == "extra_forbidden":
            yield unknown_key(path, plain, received, elsewhere)
        else:
            words = describe_type(path) or item["msg"]
            rule = f"must be {words}" if describe_type(path) else words[0].lower() + words[1:]
            yield Problem(path, rule, received, _hint_of_value(path, item["input"]))


def _hint_of_value(path: str, value: Any) -> str | None:
    """What to write instead of a value that a key does not accept."""
    if SOURCE.match(path):
        return _hint_of_source(path, value)
    if not isinstance(value, str | None):
        return None
    if (path, value) in VALUES:
        return VALUES[path, value]
    number = _number(value or "")
    if number is not None and takes_value(path, number):
        return f"It is a text because of its quotes; without them: {path}={str(value).strip()}"
    if re.fullmatch(r"[\w.-]+", value or "") and (path == METRICS or takes_value(path, [value])):
        return f"A list stands in brackets: {path}=[{value}]"
    close = nearest(value, choices(path)) if value else None
    return did_you_mean(f"{path}={close}" if close else None)


def _hint_of_source(path: str, value: Any) -> str | None:
    """What to do where one of several sources is to have what only `data` can have, or no format of files."""
    source, _, key = path.rpartition(".")
    if key == "path" and isinstance(value, Mapping):
        return f"Name them all ({source}.path=[FILE,FILE]), with a column that says the split: data.split.method=column"
    if key == "format" and isinstance(value, Mapping):
        return f"data.format._target_=... reads every source without a format of its own: leave {path} out"
    if key == "format" and value == HUB:
        return f"Save it with save_to_disk of the package datasets, and read the folder: {path}=arrow"
    close = nearest(value, choices(path)) if isinstance(value, str) else None
    return did_you_mean(f"{path}={close}" if close else None)


def _number(text: str) -> int | float | None:
    """The number that a text represents; None if it is not a number."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _path(location: tuple[int | str, ...], plain: Any, *, keep_last: bool) -> str:
    """The dotted path of an error, without the names of union members that pydantic appends."""
    parts: list[str] = []
    value = plain
    for position, part in enumerate(location):
        known = part in value if isinstance(value, Mapping) else isinstance(value, list) and isinstance(part, int)
        if not known and not (keep_last and position == len(location) - 1):
            continue
        parts.append(str(part))
        value = value[part] if known else None
    return ".".join(parts)


def unknown_key(path: str, plain: Mapping[str, Any], received: str | None, elsewhere: Elsewhere) -> Problem:
    """The problem of a key that its node does not have, with the nearest one that exists."""
    known = list(leaves())
    for where, node in nodes(plain):
        if targets.place_in_config(where) is not None:
            known += [
                f"{where}.{key}" for key in sorted(targets.accepted(where, node)) if f"{where}.{key}" not in known
            ]
    known = [key for key in known if not key.rpartition(".")[2].startswith("_")]
    source = SOURCE.match(path)
    if source is not None:
        known = [f"{source[0]}{key}" for key in DataSource.model_fields]
    if path in ("experiment", "debug"):
        first_line = "Write `# @package _global_` in the first line of the file"
        return Problem(path, "no such key", received, first_line, "unknown")
    hint = equivalent_of(path) or elsewhere(path) or did_you_mean(nearest_key(path, known))
    return Problem(path, "no such key", received, hint, "unknown")


def _with_elsewhere(problem: Problem, elsewhere: Elsewhere) -> Problem:
    """The problem with a better hint if the unknown key is another tool's name, or belongs to another option."""
    if problem.kind != "unknown":
        return problem
    option = elsewhere(problem.where)
    hint = " ".join(part for part in (equivalent_of(problem.where) or problem.hint, option) if part)
    return dataclasses.replace(problem, hint=hint or None)


def _keys_without_target(plain: Mapping[str, Any], elsewhere: Elsewhere) -> Iterator[Problem]:
    """Problems of keys that the schema does not have, in a node that names no class to receive them."""
    for path, node in nodes(plain):
        if targets.place_in_config(path) is not None and "." not in path and node.get("_target_") is None:
            allowed = targets.accepted(path, node)
            for key in node:
                if key not in allowed and key not in MARKERS:
                    yield unknown_key(f"{path}.{key}", plain, as_yaml(node[key]), elsewhere)
