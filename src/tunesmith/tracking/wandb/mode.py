"""Decide whether a run uses a W&B server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

_log = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled"]

_SPELLINGS: dict[str, Mode] = {
    "online": "online",
    "run": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}


def choose_mode(mode: str, environ: Mapping[str, str]) -> Mode:
    """Decide the mode: WANDB_MODE if set, else the configuration; online only with a key.

    Nothing ever prompts for a login: without a key the result is `offline`.

    Args:
        mode: The value of `logger.mode`: `auto`, `online` or `offline`.
        environ: The environment.
    """
    chosen = _from_environment(environ) or mode
    if chosen in ("offline", "disabled"):
        return _SPELLINGS[chosen]
    if has_credentials(environ):
        return "online"
    if chosen == "online":
        _log.warning("no W&B API key found, this run is tracked offline; set WANDB_API_KEY or run `wandb login`")
    return "offline"


def wants_online(mode: str, environ: Mapping[str, str]) -> bool:
    """Whether a server was requested explicitly: WANDB_MODE=online, or logger.mode=online without a WANDB_MODE."""
    asked = environ.get("WANDB_MODE", "").strip().lower() or mode
    return _SPELLINGS.get(asked) == "online"


def has_credentials(environ: Mapping[str, str]) -> bool:
    """Whether the client would find a key without prompting: in the environment or in the netrc file."""
    if environ.get("WANDB_API_KEY") or environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import wbauth

    host = environ.get("WANDB_BASE_URL") or wandb_setup.singleton().settings.base_url
    return wbauth.read_netrc_auth(host=host) is not None


def _from_environment(environ: Mapping[str, str]) -> str | None:
    value = environ.get("WANDB_MODE", "").strip().lower()
    if not value:
        return None
    if value not in _SPELLINGS:
        _log.warning("WANDB_MODE=%s is not one of %s, this run is tracked offline", value, ", ".join(_SPELLINGS))
        return "offline"
    return _SPELLINGS[value]
