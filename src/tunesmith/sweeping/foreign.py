"""Call users' plug-ins inside a sweep: an error in one ends the sweep with its class named, without a traceback."""

from __future__ import annotations

from typing import Any

from tunesmith.errors import ConfigError, Problem, TunesmithError


def call(where: str, plugin: object, method: str, *arguments: Any) -> Any:
    """Call a method of a user's object.

    Args:
        where: The config key that names its class.
        plugin: The object.
        method: The method's name.
        arguments: Its arguments.

    Raises:
        ConfigError: It raised an error.
    """
    try:
        return getattr(plugin, method)(*arguments)
    except TunesmithError:
        raise
    except Exception as error:
        raise broken(where, plugin, f"{method}() raised {type(error).__name__}: {error}") from error


def broken(where: str, plugin: object, rule: str, hint: str | None = None) -> ConfigError:
    """Build the error for an object that breaks its protocol.

    Args:
        where: The config key that names its class.
        plugin: The object.
        rule: What it did, starting with the method's name.
        hint: What its author can do.
    """
    kind = type(plugin)
    return ConfigError([Problem(where, f"{kind.__module__}.{kind.__qualname__}.{rule}", None, hint)], late=True)
