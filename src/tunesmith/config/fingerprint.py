"""The identity of a run: a hash over every value that can change its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tunesmith.config.changes import relevant

LEFT_OUT_BEFORE = ("run", "logger", "schema_version")
"""Root keys that were left out of the identity before each key of the schema said whether it matters."""


def fingerprint(config: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a plain config, less what cannot change the result (`config/changes.py`).

    Args:
        config: The config as saved: references such as `${package_file:...}` are hashed as written, so that the
            identity does not depend on where a package happens to be installed.
    """
    return _sha256(relevant(config))


def identifies(recorded: str, config: Mapping[str, Any]) -> bool:
    """Whether a recorded fingerprint is that of a config, as it is taken now or as it was taken once."""
    once = {key: value for key, value in config.items() if key not in LEFT_OUT_BEFORE}
    return recorded in (fingerprint(config), _sha256(once))


def _sha256(values: Mapping[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
