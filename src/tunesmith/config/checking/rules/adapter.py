"""Rules for adapters: peft's options are passed on, except those that would not have their documented effect.

`tests/unit/models/test_peft_options.py` checks what every field of every kind does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tunesmith.config.checking.rules.registry import rule
from tunesmith.errors import Problem

KINDS = (
    *("LoraConfig", "IA3Config", "LoHaConfig", "LoKrConfig", "VeraConfig", "RandLoraConfig", "HRAConfig"),
    *("OFTConfig", "BOFTConfig", "FourierFTConfig", "LNTuningConfig"),
    *("PromptTuningConfig", "PrefixTuningConfig", "PromptEncoderConfig"),
)
"""Classes in peft of which every option is tested: trained, saved, loaded, merged."""

UNDONE: dict[str, tuple[str, str]] = {
    "AdaLoraConfig": (
        "moves ranks between matrices after every step (update_and_allocate), which Tunesmith does not do: no rank "
        "would ever be pruned",
        "Use peft.LoraConfig, with method.r and +method.rank_pattern for ranks of your choice",
    ),
}
"""Kinds that need more than a run does for them, each with the reason and the next step."""

NEEDS_DATA = "starts from statistics of the training data, which Tunesmith does not collect: it would be plain LoRA"
WITHOUT_DATA = "Those without data are pissa, olora, orthogonal, gaussian and mica: method.init_lora_weights=pissa"
LEFT_OUT = "needs a loss or a backward pass of its own, which Tunesmith does not run"

NOT_CARRIED_OUT: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("eva_config", "corda_config", "lora_ga_config"), (NEEDS_DATA, WITHOUT_DATA)),
    "loftq_config": ("quantises the base model in its own way", "Use model.quantization=4bit"),
    **dict.fromkeys(("velora_config", "monteclora_config", "kasa_config"), (LEFT_OUT, "Leave it out")),
    **dict.fromkeys(("megatron_config", "megatron_core"), ("is for Megatron layers, which no model has here", "")),
    **dict.fromkeys(("use_qalora", "qalora_group_size"), ("is for a base model quantised with GPTQ", "Leave it out")),
    "alora_invocation_tokens": (
        "takes effect only after tokens that every text would have to contain, which is not checked",
        "Leave it out",
    ),
    "layer_replication": ("creates layers that share weights, which cannot be merged and saved", "Leave it out"),
    "runtime_config": ("changes where peft computes, not what", "Leave it out"),
    "arrow_config": ("chooses between several adapters, but a run trains one", "Leave it out"),
    "use_bdlora": ("splits an adapter for serving on several devices", "Leave it out"),
    "use_effective_conv2d": ("is for convolutions, which no model has here", "Leave it out"),
    "boft_n_butterfly_factor": ("has an effect only if peft can compile a CUDA extension", "Leave it at 1"),
    "OFTConfig.module_dropout": ("is not read by peft", "Leave it at 0"),
    **dict.fromkeys(
        (f"{kind}.modules_to_save" for kind in ("PromptTuningConfig", "PrefixTuningConfig", "PromptEncoderConfig")),
        ("is for adapters inside the layers, but a prompt comes before them", "Use method=lora"),
    ),
    "tokenizer_kwargs": ("is not passed on", "Name a tokenizer: method.tokenizer_name_or_path=FOLDER"),
}
"""Field, or kind and field, to the reason why it is refused and the next step."""

DEFAULTS: dict[str, Any] = {"megatron_core": "megatron.core", "qalora_group_size": 16, "boft_n_butterfly_factor": 1}
"""Values of refused fields that change nothing, besides null, false, 0 and empty ones."""

PATTERNS = ("target_modules", "exclude_modules", "feedforward_modules")
"""Fields in which a text is a regular expression for module names."""
BY_PATTERN = ("rank_pattern", "alpha_pattern", "n_frequency_pattern")
"""Fields that map regular expressions to numbers."""


def adapter_kind(target: str | None) -> str:
    """The name of a target's class, without its module."""
    return (target or "").rpartition(".")[2]


@rule("method._target_")
def _kind(target: str | None) -> Problem | None:
    if target is None or not target.startswith("peft.") or adapter_kind(target) in KINDS:
        return None
    reason, hint = UNDONE.get(adapter_kind(target), ("is not one of the kinds of adapters that are tested", ""))
    return Problem("method._target_", reason, target, hint or f"Use one of {', '.join(f'peft.{k}' for k in KINDS)}")


@rule("method")
def _not_carried_out(method: Mapping[str, Any]) -> Problem | None:
    kind = adapter_kind(method.get("_target_"))
    for key, value in method.items():
        reason = NOT_CARRIED_OUT.get(key) or NOT_CARRIED_OUT.get(f"{kind}.{key}")
        if reason and value and value != DEFAULTS.get(key):
            return Problem(f"method.{key}", reason[0], str(value), reason[1] or "Leave it out")
    return None


@rule("method.init_lora_weights")
def _start(init: Any) -> Problem | None:
    if init in ("eva", "corda", "lora_ga"):
        return Problem("method.init_lora_weights", NEEDS_DATA, init, WITHOUT_DATA)
    if init == "loftq":
        return Problem("method.init_lora_weights", *NOT_CARRIED_OUT["loftq_config"][:1], init, "Use method=lora alone")
    return None


@rule("method.r", "method._target_")
def _rank(rank: Any, target: str | None) -> Problem | None:
    if rank is None or adapter_kind(target) == "OFTConfig":  # there, 0 means that oft_block_size decides
        return None
    if isinstance(rank, int) and not isinstance(rank, bool) and rank >= 1:
        return None
    return Problem("method.r", "must be a whole number of at least 1", str(rank), "E.g. method.r=8")


@rule("method.r", "method.oft_block_size", "method._target_")
def _blocks(rank: Any, size: Any, target: str | None) -> Problem | None:
    if adapter_kind(target) != "OFTConfig" or not rank or size == 0:
        return None
    rule_text = "sets the same thing as oft_block_size: one of the two must be 0"
    return Problem("method.r", rule_text, str(rank), "Remove it: ~method.r, or add method.oft_block_size=0")


@rule("method.lora_alpha", "method.alpha", "method.randlora_alpha")
def _scale(*values: Any) -> Problem | None:
    for key, value in zip(("lora_alpha", "alpha", "randlora_alpha"), values, strict=True):
        if value is not None and value == 0:
            return Problem(f"method.{key}", "must not be 0: the adapter would be multiplied by it", str(value))
    return None


@rule("method")
def _dropout(method: Mapping[str, Any]) -> Problem | None:
    for key, value in method.items():
        if key.endswith("_dropout") and isinstance(value, int | float) and not 0 <= value < 1:
            return Problem(f"method.{key}", "must be at least 0 and less than 1", str(value))
    return None


@rule("method")
def _names_of_modules(method: Mapping[str, Any]) -> Problem | None:
    for key in PATTERNS:
        value = method.get(key)
        if isinstance(value, str) and value != "all-linear" and (error := _pattern_error(value)):
            hint = f"To name modules instead of a pattern, write a list: 'method.{key}=[NAME]'"
            return Problem(f"method.{key}", f"is not a regular expression: {error}", value, hint)
    for key in BY_PATTERN:
        value = method.get(key) or {}
        if not isinstance(value, Mapping):
            return Problem(f"method.{key}", "must be a mapping from module names to numbers", str(value))
        for pattern, number in value.items():
            if error := _pattern_error(str(pattern)):
                return Problem(f"method.{key}", f"is not a regular expression: {error}", str(pattern))
            if not _is_number(key, number):
                kind = "a number other than 0" if key == "alpha_pattern" else "a whole number of at least 1"
                return Problem(f"method.{key}.{pattern}", f"must be {kind}", str(number))
    return None


def _is_number(key: str, number: Any) -> bool:
    if isinstance(number, bool):
        return False
    if key == "alpha_pattern":
        return isinstance(number, int | float) and number != 0
    return isinstance(number, int) and number >= 1


def _pattern_error(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


def _without_layers(pattern: Any) -> Problem:
    rule_text, hint = "has no effect without layers_to_transform", "Add '+method.layers_to_transform=[0]'"
    return Problem("method.layers_pattern", rule_text, str(pattern), hint)


@rule("method.layers_to_transform", "method.layers_pattern", "method.target_modules")
def _layers(layers: Any, pattern: Any, targets: Any) -> Problem | None:
    if layers is None:
        return _without_layers(pattern) if pattern else None
    numbers = layers if isinstance(layers, list) else [layers]
    if not numbers or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers):
        rule_text = "must be layer numbers, counted from 0"
        return Problem("method.layers_to_transform", rule_text, str(layers), "E.g. 'method.layers_to_transform=[0,1]'")
    if isinstance(targets, str):
        rule_text = "has no effect if target_modules is a text: name the layers in it, or make it a list"
        return Problem("method.layers_to_transform", rule_text, str(layers))
    return None


ONLY_WITH: dict[str, tuple[str, tuple[Any, ...]]] = {
    "prompt_tuning_init_text": ("prompt_tuning_init", ("TEXT",)),
    "tokenizer_name_or_path": ("prompt_tuning_init", ("TEXT",)),
    "encoder_num_layers": ("encoder_reparameterization_type", ("LSTM",)),
    "encoder_dropout": ("encoder_reparameterization_type", ("LSTM",)),
    "PrefixTuningConfig.encoder_hidden_size": ("prefix_projection", (True,)),
    "eps": ("coft", (True,)),
    "num_cayley_neumann_terms": ("use_cayley_neumann", (True, None)),
}
"""Field, or kind and field, to the other field and the values of it that give the first an effect."""
NEEDS: dict[tuple[str, Any], tuple[str, ...]] = {
    ("prompt_tuning_init", "TEXT"): ("prompt_tuning_init_text", "tokenizer_name_or_path"),
    ("prefix_projection", True): ("encoder_hidden_size",),
}
"""Field and value to the fields that they require."""


@rule("method")
def _options_of_options(method: Mapping[str, Any]) -> Problem | None:
    kind = adapter_kind(method.get("_target_"))
    for key, value in method.items():
        other, values = ONLY_WITH.get(key) or ONLY_WITH.get(f"{kind}.{key}") or ("", ())
        if other and value and method.get(other) not in values:
            hint = f"Add +method.{other}={str(values[0]).lower() if values[0] is True else values[0]}"
            return Problem(f"method.{key}", f"has no effect without {other}", str(value), hint)
    for (key, value), needed in NEEDS.items():
        for other in needed:
            if method.get(key) == value and not method.get(other):
                hint = f"Set it: +method.{other}=VALUE"
                return Problem(f"method.{other}", f"is required with method.{key}={value}", None, hint)
    return None
