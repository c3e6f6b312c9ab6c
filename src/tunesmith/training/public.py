"""Refuse secrets in values that cannot be masked: names of folders, labels and metrics, and a model's own files."""

from __future__ import annotations

from typing import Final

from tunesmith.config.methods import is_partial
from tunesmith.config.schema import RunConfig
from tunesmith.errors import ConfigError, Problem
from tunesmith.redaction import redact_values

FOLDERS: Final = ("run.root", "run.dir", "data.cache_dir", "model.cache_dir")
WRITTEN: Final = (
    *("data.label_names", "task.class_weights", "evaluation.metrics"),
    *("evaluation.sets", "evaluation.slices"),
    *("model.config", "model.head.words"),
)


def refuse_secrets(config: RunConfig) -> None:
    """Refuse a secret, recognised by its form or from the environment, in a value that is visible despite masking.

    Raises:
        ConfigError: Some keys hold one.
    """
    plain = config.model_dump(by_alias=True)
    rules = dict.fromkeys(FOLDERS, "folder names are visible to everyone")
    rules |= dict.fromkeys(WRITTEN, "it is written into the results and the model")
    if not is_partial(config.method.target) and config.method.target is not None:
        rules["model.path"] = "an adapter's own files name the model that it belongs to"
    problems = []
    for key, reason in rules.items():
        value = plain
        for part in key.split("."):
            value = value[part]
        if redact_values(value) != value:
            problems.append(Problem(key, f"looks like it contains a secret, and {reason}", None, "Choose another name"))
    if problems:
        raise ConfigError(problems)
