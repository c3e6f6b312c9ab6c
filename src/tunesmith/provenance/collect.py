"""Collects everything that a run's result depends on, for `provenance.json` and `reproduce`."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from tunesmith.config.composing.compose import Composed
from tunesmith.config.data_files import HUB
from tunesmith.config.fingerprint import fingerprint
from tunesmith.config.folders import expand
from tunesmith.data.rows import Rows
from tunesmith.data.splits import data_fingerprint as data_fingerprint
from tunesmith.models.source import resolved_revision
from tunesmith.models.weights import weights_sha256
from tunesmith.provenance.surroundings import provenance
from tunesmith.redaction import redact_config, redact_values


def origin(
    run: Composed,
    splits: Mapping[str, Rows] | None,
    network: Any | None,
    tokenizer: PreTrainedTokenizerFast | None,
) -> dict[str, Any]:
    """Collect everything that a result depends on, in its current state.

    Args:
        run: The config, with every `auto` value decided.
        splits: The rows of each split; None if they cannot be read.
        network: The network before its first step, including adapters; None if it cannot be loaded.
        tokenizer: Its tokenizer; None if it cannot be loaded.
    """
    record = provenance(
        argv=sys.argv,
        overrides=run.overrides,
        choices={group: option for group, option in (run.choices or {}).items() if option and "hydra" not in group},
        seed=run.config.seed,
        threads=int(run.config.trainer.threads),
        precision=run.config.trainer.precision,
    )
    record["config_fingerprint"] = fingerprint(redact_config(run.saved))
    record["data"] = None if splits is None else data_identity(splits)
    if splits is not None and run.config.data.format == HUB:
        record["data"] |= {"path": run.config.data.path, "revision": run.config.data.revision}
    record["model"] = {"path": run.config.model.path}
    if network is not None:
        record["model"] |= {
            "revision": resolved_revision(run.config.model),
            "initial_weights_sha256": weights_sha256(network),
        }
        if hasattr(network, "head_start"):
            record["model"]["head"] = network.head_start.record()
    if tokenizer is not None:
        record["model"]["tokenizer_sha256"] = tokenizer_sha256(tokenizer)
    record["trusted"] = list(run.trust)
    record["trusted_sha256"] = {_named(name): sources_sha256(name) for name in run.trust}
    return redact_values(record)  # a folder's name may contain a secret


def _named(trusted: str) -> str:
    """Name a trusted folder by its last part, wherever it is and however it was given."""
    return expand(trusted).resolve().name if expand(trusted).is_dir() else trusted


def data_identity(splits: Mapping[str, Rows]) -> dict[str, Any]:
    """Return the fingerprint of the data as a whole, and of each split."""
    return {
        "fingerprint": data_fingerprint(dict(splits)),
        "splits": {name: {"rows": len(rows), "sha256": rows.sha256()} for name, rows in splits.items()},
    }


def tokenizer_sha256(tokenizer: PreTrainedTokenizerFast) -> str:
    """Hash (hex) of a tokenizer's definition, without the truncation and padding left by its last call."""
    definition = json.loads(tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def sources_sha256(trusted: str) -> str | None:
    """Hash (hex) of the Python files of a module, package or model's folder; None if there are none here."""
    spec = PathFinder.find_spec(trusted) if trusted.isidentifier() else None
    folders = [Path(folder) for folder in spec.submodule_search_locations or []] if spec else [Path(trusted)]
    files = [file for folder in folders for file in sorted(expand(folder).rglob("*.py"))]
    if spec is not None and spec.origin is not None and not files:
        files = [Path(spec.origin)]
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()
