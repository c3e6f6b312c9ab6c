"""The overrides of a command line, checked one by one so that every problem is reported, not just the first.

Hydra's grammar is unchanged, with one exception: if the value of a text key (a path, a name) cannot be parsed, it is
taken as typed, so that `data.path=~/a(1).csv` works.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString, ValueType
from hydra.errors import HydraException

from tunesmith.config.checking.other_names import HYDRA
from tunesmith.config.composing.files import HYDRA_KEYS, SEVERAL, Repository, option_hint, too_many_options
from tunesmith.config.composing.hydra_inside import literal
from tunesmith.config.composing.mappings import advice, mapping_of, read_mapping_override, takes_text
from tunesmith.config.metrics import METRICS
from tunesmith.config.outline import is_nullable, is_text, leaves, takes_brackets
from tunesmith.errors import ConfigError, Problem
from tunesmith.suggest import did_you_mean, nearest

CALL = re.compile(r"^\s*\w+\(.*\)\s*$", re.DOTALL)
"""A value with the form of a function call in the grammar, e.g. `choice(a,b)` or `int(3)`."""
KEY = re.compile(r"^[+~]*\w[\w./@:-]*$")
SWEEPS = re.compile(r"^\s*(choice|range|interval|glob|shuffle|tag|sort)\(")


@dataclass
class Read:
    """Overrides sorted by what they do."""

    groups: list[str] = field(default_factory=list)
    """Choices of an option, and the few keys of Hydra that may be set: they affect the composition."""
    values: list[Override] = field(default_factory=list)
    """Values of keys, applied to the composed config in this order."""
    problems: list[Problem] = field(default_factory=list)


def read(overrides: Sequence[str], repository: Repository) -> Read:
    """Parse and check the overrides of one run."""
    result = Read()
    parser = OverridesParser.create()
    groups = repository.groups()
    for text in overrides:
        override = parse(text, parser)
        problem = override if isinstance(override, Problem) else _fault(override, text, groups, repository)
        if problem is not None:
            result.problems.append(problem)
            continue
        assert isinstance(override, Override)
        if override.is_hydra_override():
            result.groups.append(override.input_line or text)
        elif _is_choice(override, groups):
            result.groups.append(_choice_text(override, repository))
        else:
            result.values.append(override)
    return result


def parse(text: str, parser: OverridesParser, *, sweep: bool = False) -> Override | Problem:
    """Parse one override; the value of a text key is quoted if the grammar would read it differently.

    Args:
        text: As typed, e.g. `optimizer.lr=1e-4`.
        parser: Hydra's parser.
        sweep: Whether commas separate the values of a sweep instead of being text.
    """
    key, equals, value = text.partition("=")
    is_sweep = sweep and ("," in value or SWEEPS.match(value))
    if equals and mapping_of(key) is not None and not (is_sweep and value[:1] not in "{'\""):
        entries = read_mapping_override(key, value, parser)
        if entries is not None:
            return entries
    bracketed = value.strip()[:1] + value.strip()[-1:] in ("[]", "{}") and takes_brackets(key.lstrip("+"))
    if equals and not bracketed and (is_text(key.lstrip("+")) or takes_text(key)) and not is_sweep:
        if value.strip() == "None" and not takes_text(key):
            return _none(key)
        text = _as_text(key, value, parser)
    try:
        return _parse(parser, text)
    except HydraException as error:
        return _unparsable(text, parser, error)
    except RecursionError:
        return Problem(f"{text[:40]}...", "cannot be parsed", None, "It is nested too deeply")


def _none(key: str) -> Problem:
    """The problem of Python's None, which would be taken as a text."""
    word = shlex.quote(f'{key}="None"')
    hint = f"Write {key}=null, or {word} for the text" if is_nullable(key.lstrip("+")) else f"Write {word} for the text"
    return Problem(key, "None is null in Python, but a text here", "None", hint)


def _parse(parser: OverridesParser, text: str) -> Override:
    override: Override = parser.parse_overrides([text])[0]
    return override


def quoted_override(key: str, value: str) -> str:
    """The override with its value in quotes, as Hydra's grammar requires."""
    return f"{key}={QuotedString(text=value, quote=Quote.single).with_quotes()}"


def _as_text(key: str, value: str, parser: OverridesParser) -> str:
    """The override with its value quoted, unless it means something in the grammar: null, quotes, `${...}`, a call."""
    try:
        parsed = _parse(parser, f"{key}={value}")
    except HydraException:
        return quoted_override(key, value)
    read = literal(parsed)
    meant = read is None or isinstance(read, QuotedString) or "${" in value or "\\" in value or read == "???"
    call = CALL.match(value) and parsed.value_type != ValueType.SIMPLE_CHOICE_SWEEP
    return parsed.input_line or "" if meant or call else quoted_override(key, value)


def _unparsable(text: str, parser: OverridesParser, error: HydraException) -> Problem:
    key, equals, value = text.partition("=")
    if not equals:
        return Problem(text, "is neither an override nor a flag", None, "Overrides have the form key=value")
    if not KEY.match(key):
        return Problem(text, "is not a valid key", key, "Keys consist of letters, digits, _ and dots")
    if SWEEPS.match(value) and not is_text(key.lstrip("+~")):
        inner = value.strip().removeprefix("choice(").removesuffix(")")
        if re.search(r"\bnull\b", inner) and _works(f"{key}={inner}", parser):
            alone = f"Write only the values: {shlex.quote(f'{key}={inner}')}"
            return Problem(text, "cannot be parsed: choice(...) does not accept null", None, alone)
        message = str(error.__cause__ or error).splitlines()[0].rpartition("': ")[2]
        return Problem(
            text, f"cannot be parsed: {message}", None, "E.g. choice(16, 32), range(1, 5) or interval(0.0, 0.3)"
        )
    path = mapping_of(key)
    if path is not None:
        return Problem(text, "cannot be parsed", None, advice(path))
    works = _works(quoted_override(key, value), parser)
    hint = f"Quote the value: {shlex.quote(works)}" if works else str(error).splitlines()[0]
    return Problem(text, "cannot be parsed", None, hint)


def _works(text: str, parser: OverridesParser) -> str | None:
    """The text itself if it can be parsed, else None."""
    try:
        _parse(parser, text)
    except HydraException:
        return None
    return text


def _is_choice(override: Override, groups: Sequence[str]) -> bool:
    return override.key_or_group in groups and not isinstance(override.value(), dict)


def _choice_text(override: Override, repository: Repository) -> str:
    """A choice in Hydra's form: plain, with `+` for a group of the user's own, or with `~` for no option."""
    if override.is_delete() or override.value() is None:
        return f"~{override.key_or_group}"
    bare = (override.input_line or "").lstrip("+")
    return bare if repository.is_chosen(override.key_or_group) else f"+{bare}"


def _fault(override: Override, text: str, groups: list[str], repository: Repository) -> Problem | None:
    if override.is_sweep_override():
        return _sweep(override, text)
    if override.is_hydra_override():
        return _hydra(override, text, repository)
    if _is_choice(override, groups) and override.package is None:
        return _choice(override, text, repository)
    if override.package is not None or "/" in override.key_or_group:
        close = nearest(override.key_or_group, groups)
        return Problem(text, "no such config group", override.get_key_element(), did_you_mean(close))
    return _mistyped_group(override, text, groups)


def _mistyped_group(override: Override, text: str, groups: list[str]) -> Problem | None:
    """The problem of a key without dots that is unknown and resembles a group; None for others."""
    key = override.key_or_group
    roots = [leaf for leaf in leaves() if "." not in leaf]
    close = None if "." in key or key in roots else nearest(key, [*roots, *groups])
    if close not in groups:
        return None
    return Problem(text, "no such config group or key", key, did_you_mean(f"{close}={override.value()}"))


def _sweep(override: Override, text: str) -> Problem:
    key, _, value = text.partition("=")
    if override.value_type != ValueType.SIMPLE_CHOICE_SWEEP:
        return Problem(text, "is a sweep, but this command starts one run", None, "Add -m to start one run per value")
    hint = (
        f"Add -m to start one run per value, write {shlex.quote(f'{key}=[{value}]')} for a list, "
        f"or {shlex.quote(quoted_override(key, value))} for one text"
    )
    return Problem(text, "has several values, but this command starts one run", None, hint)


def _hydra(override: Override, text: str, repository: Repository) -> Problem | None:
    key = override.key_or_group
    if key == "hydra/sweeper":
        return _choice(override, text, repository)
    if not override.is_delete() and any(
        key == f"hydra.{name}" or key.startswith(f"hydra.{name}.") for name in HYDRA_KEYS
    ):
        return None
    allowed = ", ".join([*(f"hydra.{name}" for name in HYDRA_KEYS), "hydra/sweeper"])
    hint = f"Use {HYDRA[key]}" if key in HYDRA else f"Only {allowed} may be set"
    return Problem(text, "a config may not change how Hydra runs", None, hint)


def _choice(override: Override, text: str, repository: Repository) -> Problem | None:
    group, value = override.key_or_group, override.value()
    if override.is_delete():
        return None
    options = repository.options(group)
    if (value == [] or (value is None and group not in SEVERAL)) and "none" in options:
        return Problem(text, f"{group} takes one option", _shown(value), f"For none: {group}=none")
    for option in value if isinstance(value, list) else [value]:
        if option is not None and str(option) not in options:
            return Problem(text, f"{group} has no such option", str(option), option_hint(group, str(option), options))
    problem = too_many_options(group, value)
    if problem is not None:
        rule, hint = problem
        return Problem(text, rule, _shown(value), hint)
    return None


def _shown(value: object) -> str:
    return "null" if value is None else f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def in_hydra_form(override: Override, groups: Sequence[str], repository: Repository) -> str:
    """The override in Hydra's own form, with new keys allowed: we validate them ourselves."""
    text = override.input_line or ""
    if override.is_delete() or override.is_hydra_override():
        return text
    bare = text.lstrip("+")
    return _choice_text(override, repository) if _is_choice(override, groups) else f"++{bare}"


def common(overrides: Sequence[str]) -> list[str]:
    """The overrides of a sweep that have a single value.

    Raises:
        ConfigError: Some cannot be parsed.
    """
    parser = OverridesParser.create()
    parsed = [(text, parse(text, parser, sweep=True)) for text in overrides]
    problems = [item for _, item in parsed if isinstance(item, Problem)]
    if problems:
        raise ConfigError(problems)
    return [text for text, item in parsed if isinstance(item, Override) and not item.is_sweep_override()]


def read_sweep(overrides: Sequence[str], repository: Repository) -> list[str]:
    """The overrides of a sweep in Hydra's own form, with swept values unchanged.

    Raises:
        ConfigError: Some cannot be parsed.
    """
    parser = OverridesParser.create()
    parsed = [parse(text, parser, sweep=True) for text in overrides]
    problems = [item for item in parsed if isinstance(item, Problem)]
    if problems:
        raise ConfigError(problems)
    groups = repository.groups()
    read = [item for item in parsed if isinstance(item, Override)]
    return [text for item in read for text in (*_replacing(item), in_hydra_form(item, groups, repository))]


def _replacing(override: Override) -> list[str]:
    """The removal that Hydra needs before a list takes the place of a mapping of metrics."""
    simple = override.key_or_group == METRICS and not override.is_delete() and not override.is_sweep_override()
    return [f"~{METRICS}"] if simple and isinstance(override.value(), list) else []
