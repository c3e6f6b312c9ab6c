"""Limits on the size of a config: a few bytes of YAML can expand to more values than fit into memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from omegaconf import Container, Node

from tunesmith.config.omegaconf_inside import around_references, content_of
from tunesmith.errors import ConfigError, Problem

MAX_BYTES = 500_000
MAX_VALUES = 10_000
"""Maximum number of values in a file with aliases expanded (without aliases, `MAX_BYTES` suffices), or in all mappings
and lists that references resolve to."""
MAX_LOOKUPS = 2_000
"""Maximum number of references to follow in a config; ours have a few dozen."""
MAX_CHARACTERS = 1_000_000
"""Maximum number of characters in all texts that references resolve to."""
RULE = f"needs more than {MAX_LOOKUPS:,} references, or they resolve to too many values"


class TooLargeError(ValueError):
    """A file that is, or expands to, more than a config may contain."""


def read_yaml(file: Path) -> str:
    """The text of a YAML file that is safe to build objects from.

    Raises:
        TooLargeError: It is too long, or its aliases expand to too many values.
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    if file.stat().st_size > MAX_BYTES:
        raise TooLargeError(f"a config may have at most {MAX_BYTES:,} bytes")
    text = file.read_text(encoding="utf-8")
    check_aliases(text)
    return text


def parse_yaml(text: str) -> Any:
    """The plain values in a YAML text.

    Raises:
        TooLargeError: Its aliases expand to too many values.
        yaml.YAMLError: It is not valid YAML.
    """
    check_aliases(text)
    return yaml.safe_load(text)


def check_aliases(text: str) -> None:
    """Refuse YAML whose aliases expand to too many values; invalid YAML is left to the caller that loads it.

    Raises:
        TooLargeError: They do.
    """
    if "&" not in text or "*" not in text:
        return
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        count = _count(root, {}) if root is not None else 0
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    if count > MAX_VALUES:
        raise TooLargeError(f"its aliases (*) expand to more than {MAX_VALUES:,} values")


def _count(node: yaml.Node, counted: dict[int, float]) -> float:
    """Number of values in a node, counting an alias each time it is used; infinite if it contains itself."""
    if id(node) not in counted:
        counted[id(node)] = math.inf
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        counted[id(node)] = 1 + sum(_count(child, counted) for child in children)
    return counted[id(node)]


@contextmanager
def bounded() -> Iterator[None]:
    """Limit the references that OmegaConf follows: `a: ${b}${b}`, `b: ${c}${c}` and so on doubles with each line.

    Raises:
        ConfigError: The block exceeded the limits, whether or not it raised an error.
    """
    spent = _Spent()
    try:
        with around_references(spent.counting):
            yield
    finally:
        if spent.where is not None:
            raise ConfigError([Problem(spent.where, RULE, None, "Write out the value, or use fewer references")])


class _Spent:
    """Counts the references followed so far, and what they resolved to."""

    def __init__(self) -> None:
        self.lookups = self.values = self.characters = 0
        self.where: str | None = None
        """The key at which a limit was exceeded; None so far."""

    @property
    def over(self) -> bool:
        """Whether a limit is exceeded."""
        spent = ((self.lookups, MAX_LOOKUPS), (self.values, MAX_VALUES), (self.characters, MAX_CHARACTERS))
        return any(count > limit for count, limit in spent)

    def counting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, wrapped to fail once a limit is exceeded."""

        def counted(container: Container, /, *args: Any, **kwargs: Any) -> Any:
            self.lookups += 1
            if self.over:
                self.where = self.where or str(kwargs.get("inter_key", "config"))
                raise TooLargeError(RULE)
            value = method(container, *args, **kwargs)
            self.add(value)
            return value

        return counted

    def add(self, value: Any) -> None:
        """Count what a reference resolved to, including nested values; stops once a limit is exceeded."""
        left = [value]
        while left and not self.over:
            item = left.pop()
            content = content_of(item) if isinstance(item, Node) else item
            if isinstance(content, str):
                self.characters += len(content)
            elif isinstance(content, dict | list):
                self.values += len(content)
                left += content.values() if isinstance(content, dict) else content
