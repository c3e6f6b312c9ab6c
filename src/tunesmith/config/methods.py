"""What a config must know about methods: which are built in, and the kind of a class that it names.

Nothing is imported: the kind follows from the base classes, read from source (`checking/signatures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tunesmith.config.checking.signatures import read_signature

PARTIAL_METHOD: Final = "tunesmith.models.method.PartialMethod"
"""Base class of methods that train some of a network's own weights."""
PEFT_CONFIG: Final = "peft.PeftConfig"
"""Base class of methods that train an adapter."""
PROMPT: Final = "peft.PromptLearningConfig"
"""Base class of adapters that are a prompt before the text."""


@dataclass(frozen=True)
class MethodTraits:
    """A built-in method."""

    target: str
    """The class that implements it."""
    key: str | None = None
    """The key of the schema that it requires, which is also its keyword argument."""
    example: str = ""
    """An example value of that key."""
    trains_layers: bool = True
    """Whether it trains more than the head."""


BUILT_IN: Final[Mapping[str, MethodTraits]] = {
    "full": MethodTraits("tunesmith.models.partial.full.Full"),
    "head_only": MethodTraits("tunesmith.models.partial.head_only.HeadOnly", trains_layers=False),
    "last_layers": MethodTraits("tunesmith.models.partial.last_layers.LastLayers", "layers", "2"),
    "freeze": MethodTraits("tunesmith.models.partial.freeze.Freeze", "frozen", "[embeddings]"),
    "gradual": MethodTraits("tunesmith.models.partial.gradual.Gradual", "unfrozen_by", "0.5"),
    "bitfit": MethodTraits("tunesmith.models.partial.bitfit.BitFit"),
}
"""Methods that need no `_target_`: they train the network's own weights."""
ADAPTERS: Final = ("lora", "ia3", "prompt")
"""Names of methods with a class from peft in `_target_`."""
DEFAULT: Final = "full"
"""The default option; a class in `_target_` replaces it."""


def is_adapter(target: str | None) -> bool:
    """Whether a class in `method._target_` is a peft configuration, or a user's own subclass of one."""
    return _derives(target, PEFT_CONFIG)


def is_partial(target: str | None) -> bool:
    """Whether it is a class that trains some of a network's own weights."""
    return _derives(target, PARTIAL_METHOD)


def is_prompt(target: str | None) -> bool:
    """Whether it is the configuration of an adapter that is a prompt before the text."""
    return _derives(target, PROMPT)


def trains_layers(name: str | None, target: str | None) -> bool:
    """Whether more than the head is trained; True for a class in `_target_`, where a config cannot tell."""
    traits = BUILT_IN.get(name or "") if target is None else None
    return traits is None or traits.trains_layers


def method_label(name: str | None, target: str | None) -> str:
    """The name of a method for messages: its own, or that of its class."""
    return name or str(target).rpartition(".")[2]


def keywords(method: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a built-in method's class.

    Args:
        method: The method's node, with a `name` of `BUILT_IN`.
    """
    key = BUILT_IN[method["name"]].key
    return {} if key is None else {key: method[key]}


def accepts_keyword(target: str | None, keyword: str) -> bool:
    """Whether a class takes a keyword argument, according to its source; True if that is not found."""
    signature = read_signature(target) if target else None
    return signature is None or signature.takes_any or keyword in signature.by_name


def _derives(target: str | None, base: str) -> bool:
    signature, ancestor = (read_signature(target) if target else None), read_signature(base)
    if signature is None or ancestor is None:
        return False
    return ancestor.name in (signature.name, *signature.ancestors)
