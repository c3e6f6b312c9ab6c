"""The identity of a run: a hash of every value that can change its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tunesmith.config.changes import relevant

LEFT_OUT_BEFORE = ("run", "logger", "schema_version")
"""Root keys excluded from the identity before the schema's fields were marked one by one."""


def fingerprint(config: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a plain config without what cannot change the result (`config/changes.py`).

    Args:
        config: The config as saved: references such as `${package_file:...}` are hashed as written, so that the
            identity does not depend on where a package is installed.
    """
    return _sha256(relevant(config))


def identifies(recorded: str, config: Mapping[str, Any]) -> bool:
    """Whether a recorded fingerprint is that of a config, computed the current or the former way."""
    former = {key: value for key, value in config.items() if key not in LEFT_OUT_BEFORE}
    return recorded in (fingerprint(config), _sha256(former))


def _sha256(values: Mapping[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
