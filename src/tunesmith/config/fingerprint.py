"""The identity of a run: a hash over every value that can change its result."""

from __future__ import annotations

import hashlib
import json
from typing import Any

HARMLESS = ("run", "logger", "schema_version")
"""Root keys that name or observe a run without changing its result."""


def fingerprint(config: dict[str, Any]) -> str:
    """SHA-256 (hex) of a plain config, less the keys that only name or observe the run.

    Args:
        config: The config as saved: references such as `${package_file:...}` are hashed as written, so that the
            identity does not depend on where a package happens to be installed.
    """
    relevant = {key: value for key, value in config.items() if key not in HARMLESS}
    canonical = json.dumps(relevant, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
