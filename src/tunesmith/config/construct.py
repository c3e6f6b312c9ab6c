"""From a node that names a class in `_target_` to the object: the one place where classes of a config are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.targets import check_classes
from tunesmith.config.schema import TargetNode, Task
from tunesmith.errors import ConfigError, Problem


def construct(where: str, target: str, keywords: Mapping[str, Any], *positional: Any) -> Any:
    """The object that a class makes of keyword arguments.

    Args:
        where: Dotted path of the node, for messages.
        target: Dotted path of the class; the config that names it has been validated.
        keywords: Its arguments; mappings with a `_target_` of their own become objects too.
        positional: Arguments before those, which no config names.

    Raises:
        ConfigError: The class refuses its arguments.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate({"_target_": target}, *positional, **keywords, _convert_="all")
    except InstantiationException as error:
        raise refusal(where, target, error.__cause__ or error) from error


def construct_node(where: str, node: TargetNode | Task, *positional: Any) -> Any:
    """The object of a node that comes from a config which nothing may have judged here, such as a saved run's.

    Args:
        where: Dotted path of the node.
        node: It names the class, with its keyword arguments.
        positional: Arguments that the run passes itself.

    Raises:
        ConfigError: The class may not stand there, comes from a module that is not trusted here, or refuses its
            arguments.
    """
    plain: dict[str, Any] = node.model_dump(by_alias=True)
    for key in reversed(where.split(".")):
        plain = {key: plain}
    problems = check_classes(plain)
    if problems:
        raise ConfigError(problems)
    assert node.target is not None
    return construct(where, node.target, node.kwargs(), *positional)


def refusal(where: str, target: str, error: BaseException) -> ConfigError:
    """The error of a class that does not take its arguments."""
    message = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    hint = "optimizer=adamw trains weights of any form" if where == "optimizer" and "Muon" in target else None
    return ConfigError([Problem(where, f"{target} refuses these values: {message}", None, hint)], late=True)
