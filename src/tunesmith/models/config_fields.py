"""Applies `model.config` to an architecture's config, and refuses fields that nothing reads."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig, masking_utils, modeling_rope_utils, modeling_utils

from tunesmith.config.schema import Model
from tunesmith.errors import ConfigError, Problem
from tunesmith.models.heads import PooledNetwork
from tunesmith.models.transformers_inside import set_attention
from tunesmith.suggest import did_you_mean, nearest

ROPE = ("rope_parameters", "rope_scaling", "rope_theta")
"""Config fields for rotary position embeddings; the last two are from transformers before version 5."""
ATTENTION = ("eager", "sdpa")
SAVED = ("bos_token_id", "eos_token_id", "decoder_start_token_id", "model_type", "attn_implementation", *ROPE)
"""Fields read outside the network: by the tokenizer and by generation."""
GENERIC = (modeling_utils, masking_utils, modeling_rope_utils)
"""Modules of transformers that read a config for every architecture."""


def with_fields(config: PretrainedConfig, fields: Mapping[str, Any], names: Mapping[str, Any]) -> PretrainedConfig:
    """Set fields of the config, and refuse inconsistent ones now rather than when the model is saved.

    Args:
        config: The architecture's config; changed in place, or rebuilt.
        fields: Name to value, as in `model.config`.
        names: The labels' names, for a config that is rebuilt.

    Raises:
        ConfigError: The architecture has no such field, or refuses its value.
    """
    fields = dict(fields)
    implementation = fields.pop("attn_implementation", None)
    if implementation is not None:
        _set_attention(config, implementation)
    fields = _with_rope(config, fields)
    # T5 reads this one from its config, whose class does not name it.
    unnamed = {"decoder_start_token_id"} if config.is_encoder_decoder else set()
    unknown = [name for name in fields if not hasattr(config, name) and name not in unnamed]
    if unknown:
        known = [name for name in config.to_dict() if not name.startswith("_")]
        rule = f"not a field of {type(config).__name__}"
        raise ConfigError(
            [
                Problem(f"model.config.{name}", rule, repr(fields[name]), did_you_mean(nearest(name, known)))
                for name in unknown
            ]
        )
    return _set(config, fields, names)


def _set(config: PretrainedConfig, fields: Mapping[str, Any], names: Mapping[str, Any]) -> PretrainedConfig:
    try:
        for name, value in fields.items():
            setattr(config, name, value)
        if fields and hasattr(config, "validate"):
            config.validate()
    except (StrictDataclassError, KeyError, ValueError) as error:  # the last two come from rotary positions
        message = str(error.__cause__ or error).strip("\"'")
        rule = f"{type(config).__name__} refuses these values: {message}"
        refusal = ConfigError([Problem("model.config", rule)])
        if config.name_or_path:
            raise refusal from error
        try:  # rebuilt, so that derived fields (the layers' kinds follow from their number) are derived again
            return type(config)(**fields, **names)
        except (StrictDataclassError, KeyError, ValueError):
            raise refusal from error
    return config


def _set_attention(config: PretrainedConfig, implementation: str) -> None:
    if implementation not in ATTENTION:
        rule = f"must be one of {', '.join(ATTENTION)}"
        raise ConfigError([Problem("model.config.attn_implementation", rule, str(implementation))])
    set_attention(config, implementation)


def _with_rope(config: PretrainedConfig, fields: dict[str, Any]) -> dict[str, Any]:
    """Merge the rotary position fields into `rope_parameters`, on top of what the config already has."""
    given = {name: fields.pop(name) for name in ROPE if name in fields}
    own = getattr(config, "rope_parameters", None)
    if not given or (own is None and not hasattr(config, "rope_parameters")):
        return fields | given
    (key, *_), kinds = given, modeling_rope_utils.ROPE_INIT_FUNCTIONS
    parameters = given.get("rope_parameters") or given.get("rope_scaling") or {}
    if not isinstance(parameters, Mapping):
        raise ConfigError([Problem(f"model.config.{key}", "must be a mapping, with rope_type", str(parameters))])
    if any(isinstance(value, Mapping) for value in (own or {}).values()):
        if set(parameters) - set(own or {}) or "rope_theta" in given:
            rule = f"has parameters for each kind of layers in {config.model_type}: {', '.join(own or {})}"
            raise ConfigError([Problem(f"model.config.{key}", rule, str(parameters))])
        return fields | {"rope_parameters": {**(own or {}), **parameters}}
    merged = {**(own or {}), **({"rope_theta": given["rope_theta"]} if "rope_theta" in given else {}), **parameters}
    if "type" in merged:  # its name in older versions
        merged["rope_type"] = merged.pop("type")
    if merged.get("rope_type", "default") not in ("default", *kinds):
        rule = f"must be one of default, {', '.join(kinds)}"
        raise ConfigError([Problem(f"model.config.{key}.rope_type", rule, str(merged["rope_type"]))])
    return fields | {"rope_parameters": merged}


@contextmanager
def building(model: Model, config: PretrainedConfig) -> Iterator[None]:
    """Turn what a network's class raises over the values of `model.config` into a refusal.

    Raises:
        ConfigError: Building fails, and `model.config` sets something.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if not model.config:
            raise
        message = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error).splitlines()[0]
        rule = f"cannot build a {config.model_type} network with these values: {message}"
        raise ConfigError([Problem("model.config", rule, str(model.config))]) from error


def check_fields(model: Model, skeleton: Any, plain: Any | None) -> None:
    """Refuse fields that nothing in the network reads, and sizes that differ from the checkpoint's.

    Args:
        model: The model config.
        skeleton: The network on the meta device.
        plain: The same without `model.config`; None if no weights are read.

    Raises:
        ConfigError: A field has no effect, or changes the size of weights.
    """
    # `PooledNetwork` uses part of an architecture, such as T5's encoder; the other fields describe the rest.
    whole = not isinstance(skeleton, PooledNetwork)
    idle = unread(skeleton, [name for name in model.config if name not in SAVED]) if whole else []
    if idle:
        rule = f"has no effect: nothing in {type(skeleton).__name__} reads it"
        raise ConfigError([Problem(f"model.config.{name}", rule, str(model.config[name])) for name in idle])
    if plain is None:
        return
    before = {name: parameter.shape for name, parameter in plain.named_parameters()}
    other = [name for name, p in skeleton.named_parameters() if before.get(name, p.shape) != p.shape]
    if other:
        rule = f"changes the size of {len(other)} weights, so those of {model.path} do not fit: {other[0]}, ..."
        hint = "Leave it out, or train from random weights: model.init=random"
        raise ConfigError([Problem("model.config", rule, str(model.config), hint)])


def check_forward(model: Model, skeleton: Any) -> None:
    """Refuse values of `model.config` that build a network whose forward pass fails.

    Raises:
        ConfigError: The shapes do not fit.
    """
    ids = torch.zeros((1, 4), dtype=torch.long, device="meta")
    written = {"decoder_input_ids": ids} if skeleton.config.is_encoder_decoder else {}
    try:
        skeleton(input_ids=ids, **written)
    except (NotImplementedError, AttributeError, LookupError, TypeError, ValueError):
        return  # a pass that needs actual weights proves nothing here
    except RuntimeError as error:
        if re.search(r"shape|size|dimension", str(error)):
            rule = f"these values do not fit together in {skeleton.config.model_type}: {str(error).splitlines()[0]}"
            raise ConfigError([Problem("model.config", rule, str(model.config))]) from error


def check_vocabulary(model: Model, skeleton: Any, tokenizer: Any) -> None:
    """Refuse a tokenizer that has more tokens than the network has embeddings.

    Raises:
        ConfigError: The tokenizer has more.
    """
    rows = skeleton.get_input_embeddings().num_embeddings
    most = max(tokenizer.get_vocab().values()) + 1
    if most <= rows:
        return
    where = "model.config.vocab_size" if "vocab_size" in model.config else "model.tokenizer"
    received = str(model.config["vocab_size"]) if "vocab_size" in model.config else model.tokenizer
    rule = f"the tokenizer has {most:,} tokens, but the network has only {rows:,} embeddings"
    raise ConfigError([Problem(where, rule, received, "Use the model's own tokenizer")])


def unread(skeleton: Any, names: list[str]) -> list[str]:
    """Return the fields whose names do not occur in the source of the network's classes.

    Args:
        skeleton: The network.
        names: Names of config fields.
    """
    source = _source(skeleton)
    aliases = skeleton.config.attribute_map
    names_unread = []
    for name in names:
        spellings = {name, aliases.get(name, name), *(alias for alias, own in aliases.items() if own == name)}
        words = "|".join(map(re.escape, spellings))
        if not re.search(rf"(config|cfg)\w*\.({words})\b|[\"']({words})[\"']", source):
            names_unread.append(name)
    return names_unread


def _source(skeleton: torch.nn.Module) -> str:
    """Source of all modules' classes and of the rest of their files, except unused classes."""
    classes = {cls for module in skeleton.modules() for cls in type(module).__mro__}
    files = {cls.__module__ for cls in classes} - {module.__name__ for module in GENERIC}
    used = {cls.__name__ for cls in classes}
    own = [_without(sys.modules[name], used) for name in sorted(files) if not name.startswith(("torch", "builtins"))]
    return "\n".join([*own, *(inspect.getsource(module) for module in GENERIC)])


def _without(module: Any, used: set[str]) -> str:
    """Source of a module without its unused classes."""
    lines, classes = _parsed(module)
    kept = list(lines)
    for name, start, end in classes:
        if name not in used:
            kept[start:end] = [""] * (end - start)
    return "\n".join(kept)


@functools.cache
def _parsed(module: Any) -> tuple[list[str], list[tuple[str, int, int]]]:
    """Lines of a module's source, and the name and place of each class in them."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return [], []
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    places = [(node.name, node.lineno - 1, node.end_lineno or node.lineno) for node in classes]
    return source.splitlines(), places
