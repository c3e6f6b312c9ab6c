"""What a config has to know of methods: which are built in, and what kind the class is that one names.

Nothing is imported: a class is known by its bases, read from source (`checking/signatures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tunesmith.config.checking.signatures import read_signature

PARTIAL_METHOD: Final = "tunesmith.models.method.PartialMethod"
"""What a method derives from that trains some of a network's own weights."""
PEFT_CONFIG: Final = "peft.PeftConfig"
"""What a method derives from that trains an adapter."""
PROMPT: Final = "peft.PromptLearningConfig"
"""What an adapter derives from that stands before the text."""


@dataclass(frozen=True)
class MethodTraits:
    """A method that goes by a name of its own."""

    target: str
    """The class that carries it out."""
    key: str | None = None
    """The key of the schema that it needs, and that is its keyword argument."""
    example: str = ""
    """A value of that key."""
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
"""Methods that need no `_target_`: a part of the network's own weights."""
ADAPTERS: Final = ("lora", "ia3", "prompt")
"""Names that go with a class of peft's in `_target_`."""
DEFAULT: Final = "full"
"""The option that is chosen where none is named; a class in `_target_` takes its place."""


def is_adapter(target: str | None) -> bool:
    """Whether a class in `method._target_` is a configuration of peft's, or of the user's own in its manner."""
    return _derives(target, PEFT_CONFIG)


def is_partial(target: str | None) -> bool:
    """Whether it is a class that trains some of a network's own weights."""
    return _derives(target, PARTIAL_METHOD)


def is_prompt(target: str | None) -> bool:
    """Whether it is a configuration of an adapter that stands before the text."""
    return _derives(target, PROMPT)


def trains_layers(name: str | None, target: str | None) -> bool:
    """Whether more than the head is trained, as far as a config can tell: of a class in `_target_` it cannot."""
    traits = BUILT_IN.get(name or "") if target is None else None
    return traits is None or traits.trains_layers


def called(name: str | None, target: str | None) -> str:
    """What people call a method: its name, or that of its class."""
    return name or str(target).rpartition(".")[2]


def keywords(method: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a built-in method's class.

    Args:
        method: The method's node, with a `name` of `BUILT_IN`.
    """
    key = BUILT_IN[method["name"]].key
    return {} if key is None else {key: method[key]}


def takes(target: str | None, keyword: str) -> bool:
    """Whether a class takes a keyword argument, as far as its source shows."""
    signature = read_signature(target) if target else None
    return signature is None or signature.takes_any or keyword in signature.by_name


def _derives(target: str | None, base: str) -> bool:
    signature, ancestor = (read_signature(target) if target else None), read_signature(base)
    if signature is None or ancestor is None:
        return False
    return ancestor.name in (signature.name, *signature.ancestors)
