"""What the schema says about a dotted key: whether it exists, and in words, what it accepts."""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tunesmith.config.schema import RunConfig, TargetNode

PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "null"}


@cache
def field_at(path: str) -> FieldInfo | None:
    """The schema's field at a dotted path, also below a dict of nodes; None for keys that it does not name."""
    model: type[BaseModel] | None = RunConfig
    parts = path.split(".")
    while model is not None:
        part = parts.pop(0)
        info = next((field for name, field in model.model_fields.items() if part == (field.alias or name)), None)
        if info is None or not parts:
            return info
        of_dict = _is_dict(info.annotation)
        model = _node(get_args(info.annotation)[1]) if of_dict else _node(info.annotation)
        parts = parts[1:] if of_dict else parts
        if not parts:  # a name in a dict of nodes, such as `data.sources.NAME`
            return None
    return None


def model_at(path: str) -> type[BaseModel] | None:
    """The schema class of the node at a dotted path, also in a dict of nodes such as `callbacks.NAME`."""
    model: type[BaseModel] | None = RunConfig
    parts = path.split(".") if path else []
    while parts and model is not None:
        info = model.model_fields.get(parts.pop(0))
        if info is not None and _is_dict(info.annotation) and parts:
            parts.pop(0)
            model = _node(get_args(info.annotation)[1])
        else:
            model = _node(info.annotation) if info else None
    return model


def describe_type(path: str) -> str | None:
    """What a key accepts, in words: `a whole number of at least 1, or auto`."""
    info = field_at(path)
    if info is None:
        return None
    return _words(info.annotation, info.metadata)


def takes_value(path: str, value: Any) -> bool:
    """Whether a key accepts a value, by itself; True for keys that the schema does not name."""
    info = field_at(path)
    if info is None:
        return True
    kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def choices(path: str) -> list[str]:
    """The words that a key accepts."""
    info = field_at(path)
    members = [_strip(member) for member in _union(info.annotation)] if info else []
    return [str(word) for member in members if get_origin(member) is Literal for word in get_args(member)]


def _node(annotation: Any) -> type[BaseModel] | None:
    members = [member for member in _union(annotation) if isinstance(member, type) and issubclass(member, BaseModel)]
    return members[0] if members else None


def _is_dict(annotation: Any) -> bool:
    return get_origin(annotation) is dict


def _union(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _strip(annotation: Any) -> Any:
    """The type under `Annotated`."""
    return annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation


def _words(annotation: Any, metadata: Any) -> str:
    parts = [_member_words(member, metadata) for member in _union(annotation)]
    if "a whole number" in parts and "a number" in parts:
        parts.remove("a whole number")
    return ", or ".join(parts)


def _member_words(member: Any, metadata: Any) -> str:
    bounds = getattr(member, "__metadata__", None) or metadata
    kind = _strip(member)
    if get_origin(kind) is Literal:
        words = [str(word) for word in get_args(kind)]
        return words[0] if len(words) == 1 else f"one of {', '.join(words)}"
    if get_origin(kind) is list:
        return f"a list of {PLAIN.get(get_args(kind)[0], 'values')}"
    node = _node(kind)
    if node is not None and issubclass(node, TargetNode):
        return "a mapping with the name of a class in _target_"
    if node is not None or _is_dict(kind):
        return "a mapping of keys to values"
    limits = _length(bounds) if kind is str else _range(bounds) if kind in (int, float) else ""
    return f"{PLAIN.get(kind, 'a value')}{limits}"


def _length(metadata: Any) -> str:
    """` of exactly one character` from pydantic's constraints on a text."""
    bounds = _flat(metadata)
    least = next((bound.min_length for bound in bounds if isinstance(bound, MinLen)), 0)
    most = next((bound.max_length for bound in bounds if isinstance(bound, MaxLen)), None)
    if least == most:
        return f" of exactly {_characters(least)}"
    limits = [f"at least {_characters(least)}"] if least else []
    limits += [f"at most {_characters(most)}"] if most is not None else []
    return f" of {' and '.join(limits)}" if limits else ""


def _characters(count: int) -> str:
    return f"{'one' if count == 1 else count} character{'' if count == 1 else 's'}"


def _flat(metadata: Any) -> list[Any]:
    return [bound for item in metadata for bound in (getattr(item, "metadata", None) or [item])]


def _range(metadata: Any) -> str:
    """` of at least 0 and less than 1` from pydantic's constraints."""
    words = {Ge: ("of at least", "ge"), Gt: ("greater than", "gt"), Le: ("at most", "le"), Lt: ("less than", "lt")}
    limits = [
        f"{text} {getattr(bound, name)}"
        for bound in _flat(metadata)
        for kind, (text, name) in words.items()
        if isinstance(bound, kind)
    ]
    return f" {' and '.join(limits)}" if limits else ""
