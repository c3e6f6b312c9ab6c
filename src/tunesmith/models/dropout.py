"""Sets every dropout rate of an architecture, whatever it is named."""

from __future__ import annotations

from transformers import PretrainedConfig

RATES = (
    "activation_dropout",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_dropout",
    "attn_pdrop",
    "classifier_dropout",
    "classifier_dropout_prob",
    "dropout",
    "dropout_rate",
    "embd_pdrop",
    "embedding_dropout",
    "embedding_dropout_prob",
    "hidden_dropout",
    "hidden_dropout_prob",
    "mlp_dropout",
    "pooler_dropout",
    "resid_pdrop",
    "seq_classif_dropout",
    "summary_first_dropout",
)
"""Names of dropout rates in transformers configs. `layerdrop` is not one: it skips whole layers."""


def set_dropout(config: PretrainedConfig, rate: float) -> list[str]:
    """Set every dropout rate of an architecture's config.

    Args:
        config: The architecture's config; changed in place.
        rate: Probability of dropping a unit.

    Returns:
        The names that were set; empty for an architecture that has no dropout.
    """
    names = [name for name in RATES if hasattr(config, name)]
    for name in names:
        setattr(config, name, rate)
    return names
