"""Values that cannot be masked where they are written: names of folders, of labels and metrics, a model's own files."""

from __future__ import annotations

from typing import Final

from tunesmith.config.methods import is_partial
from tunesmith.config.schema import RunConfig
from tunesmith.errors import ConfigError, Problem
from tunesmith.redaction import redact_values

FOLDERS: Final = ("run.root", "run.dir", "data.cache_dir", "model.cache_dir")
WRITTEN: Final = ("data.label_names", "task.class_weights", "evaluation.metrics", "model.config", "model.head.words")


def refuse_secrets(config: RunConfig) -> None:
    """Refuse a secret, by its shape or as the environment has it, where it would be seen whatever is masked.

    Raises:
        ConfigError: Some keys hold one.
    """
    plain = config.model_dump(by_alias=True)
    rules = dict.fromkeys(FOLDERS, "names of folders are seen by everybody")
    rules |= dict.fromkeys(WRITTEN, "it is written into the results and the model")
    if not is_partial(config.method.target) and config.method.target is not None:
        rules["model.path"] = "an adapter's own files name the model that it belongs to"
    problems = []
    for key, reason in rules.items():
        value = plain
        for part in key.split("."):
            value = value[part]
        if redact_values(value) != value:
            problems.append(Problem(key, f"looks like it holds a secret, and {reason}", None, "Take another name"))
    if problems:
        raise ConfigError(problems)
