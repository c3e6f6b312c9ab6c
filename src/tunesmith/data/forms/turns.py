"""The turns of a record in each format of `data.convert`, under the names that a conversation has here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from tunesmith.config.conversions import CALLS, CONVERSIONS
from tunesmith.config.schema import Data
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import Message, holds_messages
from tunesmith.data.values import is_missing, text_in

Turns = list[Message]


def names_of(data: Data) -> dict[str, str]:
    """Return the name in the file of everything that the format names."""
    assert data.convert is not None
    return {name: data.columns.get(name, name) for name in CONVERSIONS[data.convert].names}


def alpaca(record: Mapping[str, Any], data: Data) -> Turns:
    """Read `history`, then `instruction` and `input` with a line break between, then `output`.

    Raises:
        MalformedError: A value is no text, or the history is not a list of pairs.
    """
    names = names_of(data)
    texts = [_text(record, names[name], data) for name in ("instruction", "input")]
    asked = "\n".join(filter(None, texts))
    return [*_history(record, names["history"], data), *_pair(asked, _text(record, names["output"], data))]


def prompt_response(record: Mapping[str, Any], data: Data) -> Turns:
    """Read a prompt and its response: texts, or lists of turns of which only those of the response are learned.

    Raises:
        MalformedError: They are of different kinds.
    """
    names = names_of(data)
    prompt, response = (_parsed(record.get(names[name])) for name in ("prompt", "response"))
    lists = [holds_messages(value) for value in (prompt, response)]
    if not any(lists):
        return _pair(*(_text(record, names[name], data) for name in ("prompt", "response")))
    if not lists[0] or (not lists[1] and not is_missing(response, data.missing)):
        both = f"{names['prompt']!r} and {names['response']!r}"
        raise MalformedError(f"{both} must both hold a text, or both a list of messages")
    before = [{**turn, "train": False} if turn.get("role") == "assistant" else turn for turn in prompt]
    return [*before, *(response if lists[1] else [])]


def conversation_turns(record: Mapping[str, Any], data: Data) -> Turns:
    """Read a list of turns, each with a role and a text under the format's keys, or those of `data.columns`.

    Raises:
        MalformedError: A turn has no role or an unknown one, or is empty; the message names it, from 1.
    """
    assert data.convert is not None
    conversion, names = CONVERSIONS[data.convert], names_of(data)
    column = names[conversion.asked[0]]
    value = _parsed(record.get(column))
    if not value or is_missing(value, data.missing):
        return []
    if not isinstance(value, list):
        raise MalformedError(f"{column!r} must hold a list of turns, but holds a {type(value).__name__}")
    keys = {conversion.turn[0]: names[conversion.turn[0]], conversion.turn[1]: names[conversion.turn[1]]}
    roles = {**conversion.roles, **data.roles}
    turns = [_turn_of(item, keys, roles, f"{column!r}, turn {number}") for number, item in enumerate(value, 1)]
    return [turn for turn in turns if turn]


READERS: dict[str, Callable[[Mapping[str, Any], Data], Turns]] = {
    "alpaca": alpaca,
    "prompt_response": prompt_response,
    "sharegpt": conversation_turns,
    "messages": conversation_turns,
}
"""Value of `data.convert` to what reads the turns of a record; none for a record in which something is empty."""


def _turn_of(item: Any, keys: Mapping[str, str], roles: Mapping[str, str], where: str) -> Message:
    """A turn under the names that it has here; nothing for a system turn without a text."""
    (ours, role_key), (_, text_key) = keys.items()
    if not isinstance(item, dict) or role_key not in item:
        there = (
            f"its keys are {', '.join(map(repr, item))}" if isinstance(item, dict) else f"it is {type(item).__name__}"
        )
        raise MalformedError(
            f"{where}: has no {role_key!r}; {there}. Name the key of the role: data.columns.{ours}=KEY"
        )
    given = item[role_key]
    if not isinstance(given, str) or given not in roles:
        known = ", ".join(roles)
        way = f"Say what it is here: data.roles.{given}=assistant (or user, system, tool)"
        raise MalformedError(f"{where}: the role is {given!r}; known roles are {known}. {way}")
    rest = {key: value for key, value in item.items() if key not in (role_key, text_key)}
    turn, content = {"role": roles[given], **rest}, item.get(text_key)
    if given == CALLS and CALLS not in ("role", text_key) and isinstance(content, str):
        return {**turn, "tool_calls": _calls(content, f"{where} ({given})")}
    blank = content is None or (isinstance(content, str) and not content.strip())
    if blank and turn["role"] == "system":
        return {}
    if blank and turn["role"] != "tool" and not item.get("tool_calls"):
        rule = "is empty" if text_key in item else f"has no {text_key!r}; its keys are {', '.join(map(repr, item))}"
        raise MalformedError(f"{where} ({given}): {rule}. Write its text there, or leave the row out of the file")
    return turn if content is None else {**turn, "content": content}


def _calls(text: str, where: str) -> list[dict[str, Any]]:
    """Read calls of tools from the JSON text of one, or of a list of them."""
    value = _parsed(text)
    calls = value if isinstance(value, list) else [value]
    if not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        form = '{"name": ..., "arguments": {...}}'
        raise MalformedError(f"{where}: must hold the JSON text of a call, {form}, or of a list of them")
    return [{"type": "function", "function": call} for call in calls]


def _history(record: Mapping[str, Any], column: str, data: Data) -> Turns:
    value = _parsed(record.get(column))
    if not value or is_missing(value, data.missing):
        return []
    turns = []
    for number, pair in enumerate(value if isinstance(value, list) else [value], 1):
        texts = (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) and text.strip() for text in pair)
        )
        if not texts:
            rule = "must be a list of a question and its answer, neither of them empty"
            raise MalformedError(f"{column!r}, pair {number}: {rule}. Correct it, or leave the row out of the file")
        turns += _pair(*pair)
    return turns


def _pair(question: str, answer: str) -> Turns:
    """A question and its answer, or the question alone; nothing without a question."""
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return turns[: 1 + bool(answer)] if question else []


def _text(record: Mapping[str, Any], column: str, data: Data) -> str:
    return text_in(record.get(column), column, data)


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):  # JSON in a field of a CSV file
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value
