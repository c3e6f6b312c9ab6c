"""Every inner part of OmegaConf that is used here, as of OmegaConf 2.3.1; `tests/test_foreign_privates.py` names each.

OmegaConf's public ways to a value follow its references: one that leads nowhere raises, and one that leads to itself
never ends. A config is judged, and its references are counted, before any of them may be followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import Container, DictConfig, Node

Method = Callable[..., Any]


def content_of(node: Node) -> Any:
    """What a node holds: a value, a dict or list of nodes, or as text `???` or a reference; `select` follows it."""
    return node._value()


def child_of(config: DictConfig, key: str) -> Any:
    """The node under a key, no reference followed; None if there is none. Publicly only its value can be had."""
    return config._get_node(key)


@contextmanager
def around_references(wrapped: Callable[[Method], Method]) -> Iterator[None]:
    """Let a wrapper stand around the methods that follow a reference or call a resolver; there is no hook for it.

    Args:
        wrapped: Makes the method that is called instead: it is given the container, and `inter_key` or the like.
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
