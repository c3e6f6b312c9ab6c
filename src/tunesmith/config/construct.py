"""From a node that names a class in `_target_` to the object: the one place where classes of a config are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.errors import ConfigError, Problem


def construct(where: str, target: str, keywords: Mapping[str, Any]) -> Any:
    """The object that a class makes of keyword arguments.

    Args:
        where: Dotted path of the node, for messages.
        target: Dotted path of the class; the config that names it has been validated.
        keywords: Its arguments; mappings with a `_target_` of their own become objects too.

    Raises:
        ConfigError: The class refuses its arguments.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate({"_target_": target}, **keywords, _convert_="all")
    except InstantiationException as error:
        raise refusal(where, target, error.__cause__ or error) from error


def refusal(where: str, target: str, error: BaseException) -> ConfigError:
    """The error of a class that does not take its arguments."""
    message = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    hint = "optimizer=adamw trains weights of any form" if where == "optimizer" and "Muon" in target else None
    return ConfigError([Problem(where, f"{target} refuses these values: {message}", None, hint)], late=True)
