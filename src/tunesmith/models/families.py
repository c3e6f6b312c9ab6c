"""Maps an architecture to its family, and a task to the transformers class that it needs."""

from __future__ import annotations

from typing import Any

import transformers
from transformers import PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES

from tunesmith.config.families import EXAMPLES, Family, family_mismatch
from tunesmith.config.tasks import TASKS
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.transformers_inside import has_class_for


def family_of(config: PretrainedConfig) -> Family:
    """Return an architecture's family. Encoders that can also run as decoders (BERT) count as encoders."""
    if config.is_encoder_decoder:
        return "seq2seq"
    name = config.model_type
    decoder = name in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and name not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return "causal" if decoder else "encoder"


def auto_class(task: str, config: PretrainedConfig) -> Any:
    """Return the transformers class that loads this architecture with the task's head.

    Raises:
        ConfigError: The task does not fit the architecture's family, or transformers has no such head for it.
    """
    families, family = TASKS[task].heads, family_of(config)
    if family not in families:
        rule, hint = family_mismatch(task, f"{config.model_type} is of family {family}")
        raise ConfigError([Problem("model", rule, None, hint)])
    auto: Any = getattr(transformers, families[family])
    own_code = getattr(config, "auto_map", None) or {}
    if not has_class_for(auto, config) and auto.__name__ not in own_code:
        kind = auto.__name__.removeprefix("AutoModelFor")
        rule = f"{config.model_type} has no head for {task} in transformers (no class for {kind})"
        raise ConfigError([Problem("model", rule, None, f"Use {EXAMPLES[family]}")])
    return auto
