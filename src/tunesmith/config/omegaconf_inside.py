"""All uses of OmegaConf's private parts, as of OmegaConf 2.3.1; `tests/test_foreign_privates.py` lists each.

OmegaConf's public access to a value follows its references: a broken one raises an error, and a circular one never
ends. We validate a config, and count its references, before any of them may be followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import Container, DictConfig, Node

Method = Callable[..., Any]


def content_of(node: Node) -> Any:
    """A node's raw content: a value, a dict or list of nodes, or a text that may be `???` or a reference."""
    return node._value()


def child_of(config: DictConfig, key: str) -> Any:
    """The node at a key, without following references; None if there is none. The public way returns its value."""
    return config._get_node(key)


@contextmanager
def around_references(wrapped: Callable[[Method], Method]) -> Iterator[None]:
    """Wrap the methods that follow a reference or call a resolver; OmegaConf has no hook for this.

    Args:
        wrapped: Returns the method to call instead, which receives the container, and `inter_key` or similar.
    """
    follow, call = Container._resolve_node_interpolation, Container._evaluate_custom_resolver
    _put(wrapped(follow), wrapped(call))
    try:
        yield
    finally:
        _put(follow, call)


def _put(follow: Method, call: Method) -> None:
    Container._resolve_node_interpolation = follow  # type: ignore[method-assign]
    Container._evaluate_custom_resolver = call  # type: ignore[method-assign]
