"""Creates objects from nodes with a `_target_`: the only place where classes named in a config are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.targets import check_classes
from tunesmith.config.schema import TargetNode, Task
from tunesmith.errors import ConfigError, Problem


def construct(where: str, target: str, keywords: Mapping[str, Any], *positional: Any) -> Any:
    """Create an object from a class and its keyword arguments.

    Args:
        where: Dotted path of the node, for messages.
        target: Dotted path of the class, from a validated config.
        keywords: Its arguments; mappings that have a `_target_` become objects too.
        positional: Positional arguments, which do not come from a config.

    Raises:
        ConfigError: The class refuses its arguments.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate({"_target_": target}, *positional, **keywords, _convert_="all")
    except InstantiationException as error:
        raise refused_arguments(where, target, error.__cause__ or error) from error


def construct_node(where: str, node: TargetNode | Task, *positional: Any) -> Any:
    """Create the object of a node in a config that may not have been validated here, such as that of a saved run.

    Args:
        where: Dotted path of the node.
        node: Names the class and its keyword arguments.
        positional: Positional arguments, which the run passes.

    Raises:
        ConfigError: The class is not allowed there, its module is not trusted, or it refuses its arguments.
    """
    plain: dict[str, Any] = node.model_dump(by_alias=True)
    for key in reversed(where.split(".")):
        plain = {key: plain}
    problems = check_classes(plain)
    if problems:
        raise ConfigError(problems)
    assert node.target is not None
    return construct(where, node.target, node.kwargs(), *positional)


def refused_arguments(where: str, target: str, error: BaseException) -> ConfigError:
    """The error for a class that refuses its arguments."""
    message = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    hint = "optimizer=adamw trains weights of any shape" if where == "optimizer" and "Muon" in target else None
    return ConfigError([Problem(where, f"{target} refuses these values: {message}", None, hint)], late=True)
