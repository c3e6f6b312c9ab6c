"""Fields of an architecture's own configuration that a run sets elsewhere, or that change no result.

`tests/unit/models/test_config_fields.py` checks what the accepted fields do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tunesmith.errors import Problem

LABELS = ("follows from the labels of the data", "Name them with data.label_names")
RECORD = ("records how a model was saved, and is not read", "Leave it out")
RETURNED = ("changes what transformers returns, not what it computes", "Leave it out")
OWN: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("dtype", "torch_dtype"),
        (
            "has no effect: weights are always kept in fp32",
            "For the precision of the computation: trainer.precision=bf16-mixed",
        ),
    ),
    **dict.fromkeys(("num_labels", "id2label", "label2id"), LABELS),
    "problem_type": ("follows from the task", "Use task=NAME"),
    **dict.fromkeys(
        ("architectures", "transformers_version", "name_or_path", "_name_or_path", "finetuning_task"), RECORD
    ),
    **dict.fromkeys(("output_hidden_states", "output_attentions", "return_dict", "torchscript"), RETURNED),
    "use_cache": ("changes how fast answers are generated, not which", "Leave it out"),
    "chunk_size_feed_forward": (
        "changes only how much memory a layer takes, and fails unless it divides the length of every text",
        "Use model.gradient_checkpointing=true to save memory",
    ),
    "auto_map": ("names code to run", "Only a model's own folder may do so: --trust NAME"),
    "gradient_checkpointing": ("has a key of its own", "Use model.gradient_checkpointing=true"),
    "quantization_config": ("has a key of its own", "Use model.quantization=4bit"),
    "pad_token_id": ("follows from the tokenizer", "Use model.tokenizer=FOLDER_OR_HUB_ID"),
    "is_encoder_decoder": ("follows from the architecture", "Set model.config.model_type"),
    "add_cross_attention": ("adds weights that have nothing to attend to", "Leave it out"),
    "pruned_heads": ("is no longer implemented by any model in transformers", "Leave it out"),
    "_attn_implementation": ("is not the public name", "Use model.config.attn_implementation"),
}
"""Field to the reason why it is refused and the next step."""

COUNTS = re.compile(
    r"num_(hidden_|decoder_)?layers|num_(attention_|key_value_)?heads|n_(layer|head|embd|positions)|d_(model|ff|kv)"
    r"|(hidden|intermediate|vocab)_size|max_position_embeddings|head_dim"
)
"""Fields that count things of which there must be at least one."""


def refused_fields(model: Mapping[str, Any]) -> Iterator[Problem]:
    """Fields of `model.config` that no run uses, whatever the architecture.

    Args:
        model: The `model` node as plain values.
    """
    for name, value in model["config"].items():
        where = f"model.config.{name}"
        if name in OWN:
            yield Problem(where, OWN[name][0], str(value), OWN[name][1])
        elif COUNTS.fullmatch(str(name)) and isinstance(value, int) and value < 1:
            yield Problem(where, "must be at least 1", str(value))
        elif model.get("dropout") is not None and "drop" in str(name) and "layer" not in str(name):
            hint = "Set one of the two"
            yield Problem(where, "has no effect with model.dropout, which sets every rate", str(value), hint)
