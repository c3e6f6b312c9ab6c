"""Conversations as tokens: which of them are learned, and what an answer follows on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tunesmith.config.schema import Data
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import Options
from tunesmith.data.sources import Rows
from tunesmith.data.templates import Conversation, render_question, template_of, write
from tunesmith.data.tokenization import IGNORED, Arrays, Tokens, cached, end_to_end
from tunesmith.data.written import check_written
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Made = TypeVar("Made")


def encode_answers(
    rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, room: int | None
) -> tuple[Tokens, Tokens]:
    """Ids of each conversation, cut to `data.max_length`, and labels that ask for the assistant's tokens alone.

    Args:
        rows: The rows.
        tokenizer: A fast tokenizer.
        data: The data config.
        room: Tokens that the input may take; a longer text is cut. None leaves it.

    Raises:
        DataError: Nothing of an answer is within `data.max_length`, or the chat template cannot be used.
    """
    conversations = _conversations(rows, tokenizer, room)

    def make() -> Arrays:
        ids, labels = [], []
        for tokens, asked in _each(rows, data, conversations, lambda turns, more: _learned(turns, tokenizer, more)):
            ids.append(tokens[: data.max_length])
            wanted = [token if ask else IGNORED for token, ask in zip(tokens, asked, strict=True)]
            labels.append([IGNORED, *wanted[1 : data.max_length]])
        flat = end_to_end(ids)
        return {"ids": flat.ids, "offsets": flat.offsets, "labels": end_to_end(labels).ids}

    settings = ("answers through their end", data.max_length, template_of(tokenizer))
    arrays = cached(settings, _content(rows, conversations), tokenizer, Path(data.cache_dir), make)
    tokens, labels = (Tokens(arrays[name], arrays["offsets"]) for name in ("ids", "labels"))
    silent = [i for i in range(len(labels)) if (labels[i] == IGNORED).all()]
    if silent:
        raise DataError(
            f"{len(silent)} rows have no part of the response within data.max_length={data.max_length} "
            f"(first: id {rows.ids[silent[0]]!r}). Raise data.max_length, or leave these rows out of the file"
        )
    return tokens, labels


def prompts_of(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, room: int | None) -> Tokens:
    """What the answer to each conversation follows on, with the mark that the assistant speaks.

    Raises:
        DataError: The chat template cannot be used.
    """
    conversations = [before_answer(turns) for turns in _conversations(rows, tokenizer, room)]

    def make() -> Arrays:
        made = _each(rows, data, conversations, lambda turns, more: _asked(turns, tokenizer, more))
        tokens = end_to_end(list(made))
        return {"ids": tokens.ids, "offsets": tokens.offsets}

    settings = ("questions", template_of(tokenizer))
    arrays = cached(settings, _content(rows, conversations), tokenizer, Path(data.cache_dir), make)
    return Tokens(arrays["ids"], arrays["offsets"])


def before_answer(conversation: Conversation) -> Conversation:
    """What is to be answered: the whole conversation, without its last turn where that is an answer already."""
    return conversation[:-1] if conversation[-1]["role"] == "assistant" else conversation


def prompt(conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Options | None = None) -> list[int]:
    """Ids of the turns before an answer, with the mark that the assistant speaks.

    Raises:
        MalformedError: The chat template refuses them.
    """
    text = render_question(conversation, tokenizer, options)
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _learned(turns: Conversation, tokenizer: PreTrainedTokenizerFast, options: Options) -> tuple[list[int], list[bool]]:
    check_written(turns, tokenizer, options)
    return write(turns, tokenizer, options)


def _asked(turns: Conversation, tokenizer: PreTrainedTokenizerFast, options: Options) -> list[int]:
    check_written(turns, tokenizer, options, asking=True)
    return prompt(turns, tokenizer, options)


def _each(
    rows: Rows, data: Data, conversations: Sequence[Conversation], make: Callable[[Conversation, Options], Made]
) -> Iterator[Made]:
    """What is made of each conversation with its options; what is wrong with one is told with its place."""
    for i, turns in enumerate(conversations):
        try:
            yield make(turns, rows.options[i] if rows.options is not None else {})
        except MalformedError as error:
            place = f"{data.path}:{rows.lines[i]}" if rows.lines is not None else f"row with id {rows.ids[i]!r}"
            raise DataError(f"{place}: {error}") from None


def _content(rows: Rows, conversations: Sequence[Conversation]) -> Iterator[str]:
    options = rows.options if rows.options is not None else [{}] * len(conversations)
    return (json.dumps([list(turns), more]) for turns, more in zip(conversations, options, strict=True))


def _conversations(rows: Rows, tokenizer: PreTrainedTokenizerFast, room: int | None) -> list[Conversation]:
    """The rows' conversations; a text with a target is a question and its answer, the question cut to the room."""
    if rows.messages is not None:
        return list(rows.messages)
    conversations: list[Conversation] = []
    frame = len(prompt([{"role": "user", "content": ""}], tokenizer))
    for text, label in zip(rows.texts, rows.labels, strict=True):
        question = {"role": "user", "content": text if room is None else _cut(text, max(room - frame, 1), tokenizer)}
        conversations.append([question] if label is None else [question, {"role": "assistant", "content": str(label)}])
    return conversations


def _cut(text: str, max_length: int, tokenizer: PreTrainedTokenizerFast) -> str:
    """The beginning of a text, of so many tokens at most."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return text if len(spans) <= max_length else text[: spans[max_length - 1][1]]
