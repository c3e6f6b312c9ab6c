"""Reads a model's tokenizer and architecture once per run, before its weights."""

from __future__ import annotations

from dataclasses import dataclass

from transformers import PretrainedConfig, PreTrainedTokenizerFast

from tunesmith.config.families import Family
from tunesmith.config.schema import Model
from tunesmith.models.families import family_of
from tunesmith.models.weights import load_config, load_tokenizer


@dataclass(frozen=True)
class Groundwork:
    """A model's tokenizer and architecture."""

    architecture: PretrainedConfig
    """As configured, without label names; copy it before changing it."""
    tokenizer: PreTrainedTokenizerFast

    @property
    def family(self) -> Family:
        """The model's family."""
        return family_of(self.architecture)


def read_groundwork(model: Model) -> Groundwork:
    """Read a model's tokenizer and architecture.

    Raises:
        ConfigError: `model.config` does not fit the architecture, or the tokenizer has no token to pad with.
        FilesError: They cannot be found or read.
    """
    return Groundwork(load_config(model), load_tokenizer(model))
