"""Networks and tokenizers: from the Hub, a local folder, or a description."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tunesmith.config.schema import Model
from tunesmith.config.seeding import derive_seed
from tunesmith.config.suggest import did_you_mean, nearest
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.models.dropout import set_dropout
from tunesmith.models.families import EXAMPLES, auto_class, family_of
from tunesmith.models.heads import PooledNetwork, backbone_class, restore_head
from tunesmith.models.label_words import LabelWordNetwork, cue_tokens, word_tokens
from tunesmith.models.origin import explained, loading

log = logging.getLogger("tunesmith")


def load_tokenizer(model: Model) -> PreTrainedTokenizerFast:
    """The tokenizer that goes with the model; one without a pad token pads with its end-of-text token.

    Raises:
        ConfigError: Neither `model.tokenizer` nor `model.path` is given, or it has no token to pad with.
        FilesError: It cannot be found or read.
    """
    source = model.tokenizer or model.path
    if source is None:
        raise ConfigError([Problem("model.tokenizer", "a model without model.path needs a tokenizer", "null")])
    with explained(source):
        tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(**loading(model, source))
    if not tokenizer.is_fast:
        raise FilesError(f"{source}: this tokenizer has no fast version (tokenizer.json), which is needed here")
    if not tokenizer.get_vocab().keys() - set(tokenizer.all_special_tokens) - tokenizer.get_added_vocab().keys():
        raise FilesError(f"{source}: there is no tokenizer (its vocabulary is empty). Set model.tokenizer")
    if tokenizer.eos_token is None and model.config.get("eos_token_id") is not None:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(model.config["eos_token_id"])
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            rule = "the tokenizer has neither a pad token nor an end-of-text token to pad with"
            raise ConfigError(
                [Problem("model.tokenizer", rule, source, "Name another: model.tokenizer=FOLDER_OR_HUB_ID")]
            )
        tokenizer.pad_token = tokenizer.eos_token
        log.info(
            "the tokenizer has no pad token: short rows are filled with its end-of-text token %s", tokenizer.pad_token
        )
    return tokenizer


def load_config(model: Model, labels: Sequence[str] = ()) -> PretrainedConfig:
    """The architecture's config with labels, dropout and the fields of `model.config` in place; reads no weights.

    Args:
        model: The model config.
        labels: Label names in the order of the logits; empty for a model that writes text.

    Raises:
        ConfigError: `model.config` has a field that the architecture does not know, it knows no dropout, or it is not
            of `model.family`.
        FilesError: It cannot be found or read.
    """
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    names = names if labels else {}
    fields = dict(model.config)
    if model.path is not None:
        with explained(model.path):
            config: PretrainedConfig = AutoConfig.from_pretrained(**loading(model, model.path), **names)
        fields.pop("model_type", None)
    else:
        config = AutoConfig.for_model(_known(fields.pop("model_type")), **names)
    # T5 reads this one from its config, whose class does not name it.
    unnamed = {"decoder_start_token_id"} if config.is_encoder_decoder else set()
    unknown = [name for name in fields if not hasattr(config, name) and name not in unnamed]
    if unknown:
        rule = f"not a field of {type(config).__name__}"
        raise ConfigError([Problem(f"model.config.{name}", rule, repr(fields[name])) for name in unknown])
    config = _with_fields(config, fields, names)
    if model.family not in ("auto", family_of(config)):
        rule = f"model.family={model.family} asks for another kind than {config.model_type}"
        raise ConfigError([Problem("model.path", rule, model.path, f"For this one: model={family_of(config)}")])
    if model.dropout is not None and not set_dropout(config, model.dropout):
        rule = f"{type(config).__name__} has no dropout to set"
        raise ConfigError([Problem("model.dropout", rule, str(model.dropout), "Leave it null")])
    return config


def _known(architecture: str) -> str:
    if architecture in CONFIG_MAPPING:
        return architecture
    hint = did_you_mean(nearest(architecture, CONFIG_MAPPING.keys()))
    raise ConfigError([Problem("model.config.model_type", "transformers has no such architecture", architecture, hint)])


def _with_fields(config: PretrainedConfig, fields: Mapping[str, Any], names: Mapping[str, Any]) -> PretrainedConfig:
    """Set fields; what does not fit together is told now, where transformers would tell it when the model is saved."""
    try:
        for name, value in fields.items():
            setattr(config, name, value)
        if fields and hasattr(config, "validate"):
            config.validate()
    except StrictDataclassError as error:
        rule = f"{type(config).__name__} refuses these values: {error.__cause__ or error}"
        refusal = ConfigError([Problem("model.config", rule)])
        if config.name_or_path:
            raise refusal from error
        try:  # what follows from a field, as the kinds of layers from their number, is derived anew
            return type(config)(**fields, **names)
        except StrictDataclassError:
            raise refusal from error
    return config


def load_network(
    model: Model, labels: Sequence[str], seed: int, *, task: str = "classification", pad_token_id: int | None = None
) -> PreTrainedModel:
    """The network with the task's head, in training mode; what the checkpoint lacks is drawn from the run's seed.

    Args:
        model: The model config.
        labels: Label names in the order of the logits; empty for a model that writes text.
        seed: The run's seed.
        task: Name of the task, one of `families.AUTO_CLASSES`.
        pad_token_id: The token that fills short rows, which a decoder has to know to find a text's last token.

    Raises:
        ConfigError: The architecture does not go with the task.
        FilesError: The weights cannot be found or read.
    """
    config = load_config(model, labels)
    auto = _class_for(model, config, task)
    if pad_token_id is not None:
        config.pad_token_id = pad_token_id
    tokenizer = load_tokenizer(model) if model.head.words and task == "classification" else None
    words = [] if tokenizer is None else word_tokens(model.head.words, labels, tokenizer)
    torch.manual_seed(derive_seed(seed, "initialisation"))
    network: Any = auto.from_config(config) if model.init == "random" else _pretrained(auto, model, config)
    if tokenizer is not None:
        network = LabelWordNetwork(network, words, cue_tokens(model.head.cue, tokenizer))
    network = _with_head(network, model, task)
    if isinstance(network, PooledNetwork) and model.init == "pretrained":
        restore_head(network, Path(model.path or ""))
    # from_pretrained answers in evaluation mode and Lightning keeps that: dropout would be off in training.
    trained: PreTrainedModel = network.train()
    return trained


def load_skeleton(model: Model, labels: Sequence[str], *, task: str) -> Any:
    """The same network without weights, on the meta device: its modules and parameters by name and shape.

    Raises:
        ConfigError: The architecture does not go with the task.
        FilesError: The architecture's config cannot be found or read.
    """
    config = load_config(model, labels)
    auto = _class_for(model, config, task)
    with torch.device("meta"):
        return _with_head(auto.from_config(config), model, task)


def _class_for(model: Model, config: PretrainedConfig, task: str) -> Any:
    if model.head.words and task == "classification":
        if family_of(config) == "encoder":
            rule = f"need a model that writes, a decoder or an encoder-decoder, and {config.model_type} is an encoder"
            hint = f"Use {EXAMPLES['causal']}, or {EXAMPLES['seq2seq']}, or leave the words out"
            raise ConfigError([Problem("model.head.words", rule, str(model.head.words), hint)])
        return auto_class("text_to_text", config)
    return backbone_class(config) if _own_head(model, task) else auto_class(task, config)


def _own_head(model: Model, task: str) -> bool:
    return model.head.pooling is not None and task in ("classification", "regression")


def _with_head(network: Any, model: Model, task: str) -> Any:
    if not _own_head(model, task):
        return network
    return PooledNetwork(network, model.head, dropout=0.1 if model.dropout is None else model.dropout)


SHIFTED = ("camembert", "data2vec-text", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta")
"""Architectures that number positions from behind their pad token's id, and so lose as many."""


def positions(config: PretrainedConfig) -> int | None:
    """The longest text that an architecture has positions for, in tokens; None where it has no limit."""
    most = getattr(config, "max_position_embeddings", None)
    if not isinstance(most, int) or most <= 0:
        return None
    return most - config.pad_token_id - 1 if config.model_type in SHIFTED else most


def _pretrained(auto: Any, model: Model, config: PretrainedConfig) -> Any:
    assert model.path is not None  # validation asks for a path unless init=random
    with explained(model.path):
        return auto.from_pretrained(
            **loading(model, model.path),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # a head trained for other labels is replaced
            quantization_config=_quantization(model),
        )


def _quantization(model: Model) -> Any | None:
    """How the base is quantised while adapters are trained on it (arXiv:2305.14314)."""
    if model.quantization == "none":
        return None
    from transformers import BitsAndBytesConfig

    if model.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)


def weights_sha256(network: torch.nn.Module) -> str:
    """Hash (hex) of all weights and buffers by name, shape, type and bytes: equal only for bit-identical networks."""
    return tensors_sha256(network.state_dict())


def tensors_sha256(tensors: Mapping[str, torch.Tensor]) -> str:
    """Hash (hex) of tensors by name, shape, type and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def resolved_revision(network: PreTrainedModel) -> str | None:
    """The Hub's commit that the weights came from; None for a local folder or fresh weights."""
    commit: str | None = getattr(network.config, "_commit_hash", None)
    return commit
