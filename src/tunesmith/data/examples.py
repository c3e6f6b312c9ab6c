"""Turns a record into an example: the model's input and its label or target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunesmith.config.schema import Data
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import (
    Message,
    Options,
    holds_messages,
    is_learned,
    question_and_reference,
    read_messages,
    read_options,
    refuse_as_text,
    text_of,
)
from tunesmith.data.values import (
    is_missing,
    text_in,
)

Label = str | float | tuple[str, ...] | None
"""A label, a number, labels or tags, a target text, or nothing."""


@dataclass(frozen=True)
class Example:
    """One row: the model's input, and its label or target."""

    text: str
    """The input in readable form."""
    label: Label
    pair: str | None = None
    """The second text."""
    words: tuple[str, ...] | None = None
    """The input of a token classifier."""
    messages: tuple[Message, ...] | None = None
    """The conversation, for a language model that learns its answers."""
    options: Options | None = None
    """Arguments of the chat template besides the conversation."""
    reference: str | None = None
    """The answer that a record for prediction already contains."""


def source_and_target(record: Mapping[str, Any], data: Data, conversation_overrides: str) -> Example | None:
    """Read a text and its target; None if one of them is empty.

    Args:
        record: The record.
        data: The data config.
        conversation_overrides: The overrides for lists of messages.

    Raises:
        MalformedError: One of them is not text.
    """
    assert data.target_column is not None  # a rule of the config asks for it
    for column in (data.text_column, data.target_column):
        refuse_as_text(record[column], column, conversation_overrides)
    text = text_in(record[data.text_column], data.text_column, data)
    target = text_in(record[data.target_column], data.target_column, data)
    return Example(text, target) if text and target else None


def prompt_and_response(record: Mapping[str, Any], data: Data, conversation_overrides: str) -> Example | None:
    """Read a prompt and its response, both texts or both lists of messages; only the response is learned.

    Raises:
        MalformedError: They are of different kinds, or there is nothing to learn.
    """
    prompt, response = record[data.text_column], record[data.target_column or ""]
    lists = [isinstance(value, list) or holds_messages(value) for value in (prompt, response)]
    if all(lists):
        if not prompt or not response:
            return None
        before = [
            {**turn, "train": False} if turn["role"] == "assistant" else turn
            for turn in read_messages(prompt, data.text_column)
        ]
        return _learning((*before, *read_messages(response, data.target_column or "")), record, data.target_column)
    if any(lists) and any(not value or is_missing(value, data.missing) for value in (prompt, response)):
        return None
    if any(lists):
        raise MalformedError(
            f"{data.text_column!r} and {data.target_column!r} must both hold a text, or both a list of messages"
        )
    example = source_and_target(record, data, conversation_overrides)
    if example is None:
        return None
    answer = str(example.label)
    turns = ({"role": "user", "content": example.text}, {"role": "assistant", "content": answer})
    return Example(example.text, answer, messages=turns, options=read_options(record))


def conversation(record: Mapping[str, Any], data: Data) -> Example | None:
    """Read the conversation in `data.messages_column`; None if it is empty.

    Raises:
        MalformedError: It is not a conversation, or there is nothing to learn.
    """
    value = record[data.messages_column or ""]
    if not value or is_missing(value, data.missing):
        return None
    return _learning(read_messages(value, data.messages_column or ""), record, data.messages_column)


def _learning(turns: tuple[Message, ...], record: Mapping[str, Any], column: str | None) -> Example:
    """Build the example of a conversation whose assistant turns are learned."""
    answers = [number for number, turn in enumerate(turns) if is_learned(turn) and text_of(turn).strip()]
    if not answers:
        silent = (
            "" if not any(turn["role"] == "assistant" for turn in turns) else " that is to be learned and not empty"
        )
        rule = f"{column!r} has no message of the assistant{silent}, so there is nothing to learn"
        raise MalformedError(f"{rule}. Leave the row out of the file")
    before = "\n".join(text_of(turn) for turn in turns[: answers[-1]])
    return Example(before, text_of(turns[answers[-1]]), messages=turns, options=read_options(record))


def asked(record: Mapping[str, Any], column: str) -> Example:
    """Read a conversation to be answered.

    Raises:
        MalformedError: The column does not hold a conversation.
    """
    turns = read_messages(record[column], column)
    text, reference = question_and_reference(turns)
    return Example(text, None, messages=turns, options=read_options(record), reference=reference)
