"""From a record of a file to an example, as each task wants it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tunesmith.config.schema import Data, Task
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
    as_text,
    is_missing,
    label_of,
    labels_of,
    missing_labels,
    refuse_missing_among,
    strings_of,
    text_in,
)

Label = str | float | tuple[str, ...] | None
"""A label, a number, labels or tags, a text to be written, or nothing."""


@dataclass(frozen=True)
class Example:
    """One row: what the model is given, and what it is to answer."""

    text: str
    """The input as people read it."""
    label: Label
    pair: str | None = None
    """The second text."""
    words: tuple[str, ...] | None = None
    """The input of a token classifier."""
    messages: tuple[Message, ...] | None = None
    """The input of a language model that is to learn the answers in a conversation."""
    options: Options | None = None
    """What the chat template is handed beside the conversation."""
    reference: str | None = None
    """The answer that a question's record holds already."""


Reader = Callable[[Mapping[str, Any], Data], Example | None]
"""Makes a record an example; None where something that is needed is empty.

Raises:
    MalformedError: The record has a value of the wrong form.
"""


def reader(task: Task, data: Data) -> Reader:
    """The function that reads records for a task."""
    if task.name == "classification":
        return _several_labels if task.multi_label else _one_label
    if task.name == "language_modeling":
        return _conversation if data.messages_column else _prompt_and_response if data.target_column else _plain_text
    return {"regression": _number, "token_classification": _tagged_words, "text_to_text": _source_and_target}[task.name]


def columns(task: Task, data: Data) -> list[str]:
    """The keys of `data` that name the columns that records must have for a task."""
    if task.name == "language_modeling" and data.messages_column:
        return ["messages_column"]
    wanted = {
        "language_modeling": ["text_column", "target_column"],
        "text_to_text": ["text_column", "target_column"],
        "token_classification": ["text_column", "label_column"],
    }.get(task.name, ["text_column", "label_column", "text_pair_column"])
    return [key for key in wanted if getattr(data, key) is not None]


def question(record: Mapping[str, Any], task: Task, data: Data) -> Example:
    """What a model is to answer, without the answer: a record's input alone.

    Raises:
        MalformedError: The record lacks a column, or has it in a form that the task cannot take.
    """
    conversation = task.name == "language_modeling" and data.messages_column in record
    needed = [data.messages_column or ""] if conversation else [data.text_column]
    needed += [data.text_pair_column] if data.text_pair_column and not conversation else []
    missing = [name for name in needed if name not in record]
    if missing:
        raise MalformedError(
            f"no column {missing[0]!r}; the columns are {', '.join(map(repr, record))}. Use --text-column NAME"
        )
    if conversation:
        return _asked(record, data.messages_column or "")
    value = record[data.text_column]
    if task.name == "token_classification":
        words = tuple(value.split()) if _plain(value) else strings_of(value, data.text_column)
        return Example(" ".join(words), None, words=words)
    learns_answers = task.name == "language_modeling" and bool(data.messages_column or data.target_column)
    if learns_answers and (isinstance(value, list) or holds_messages(value)):
        return _asked(record, data.text_column)
    if task.name in ("language_modeling", "text_to_text"):
        refuse_as_text(value, data.text_column, _way_out(data))
    as_it_stands = data.model_copy(
        update={"missing": []}
    )  # `NA` may be asked: a row that only trains is another matter
    text = text_in(value, data.text_column, as_it_stands)
    if learns_answers:
        return Example(text, None, messages=({"role": "user", "content": text},), options=read_options(record))
    pair = data.text_pair_column
    return Example(text, None, text_in(record[pair], pair, as_it_stands) if pair else None)


def _plain(value: Any) -> bool:
    return isinstance(value, str) and not value.lstrip().startswith("[")


def _one_label(record: Mapping[str, Any], data: Data) -> Example | None:
    label = label_of(record[data.label_column], data.label_column, missing_labels(data))
    return None if label is None else _of_texts(record, data, label)


def _several_labels(record: Mapping[str, Any], data: Data) -> Example | None:
    """A text may have no label at all: an empty list or an empty field says so."""
    labels = labels_of(record[data.label_column], data.label_column, data)
    return None if labels is None else _of_texts(record, data, labels)


def _number(record: Mapping[str, Any], data: Data) -> Example | None:
    value = record[data.label_column]
    if is_missing(value, data.missing):
        return None
    try:
        not_a_number = isinstance(value, bool) or "_" in str(value)  # Python alone reads 1_5 as 15
        number = math.nan if not_a_number else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise MalformedError(
            f"{data.label_column!r} holds {as_text(value)!r} where regression needs a finite number. "
            "Mend it, name another column (data.label_column=...), or take task=classification"
        )
    return _of_texts(record, data, number)


def _of_texts(record: Mapping[str, Any], data: Data, label: Label) -> Example | None:
    text = text_in(record[data.text_column], data.text_column, data)
    pair = text_in(record[data.text_pair_column], data.text_pair_column, data) if data.text_pair_column else None
    return Example(text, label, pair) if text and pair != "" else None


def _tagged_words(record: Mapping[str, Any], data: Data) -> Example | None:
    if any(is_missing(record[column], data.missing) for column in (data.text_column, data.label_column)):
        return None
    words = strings_of(record[data.text_column], data.text_column)
    tags = strings_of(record[data.label_column], data.label_column)
    if len(words) != len(tags):
        raise MalformedError(
            f"{len(words)} words in {data.text_column!r} and {len(tags)} tags in {data.label_column!r}: "
            "give every word one tag"
        )
    if not words:
        return None
    if not all(word.strip() for word in words) or not all(tag.strip() for tag in tags):
        raise MalformedError("a word or a tag is empty: give every word one tag, such as O")
    refuse_missing_among(tags, data.label_column, data)
    return Example(" ".join(words), tags, words=words)


def _plain_text(record: Mapping[str, Any], data: Data) -> Example | None:
    refuse_as_text(record[data.text_column], data.text_column, _way_out(data))
    text = text_in(record[data.text_column], data.text_column, data)
    return Example(text, None) if text else None


def _source_and_target(record: Mapping[str, Any], data: Data) -> Example | None:
    assert data.target_column is not None  # config/rules asks for it
    for column in (data.text_column, data.target_column):
        refuse_as_text(record[column], column, _way_out(data))
    text = text_in(record[data.text_column], data.text_column, data)
    target = text_in(record[data.target_column], data.target_column, data)
    return Example(text, target) if text and target else None


def _way_out(data: Data) -> str:
    if data.target_column is None:
        return f"task=language_modeling data.messages_column={data.text_column}"
    return f"task=language_modeling data.text_column={data.text_column} data.target_column={data.target_column}"


def _prompt_and_response(record: Mapping[str, Any], data: Data) -> Example | None:
    """Texts, or both as lists of messages; of these the response's are learned and the prompt's are not."""
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
    example = _source_and_target(record, data)
    if example is None:
        return None
    answer = str(example.label)
    turns = ({"role": "user", "content": example.text}, {"role": "assistant", "content": answer})
    return Example(example.text, answer, messages=turns, options=read_options(record))


def _conversation(record: Mapping[str, Any], data: Data) -> Example | None:
    value = record[data.messages_column or ""]
    if not value or is_missing(value, data.missing):
        return None
    return _learning(read_messages(value, data.messages_column or ""), record, data.messages_column)


def _learning(turns: tuple[Message, ...], record: Mapping[str, Any], column: str | None) -> Example:
    """A conversation of which the assistant's turns are learned."""
    answers = [number for number, turn in enumerate(turns) if is_learned(turn) and text_of(turn).strip()]
    if not answers:
        silent = (
            "" if not any(turn["role"] == "assistant" for turn in turns) else " that is to be learned and not empty"
        )
        rule = f"{column!r} has no message of the assistant{silent}, so there is nothing to learn"
        raise MalformedError(f"{rule}. Leave the row out of the file")
    before = "\n".join(text_of(turn) for turn in turns[: answers[-1]])
    return Example(before, text_of(turns[answers[-1]]), messages=turns, options=read_options(record))


def _asked(record: Mapping[str, Any], column: str) -> Example:
    """A conversation that is to be answered."""
    turns = read_messages(record[column], column)
    text, reference = question_and_reference(turns)
    return Example(text, None, messages=turns, options=read_options(record), reference=reference)
