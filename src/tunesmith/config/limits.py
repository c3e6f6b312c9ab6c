"""How large a config may become: a few bytes of YAML can stand for more values than there is memory for."""

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
"""Values of a file whose aliases are written out (one without aliases holds no more than its bytes), or of all mappings
and lists that references lead to."""
MAX_LOOKUPS = 2_000
"""References that are followed to resolve a config; ours have a few dozen."""
MAX_CHARACTERS = 1_000_000
"""Characters of all texts that references lead to."""


RULE = f"more than {MAX_LOOKUPS:,} references have to be followed, or they lead to too much"


class TooLargeError(ValueError):
    """A file that stands for more than a config may hold."""


def read_yaml(file: Path) -> str:
    """The text of a YAML file that is safe to build objects from.

    Raises:
        TooLargeError: It is too long, or its aliases stand for too much.
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    if file.stat().st_size > MAX_BYTES:
        raise TooLargeError(f"more than {MAX_BYTES:,} bytes are no config")
    text = file.read_text(encoding="utf-8")
    check_aliases(text)
    return text


def parse_yaml(text: str) -> Any:
    """The plain values of YAML.

    Raises:
        TooLargeError: Its aliases stand for too much.
        yaml.YAMLError: It is none.
    """
    check_aliases(text)
    return yaml.safe_load(text)


def check_aliases(text: str) -> None:
    """Refuse YAML whose aliases stand for too many values; faulty YAML is left to whoever loads it.

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
        raise TooLargeError(f"its aliases (*) stand for more than {MAX_VALUES:,} values")


def _count(node: yaml.Node, counted: dict[int, float]) -> float:
    """Values below a node, an alias counted as often as it stands; infinite where it holds itself."""
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
    """Let OmegaConf follow only so many references: `a: ${b}${b}`, `b: ${c}${c}` and so on doubles with each line.

    Raises:
        ConfigError: The block followed more, whatever became of it.
    """
    spent = _Spent()
    try:
        with around_references(spent.counting):
            yield
    finally:
        if spent.where is not None:
            raise ConfigError([Problem(spent.where, RULE, None, "Write the value out, or refer to less")])


class _Spent:
    """What the references followed so far have cost."""

    def __init__(self) -> None:
        self.lookups = self.values = self.characters = 0
        self.where: str | None = None
        """The key referred to when there were too many."""

    @property
    def over(self) -> bool:
        """Whether it is too much."""
        spent = ((self.lookups, MAX_LOOKUPS), (self.values, MAX_VALUES), (self.characters, MAX_CHARACTERS))
        return any(count > limit for count, limit in spent)

    def counting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, which fails once too much is spent."""

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
        """Count what a reference led to, all that it holds included; stops where there is too much."""
        left = [value]
        while left and not self.over:
            item = left.pop()
            content = content_of(item) if isinstance(item, Node) else item
            if isinstance(content, str):
                self.characters += len(content)
            elif isinstance(content, dict | list):
                self.values += len(content)
                left += content.values() if isinstance(content, dict) else content
