"""Mappings from names in the data to values, such as `data.label_names`, in which any text is a valid key.

In Hydra's grammar, keys cannot be quoted or have letters beyond ASCII, and 0 is a number, as it is in YAML's `0: x`.
On the command line, such a mapping is read as YAML in one line (which includes JSON), with its keys as typed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from tunesmith.config.composing.hydra_inside import with_value
from tunesmith.config.omegaconf_inside import child_of, content_of
from tunesmith.config.outline import as_in_data, outline
from tunesmith.errors import Problem

SCALARS = {"str", "int", "float", "bool"}


@cache
def mappings() -> dict[str, bool]:
    """The keys that hold such a mapping, and whether its values are all texts."""
    of_texts = {}
    for path, key in outline().items():
        node = ast.parse(key.annotation, mode="eval").body
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "dict" and isinstance(node.slice, ast.Tuple):
            kinds = set(ast.unparse(node.slice.elts[1]).split(" | "))
            if kinds <= SCALARS:
                of_texts[path] = kinds == {"str"}
    return of_texts


def mapping_of(key: str) -> str | None:
    """The mapping that an override's key names, or that contains it; None if there is none."""
    bare = key.lstrip("+")
    shared = as_in_data(bare)
    path = next((path for path in mappings() if shared == path or shared.startswith(f"{path}.")), None)
    return None if path is None else bare[: len(bare) - len(shared) + len(path)]


def read_mapping_override(key: str, value: str, parser: OverridesParser) -> Override | Problem | None:
    """An override of such a mapping; None if Hydra's grammar reads it as intended.

    Args:
        key: The mapping itself, or an entry of it: everything after the dot is the name.
        value: As typed.
        parser: Hydra's parser.
    """
    path = mapping_of(key)
    if path is None or key.startswith("~"):
        return None
    name = key.lstrip("+")[len(path) + 1 :]
    if name:
        return None if _is_plain(name) else _override(key, path, {name: _value(value, path, parser)}, parser)
    text = _unquoted(value, parser)
    entries = _entries(text, path, parser) if text.lstrip().startswith("{") else None
    if entries is None:
        return _with_text_keys(key, value, path, parser)
    return entries if isinstance(entries, Problem) else _override(key, path, entries, parser)


def takes_text(key: str) -> bool:
    """Whether a key is an entry of a mapping to texts, so that every value is text."""
    path = mapping_of(key)
    return path is not None and key.lstrip("+") != path and mappings()[as_in_data(path)]


def advice(path: str) -> str:
    """The form that works for every name, as typed in a shell."""
    return f"'{path}={{\"name\": value}}' works for every name"


def flow(entries: Mapping[str, Any]) -> str:
    """A mapping in one line, with its keys and texts in quotes, as `read_mapping_override` reads it."""
    return "{" + ", ".join(f"{in_quotes(key)}: {_shown(value)}" for key, value in entries.items()) + "}"


def in_quotes(text: str, hidden: Callable[[str], bool] = lambda character: not character.isprintable()) -> str:
    """A text in double quotes, with every hidden character except the space as an escape.

    Args:
        text: Any text.
        hidden: Whether a character is written as an escape.
    """
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(_code(character) if character != " " and hidden(character) else character for character in escaped)


def convert_keys(config: DictConfig) -> Iterator[Problem]:
    """Turn keys of a composed config's mappings into texts if YAML read them as numbers.

    Yields:
        Problems of keys that YAML read as true or false: what was written is no longer known.
    """
    sources = node_at(config, "data.sources")
    names = [str(name) for name in sources] if isinstance(sources, DictConfig) and content_of(sources) else []
    of_sources = [
        f"data.sources.{name}.{path[5:]}" for name in names for path in mappings() if path.startswith("data.")
    ]
    for path in (*mappings(), *of_sources):
        node = node_at(config, path)
        if (
            not isinstance(node, DictConfig)
            or not isinstance(content_of(node), dict)
            or all(isinstance(key, str) for key in node)
        ):
            continue
        raw: dict[Any, Any] = OmegaConf.to_container(node, resolve=False)  # type: ignore[assignment]
        for key in [key for key in raw if not isinstance(key, str)]:
            value = raw.pop(key)
            if isinstance(key, bool):
                word = "a true" if key else "a false"
                hint = 'Put it in quotes: "yes": ..., "no": ..., "True": ...'
                yield Problem(
                    path, f"has {word} as a key: YAML reads yes, no, on, off, true and false that way", None, hint
                )
            else:
                raw.setdefault(str(key), value)
        OmegaConf.update(config, path, raw, merge=False, force_add=True)


def node_at(config: DictConfig, path: str) -> Any:
    """The node at a key as written, without following references; None if there is none."""
    node: Any = config
    for part in path.split("."):
        node = child_of(node, part) if isinstance(node, DictConfig) and isinstance(content_of(node), dict) else None
    return node


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _shown(value: Any) -> str:
    return in_quotes(value) if isinstance(value, str) else json.dumps(value)


def _override(key: str, path: str, entries: dict[str, Any], parser: OverridesParser) -> Override:
    """An override of the whole mapping that Hydra accepts too: as one text, which is read by this file again."""
    plus = key[: len(key) - len(key.lstrip("+"))]
    text = f"{plus}{path}={QuotedString(text=flow(entries), quote=Quote.single).with_quotes()}"
    parsed: Override = parser.parse_overrides([text])[0]
    return with_value(parsed, entries)


def _entries(text: str, path: str, parser: OverridesParser) -> dict[str, Any] | Problem | None:
    """The entries of a mapping in one line; None if it is not valid YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    if not isinstance(node, yaml.MappingNode):
        return None
    entries: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            return None
        if value.style is None and not value.value:
            return None  # {0:x} without a space is one word in YAML, but an entry in Hydra
        if key.value in entries:
            return Problem(path, "has the same key twice", key.value, "Leave one of the two out")
        entries[key.value] = value.value if value.style is not None else _value(value.value, path, parser)
    return entries


def _value(text: str, path: str, parser: OverridesParser) -> Any:
    """A value as typed: a text if the mapping accepts nothing else, or what Hydra's grammar reads."""
    try:
        value = parser.parse_overrides([f"a={text}"])[0].value()
    except HydraException:
        return text
    if value is None or not mappings()[as_in_data(path)]:
        return value if value is None or isinstance(value, str | int | float | bool) else text
    return value if text[:1] in ("'", '"') and isinstance(value, str) else text


def _unquoted(value: str, parser: OverridesParser) -> str:
    """The text inside quotes around a whole value."""
    if value[:1] not in ("'", '"'):
        return value
    try:
        parsed = parser.parse_overrides([f"a={value}"])[0].value()
    except HydraException:
        return value
    return parsed if isinstance(parsed, str) else value


def _with_text_keys(key: str, value: str, path: str, parser: OverridesParser) -> Override | None:
    """What Hydra's grammar reads, with its keys as texts; None if it reads no mapping with other keys."""
    try:
        parsed: Override = parser.parse_overrides([f"{key}={value}"])[0]
    except HydraException:
        return None
    entries = parsed.value()
    if parsed.is_sweep_override() or not isinstance(entries, dict) or all(isinstance(name, str) for name in entries):
        return None
    return _override(key, path, {_word(name): item for name, item in entries.items()}, parser)


def _word(name: Any) -> str:
    return str(name).lower() if isinstance(name, bool) else str(name)


def _is_plain(name: str) -> bool:
    return name.replace("_", "a").isalnum() and name.isascii()
