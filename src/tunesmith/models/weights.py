"""Loads networks and tokenizers: from the Hub, a local folder, or a config."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tunesmith.config.families import EXAMPLES
from tunesmith.config.folders import expand
from tunesmith.config.schema import Model
from tunesmith.config.tasks import TASKS
from tunesmith.config.trust import is_trusted
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.models.checkpoint import Say, check_against_file, not_read, own_config, read_weights
from tunesmith.models.config_fields import building, with_fields
from tunesmith.models.dropout import set_dropout
from tunesmith.models.families import auto_class, family_of
from tunesmith.models.head_start import HeadStart, TrainedHead, apply_start, head_start, no_head, output_names
from tunesmith.models.heads import PooledNetwork, backbone_class, restore_head
from tunesmith.models.label_words import LabelWordNetwork, cue_tokens, word_tokens
from tunesmith.models.load_errors import explained
from tunesmith.models.model_files import refuse_adapter
from tunesmith.models.source import loading, locate
from tunesmith.seeding import derive_seed
from tunesmith.suggest import did_you_mean, nearest

log = logging.getLogger("tunesmith")


def load_tokenizer(model: Model) -> PreTrainedTokenizerFast:
    """Load the model's tokenizer; without a pad token, it pads with its end-of-text token.

    Raises:
        ConfigError: Neither `model.tokenizer` nor `model.path` is set, or it has no token to pad with.
        FilesError: It cannot be found or read.
    """
    source = model.tokenizer or model.path
    if source is None:
        raise ConfigError([Problem("model.tokenizer", "a model without model.path needs a tokenizer", "null")])
    with explained(source):
        tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(**loading(model, source))
    if not tokenizer.is_fast:
        raise FilesError(f"{source}: this tokenizer has no fast version (tokenizer.json), which is required")
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


def load_config(
    model: Model, labels: Sequence[str] = (), architecture: PretrainedConfig | None = None
) -> PretrainedConfig:
    """Load the architecture's config, with labels, dropout and the fields of `model.config` set; reads no weights.

    Args:
        model: The model config.
        labels: Label names in the order of the logits; empty for a model that writes text.
        architecture: The same without labels, if it has been read already.

    Raises:
        ConfigError: `model.config` has a field that the architecture lacks, `model.dropout` is set and it has none, or
            it is not of `model.family`.
        FilesError: It cannot be found or read.
    """
    if architecture is not None:
        return with_labels(architecture, labels)
    names = _names(labels)
    fields = dict(model.config)
    if model.path is not None:
        refuse_adapter(expand(model.path))
        with explained(model.path):
            config: PretrainedConfig = AutoConfig.from_pretrained(**loading(model, model.path), **names)
        fields.pop("model_type", None)
    else:
        config = AutoConfig.for_model(_known(fields.pop("model_type")), **names)
    config = with_fields(config, fields, names)
    if model.family not in ("auto", family_of(config)):
        rule = f"model.family={model.family} does not include {config.model_type}"
        raise ConfigError([Problem("model.path", rule, model.path, f"For this one: model={family_of(config)}")])
    if model.dropout is not None and not set_dropout(config, model.dropout):
        rule = f"{type(config).__name__} has no dropout to set"
        raise ConfigError([Problem("model.dropout", rule, str(model.dropout), "Leave it null")])
    return config


def with_labels(config: PretrainedConfig, labels: Sequence[str]) -> PretrainedConfig:
    """A copy of an architecture's config with other labels."""
    config = copy.deepcopy(config)
    for key, value in _names(labels).items():
        setattr(config, key, value)
    return config


def _names(labels: Sequence[str]) -> dict[str, Any]:
    if not labels:
        return {}
    return {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}


def _known(architecture: str) -> str:
    if architecture in CONFIG_MAPPING:
        return architecture
    hint = did_you_mean(nearest(architecture, CONFIG_MAPPING.keys()))
    raise ConfigError([Problem("model.config.model_type", "transformers has no such architecture", architecture, hint)])


def load_network(
    model: Model,
    labels: Sequence[str],
    seed: int,
    *,
    task: str = "classification",
    pad_token_id: int | None = None,
    quietly: bool = False,
    architecture: PretrainedConfig | None = None,
) -> PreTrainedModel:
    """Load the network with the task's head, in training mode; missing weights are initialised from the run's seed.

    With a checkpoint and labels, its `head_start` describes the initial values of the outputs.

    Args:
        model: The model config.
        labels: Label names in the order of the logits; empty for a model that writes text.
        seed: The run's seed.
        task: Name of the task, one of `config/tasks.py`.
        pad_token_id: The token that fills short rows; a decoder needs it to find a text's last token.
        quietly: Do not report on the head, because an adapter's replaces it.
        architecture: Its config without labels, if it has been read already.

    Raises:
        ConfigError: The architecture does not fit the task, or the head's outputs cannot be kept.
        FilesError: The weights cannot be found or read, or are incomplete.
    """
    config = load_config(model, labels, architecture)
    auto = _class_for(model, config, task)
    if pad_token_id is not None:
        config.pad_token_id = pad_token_id
    tokenizer = load_tokenizer(model) if model.head.words and TASKS[task].takes_label_words else None
    words = [] if tokenizer is None else word_tokens(model.head.words, labels, tokenizer)
    torch.manual_seed(derive_seed(seed, "initialisation"))
    if model.init == "random":
        network: Any = _with_head(auto.from_config(config, **_trust(model)), model, task)
    else:
        network = _pretrained(auto, model, config, labels, seed, task, log.debug if quietly else log.info)
    if tokenizer is not None:
        network = LabelWordNetwork(network, words, cue_tokens(model.head.cue, tokenizer))
    # from_pretrained returns a network in evaluation mode and Lightning keeps that: dropout would be off in training.
    trained: PreTrainedModel = network.train()
    return trained


def _pretrained(
    auto: Any, model: Model, config: PretrainedConfig, labels: Sequence[str], seed: int, task: str, say: Say
) -> Any:
    """Load the checkpoint's network with the run's head."""
    if not labels or model.head.words:
        network, account = read_weights(auto, model, config)
        check_against_file(network, account, model, say, None)
        return network
    own, requested = TrainedHead.of(own_config(model)), model.head.start
    if _own_head(model, task):
        network, account = read_weights(auto, model, config)
        check_against_file(network, account, model, say, ())
        network = _with_head(network, model, task)
        start = restore_head(network, Path(locate(model.path or "", model.cache_dir)), own, task, requested)
    else:
        build = skeletons(model, auto)
        outputs = output_names(build, config)
        resized = requested == "keep" and len(own.labels) != len(labels)
        network, account = read_weights(auto, model, own_config(model) if resized else config)
        check_against_file(network, account, model, say, outputs)
        if set(outputs) & set(account["missing_keys"]):
            start = no_head(labels, outputs, requested)
        else:
            start = head_start(own, labels, task, requested)
            if not set(outputs) & set(not_read(account)):  # otherwise transformers has re-initialised them
                apply_start(network, start, build, config, seed)
    announce_head(start, say)
    network.head_start = start
    return network


def relabelled(network: Any, model: Model, labels: Sequence[str], seed: int, task: str, quietly: bool = False) -> Any:
    """Give a trained network other labels, or the same in another order; `network` cannot be used afterwards.

    Raises:
        ConfigError: The architecture does not fit the task, or the head's outputs cannot be kept.
    """
    say = log.debug if quietly else log.info
    if isinstance(network, LabelWordNetwork):
        tokenizer = load_tokenizer(model)
        words = word_tokens(model.head.words, labels, tokenizer)
        return LabelWordNetwork(network.network, words, cue_tokens(model.head.cue, tokenizer)).train()
    config = with_labels(network.config, labels)
    auto = _class_for(model, config, task)
    start = head_start(TrainedHead.of(network.config), labels, task, model.head.start)
    apply_start(network, start, lambda other: _with_head(skeletons(model, auto)(other), model, task), config, seed)
    announce_head(start, say)
    network.head_start = start
    return network


def skeletons(model: Model, auto: Any) -> Callable[[PretrainedConfig], Any]:
    """Return a function that builds a network from an architecture's config."""
    return functools.partial(auto.from_config, **_trust(model))


def _trust(model: Model) -> dict[str, bool]:
    return {"trust_remote_code": is_trusted(model.path)}


def announce_head(start: HeadStart, say: Say) -> None:
    """Log how a head starts, if there is something to report."""
    if start.sentence is None:
        return
    if start.surprising and say != log.debug:
        say = log.warning
    say("%s", start.sentence)


def load_skeleton(
    model: Model, labels: Sequence[str], *, task: str, architecture: PretrainedConfig | None = None
) -> Any:
    """Build the same network without weights, on the meta device: only module names and parameter shapes.

    Args:
        model: The model config.
        labels: Label names in the order of the logits.
        task: Name of the task.
        architecture: Its config without labels, if it has been read already.

    Raises:
        ConfigError: The architecture does not go with the task.
        FilesError: The architecture's config cannot be found or read.
    """
    config = load_config(model, labels, architecture)
    auto = _class_for(model, config, task)
    with torch.device("meta"), building(model, config):
        return _with_head(auto.from_config(config, **_trust(model)), model, task)


def _class_for(model: Model, config: PretrainedConfig, task: str) -> Any:
    if model.head.words and TASKS[task].takes_label_words:
        if family_of(config) == "encoder":
            rule = f"need a generative model (a decoder or an encoder-decoder), but {config.model_type} is an encoder"
            hint = f"Use {EXAMPLES['causal']}, or {EXAMPLES['seq2seq']}, or leave the words out"
            raise ConfigError([Problem("model.head.words", rule, str(model.head.words), hint)])
        return auto_class("text_to_text", config)
    return backbone_class(config) if _own_head(model, task) else auto_class(task, config)


def _own_head(model: Model, task: str) -> bool:
    return model.head.pooling is not None and TASKS[task].pools


def _with_head(network: Any, model: Model, task: str) -> Any:
    if not _own_head(model, task):
        return network
    return PooledNetwork(network, model.head, dropout=0.1 if model.dropout is None else model.dropout)


SHIFTED = ("camembert", "data2vec-text", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta")
"""Architectures whose positions start after the pad token's id, which leaves fewer of them."""


def positions(config: PretrainedConfig) -> int | None:
    """Return the longest text that an architecture has positions for, in tokens; None if it has no limit."""
    most = getattr(config, "max_position_embeddings", None)
    if not isinstance(most, int) or most <= 0:
        return None
    return most - config.pad_token_id - 1 if config.model_type in SHIFTED else most


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
