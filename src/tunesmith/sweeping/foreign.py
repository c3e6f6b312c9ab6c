"""Code of the user's own inside a sweep: whatever it does wrong ends the sweep by its name, without a traceback."""

from __future__ import annotations

from typing import Any

from tunesmith.errors import ConfigError, Problem, TunesmithError


def call(where: str, plugin: object, method: str, *arguments: Any) -> Any:
    """What a method of a user's object answers.

    Args:
        where: The key of the config that names its class.
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
    """The error of an object that breaks its protocol.

    Args:
        where: The key of the config that names its class.
        plugin: The object.
        rule: What it did, beginning with the method's name.
        hint: What its author can do.
    """
    kind = type(plugin)
    return ConfigError([Problem(where, f"{kind.__module__}.{kind.__qualname__}.{rule}", None, hint)], late=True)
