"""Reads and checks the turns of a conversation, and the chat template's other arguments."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.data.malformed import MalformedError

Message = dict[str, Any]
"""A turn of a conversation: `role`, `content` (may be absent beside tool calls), and any other key that a chat template
may write. `train: False` is Tunesmith's own: such a turn is not learned."""
Options = dict[str, Any]
"""Arguments of a chat template besides the turns: `tools`, `documents`, `chat_template_kwargs`."""

ROLES = ("system", "user", "assistant", "tool")
OTHER_NAMES = {
    **{"developer": "'system'", "human": "'user'", "gpt": "'assistant'", "model": "'assistant'", "function": "'tool'"},
    **{"observation": "'tool'", "function_call": "'assistant', with the call in 'tool_calls'"},
}
"""Roles in other formats, and their names here."""
SHAREGPT = (
    "This is the ShareGPT format: in place of data.messages_column, use data.convert=sharegpt "
    "data.columns.conversations="
)
"""Followed by the name of the column."""
SEGMENTS = (
    'Pieces of a text that are learned or not are turns here: {"role": "assistant", "content": TEXT} where label is '
    'true, and {"role": "user", "content": TEXT} where it is false'
)
"""How to write axolotl's segments as turns."""
NAMED_ELSE = {"training": "train"}
"""Keys of a turn in other formats, and their names here."""
FORM = '{"role": ..., "content": ...}'


def read_messages(value: Any, column: str) -> tuple[Message, ...]:
    """Read the turns in a column, from a list or the JSON text of one.

    Raises:
        MalformedError: They have another form; the message names the turn, from 1, and the key.
    """
    value = _parsed(value)
    if not isinstance(value, list) or not value:
        received = "an empty list" if value == [] else f"a {type(value).__name__}"
        raise MalformedError(f"{column!r} must hold a list of {FORM}, but holds {received}")
    return tuple(_turn(item, f"{column!r}, turn {number}") for number, item in enumerate(value, 1))


def read_options(record: Mapping[str, Any]) -> Options:
    """Read the chat template's arguments from the columns beside a conversation, without empty ones.

    Raises:
        MalformedError: A column holds something that a template cannot take.
    """
    forms = {"tools": "a list of objects", "documents": "a list of objects", "chat_template_kwargs": "an object"}
    options: Options = {}
    for name, form in forms.items():
        value = _parsed(record.get(name))
        if value == "" or _is_absent(value):
            continue
        fits = isinstance(value, dict) if form == "an object" else _is_list_of_objects(value)
        if not fits:
            raise MalformedError(
                f"{name!r} beside a conversation goes to its chat template, and must hold {form} (or the JSON text of "
                "one). Correct it, or give the column another name"
            )
        options[name] = value
    return options


def is_learned(turn: Message) -> bool:
    """Whether a turn is learned: the assistant's are, unless they are marked otherwise."""
    return bool(turn["role"] == "assistant" and turn.get("train", True))


def text_of(turn: Message) -> str:
    """Return a turn's readable text: its content, or else its tool calls as JSON."""
    content = str(turn.get("content") or "")
    return content if content or "tool_calls" not in turn else json.dumps(turn["tool_calls"], ensure_ascii=False)


def question_and_reference(turns: Sequence[Message]) -> tuple[str, str | None]:
    """Return a conversation's last question and its answer; None for the answer if the last turn is not one."""
    answered = turns[-1]["role"] == "assistant"
    asked = turns[:-1] if answered else turns
    return text_of(asked[-1]) if asked else "", text_of(turns[-1]) if answered else None


def holds_messages(value: Any) -> bool:
    """Whether a value is a conversation in any form, or the JSON text of one."""
    if isinstance(value, str):
        value = _parsed(value) if value.lstrip().startswith("[") and '"' in value else None
    return _is_list_of_objects(value) and all("role" in item or "from" in item for item in value)


def refuse_as_text(value: Any, column: str, conversation_overrides: str) -> None:
    """Refuse a conversation or a list of token ids in place of a text.

    Args:
        value: The value of the column.
        column: The column's name.
        conversation_overrides: The settings for conversations.

    Raises:
        MalformedError: It is one; the message says which settings take it.
    """
    if holds_messages(value):
        raise MalformedError(
            f"{column!r} holds a conversation, not text. To learn its answers: {conversation_overrides}"
        )
    if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        raise MalformedError(
            f"{column!r} holds a list of numbers, such as token ids, not text. Tunesmith tokenises texts itself: name "
            "the column with the text itself, data.text_column=NAME"
        )


def _turn(item: Any, where: str) -> Message:
    if not isinstance(item, dict):
        raise MalformedError(f"{where}: a turn is {FORM}, but this is a {type(item).__name__}")
    turn = {key: value for key, value in item.items() if not _is_absent(value)}
    role = turn.get("role")
    if role not in ROLES:
        keys = "" if "role" in item else f", which has the keys {', '.join(map(repr, item)) or 'none'}"
        other = f". Its name here is {OTHER_NAMES[role]}" if isinstance(role, str) and role in OTHER_NAMES else ""
        column = where.partition(",")[0].strip("'\"")
        other = f". {SHAREGPT}{column}" if "role" not in item and {"from", "value"} <= item.keys() else other
        other = f". {SEGMENTS}" if item.keys() == {"label", "text"} else other
        raise MalformedError(f"{where}: the role is {role!r}{keys}; roles are {', '.join(ROLES)}{other}")
    where = f"{where} ({role})"
    if "tool_calls" in turn:
        _check_calls(turn["tool_calls"], role, f"{where}, key 'tool_calls'")
    _check_content(turn, item, where)
    learned = _learned(turn, role, where)
    kept = {key: value for key, value in turn.items() if key not in ("role", "content", "weight", "train")}
    content = {"content": turn["content"]} if "content" in turn else {}
    return {"role": role, **content, **kept, **({} if learned else {"train": False})}


def _check_content(turn: Message, item: Mapping[str, Any], where: str) -> None:
    if isinstance(turn.get("content"), str) or ("content" not in turn and "tool_calls" in turn):
        return
    if "content" not in item:
        raise MalformedError(
            f"{where}: has no 'content'; its keys are {', '.join(map(repr, item))}. Write a text there"
        )
    kinds = {
        "NoneType": "null, as only a turn of the assistant with 'tool_calls' may be. Write a text, or remove it",
        "list": "a list of parts. Join their texts into one text; images and audio are not supported",
    }
    kind = type(item["content"]).__name__
    raise MalformedError(f"{where}, key 'content': must be a text, but is {kinds.get(kind, f'a {kind}. Write a text')}")


def _check_calls(calls: Any, role: str, where: str) -> None:
    """Refuse tool calls that are not in OpenAI's format: `{"function": {"name", "arguments"}}`."""
    if role != "assistant":
        raise MalformedError(f"{where}: only the assistant calls tools. Remove it")
    form = 'a list of {"type": "function", "function": {"name": ..., "arguments": {...}}}'
    if not _is_list_of_objects(calls):
        raise MalformedError(f"{where}: must be {form}")
    for number, call in enumerate(calls, 1):
        function = call.get("function", call)
        if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
            raise MalformedError(f"{where}: call {number} names no function; it must be {form}")
        if not isinstance(_parsed(function.get("arguments")), dict):
            raise MalformedError(
                f"{where}: the arguments of call {number} ({function['name']}) must be an object or the JSON text of "
                f"one, but are {function.get('arguments')!r}"
            )


def _learned(turn: Message, role: str, where: str) -> bool:
    marks = {}
    for key, known in (("weight", (0, 1)), ("train", (True, False))):
        if key in turn:
            value = turn[key]
            if value not in known or (key == "train" and not isinstance(value, bool)):
                some = "0 (not learned) or 1 (learned)" if key == "weight" else "true or false"
                raise MalformedError(
                    f"{where}, key {key!r}: must be {some}, but is {value!r}: a turn is learned or not"
                )
            marks[key] = bool(value)
    if len(set(marks.values())) > 1:
        raise MalformedError(f"{where}: 'weight' and 'train' contradict each other. Remove one")
    learned = all(marks.values())
    if marks and learned and role != "assistant":
        key = next(iter(marks))
        raise MalformedError(f"{where}, key {key!r}: only turns of the assistant are learned. Remove it")
    return learned or role != "assistant"


def _is_absent(value: Any) -> bool:
    """Whether a value is null, an empty list or object, or NaN (pandas' missing value)."""
    return value is None or value == [] or value == {} or (isinstance(value, float) and math.isnan(value))


def _parsed(value: Any) -> Any:
    if isinstance(value, str):  # JSON in a field of a CSV file
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
