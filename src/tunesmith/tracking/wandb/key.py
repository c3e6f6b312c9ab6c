"""Check before anything starts whether a W&B server accepts the API key."""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from tunesmith.errors import ConfigError, Problem
from tunesmith.tracking.wandb.mode import choose_mode, wants_online

ANSWER_S = 4.0
"""Longest wait for the answer: a slow server takes 2 s, a dead one never answers."""
QUESTION = {"operationName": "Viewer", "query": "query Viewer { viewer { id } }", "variables": {}}


@dataclass(frozen=True)
class Welcome:
    """A server's response to a key."""

    refusal: str | None = None
    """Why the key cannot be used; None if it was accepted or nothing answered."""
    answer_s: float = 0.0
    """Seconds until the answer."""


def ask(environ: Mapping[str, str]) -> Welcome:
    """Send the key to the server, unless its form is already invalid; an unreachable server rejects nothing."""
    from wandb.sdk import wandb_setup
    from wandb.sdk.lib import wbauth

    host = environ.get("WANDB_BASE_URL") or wandb_setup.singleton().settings.base_url
    key = environ.get("WANDB_API_KEY") or wbauth.read_netrc_auth(host=host)
    if key is None:  # an identity token, which the client exchanges itself
        return Welcome()
    malformed = wbauth.check_api_key(key)
    if malformed is not None:
        return Welcome(malformed.rstrip("."))
    login = base64.b64encode(f"api:{key}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{host}/graphql", json.dumps(QUESTION).encode(), headers)
    start = time.monotonic()
    try:
        urllib.request.urlopen(request, timeout=ANSWER_S).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return Welcome(f"{host} answers {error.code} to it")
    except (OSError, ValueError):
        return Welcome()
    return Welcome(answer_s=time.monotonic() - start)


def refuse_bad_key(mode: str) -> None:
    """Raise before the start if a run must be online and its key is rejected.

    Args:
        mode: The value of `logger.mode`.

    Raises:
        ConfigError: The key is rejected.
    """
    if not wants_online(mode, os.environ) or choose_mode(mode, os.environ) != "online":
        return
    refusal = ask(os.environ).refusal
    if refusal is not None:
        hint = "Set WANDB_API_KEY to a key of your account there, or use logger.mode=offline"
        raise ConfigError([Problem("logger.mode=online", f"the W&B API key is rejected: {refusal}", None, hint)])
