"""A finished run's model, ready to answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from tunesmith.config.schema import Model, RunConfig
from tunesmith.config.seeding import derive_seed
from tunesmith.errors import DataError, FilesError
from tunesmith.models.families import Family, family_of
from tunesmith.models.head_start import without_start
from tunesmith.models.origin import explained, is_trusted, trusting
from tunesmith.models.weights import load_network, load_tokenizer
from tunesmith.runs.record import Record, load_run
from tunesmith.training.continuation import first_network
from tunesmith.training.ends import set_ends


@dataclass(frozen=True)
class Trained:
    """A trained network with all that it takes to use it."""

    network: torch.nn.Module
    """In evaluation mode."""
    tokenizer: PreTrainedTokenizerFast
    labels: list[str]
    family: Family
    config: RunConfig


def load_model(record: Record | str | Path) -> Trained:
    """Load the best weights of a run.

    Args:
        record: The run, or its directory.

    Raises:
        FilesError: The run has none, or they cannot be read.
    """
    record = record if isinstance(record, Record) else load_run(record)
    folder = record.directory.model
    if not folder.is_dir():
        raise FilesError(f"{record.path} has no model: the run is {record.status}")
    config = record.typed
    # What a run saved of a model with code of its own has the same code, and is trusted with it.
    with trusting([str(folder)] if is_trusted(config.model.path) else []):
        return _loaded(record, config, folder)


def _loaded(record: Record, config: RunConfig, folder: Path) -> Trained:
    tokenizer = load_tokenizer(Model(path=str(folder)))
    if (folder / "adapter_config.json").is_file():
        network = _with_adapter(record, config, tokenizer.pad_token_id)
    else:
        model = Model(path=str(folder), head=without_start(config.model.head))
        network = load_network(model, record.labels, config.seed, task=config.task.name, quietly=True)
    family = family_of(network.config)
    with suppress(DataError):  # a run of before may have learned no end
        set_ends(network, tokenizer, config.task, config.data, family)
    return Trained(network.eval(), tokenizer, record.labels, family, config)


def _with_adapter(record: Record, config: RunConfig, pad_token_id: int | None) -> torch.nn.Module:
    import peft

    base = first_network(config, record.labels, pad_token_id, quietly=True)
    torch.manual_seed(derive_seed(config.seed, "adapter"))  # some starts take random parts out of the base again
    with explained(str(record.directory.model)):
        network: torch.nn.Module = peft.PeftModel.from_pretrained(base, str(record.directory.model))
    return network
