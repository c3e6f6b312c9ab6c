"""Tokenizes conversations: which tokens are learned, and the prompt before each answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tunesmith.config.schema import Data
from tunesmith.data.cutting import cut_text, loss_of_answers, places_within
from tunesmith.data.examples import Label
from tunesmith.data.lazy import row_by_row
from tunesmith.data.lengths import Answers, Counts
from tunesmith.data.lines import place_of
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import Options
from tunesmith.data.rows import Rows
from tunesmith.data.templates import Conversation, render_question, template_of, write
from tunesmith.data.token_files import Arrays
from tunesmith.data.tokenization import IGNORED, Tokens, cached, end_to_end, in_parts
from tunesmith.data.written import check_written
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Made = TypeVar("Made")


def encode_answers(
    rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, room: int | None
) -> tuple[Tokens, Tokens, Answers]:
    """Encode each conversation within `data.max_length`: ids, labels of the assistant's tokens, and lost answers.

    Args:
        rows: The rows.
        tokenizer: A fast tokenizer.
        data: The data config.
        room: Maximum tokens of the input; a longer text is cut. None does not cut it.

    Raises:
        DataError: The chat template cannot be used.
    """
    conversations = _conversations(rows)
    from_left = room is None and tokenizer.truncation_side == "left"

    def make() -> Iterator[Arrays]:
        for part in in_parts(len(conversations)):
            ids, labels, whole, answers = [], [], [], []
            shorter = within(conversations[part], tokenizer, room)[0]
            learned = _each(rows, data, part, shorter, lambda turns, more: _learned(turns, tokenizer, more))
            for tokens, asked in learned:
                kept = places_within(tokens, data.max_length, tokenizer, from_left=from_left)
                ids.append([tokens[place] for place in kept])
                labels.append([IGNORED, *(tokens[place] if asked[place] else IGNORED for place in kept[1:])])
                whole.append(len(tokens))
                answers.append(loss_of_answers(asked, kept))
            flat = end_to_end(ids)
            yield {
                "ids": flat.ids,
                "offsets": flat.offsets,
                "labels": end_to_end(labels).ids,
                "whole": np.asarray(whole, dtype=np.int64),
                "answers": np.asarray(answers, dtype=np.int64).reshape(-1, 3),
            }

    settings = ("answers through their end", data.max_length, room, template_of(tokenizer))
    arrays = cached(settings, _content(rows, conversations), tokenizer, Path(data.cache_dir), make)
    tokens = Tokens(arrays["ids"], arrays["offsets"], arrays["whole"])
    return tokens, Tokens(arrays["labels"], arrays["offsets"]), Answers(*arrays["answers"].T)


def prompts_of(
    rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, room: int | None
) -> tuple[Tokens, Counts, Counts]:
    """Encode the prompt before each conversation's answer, through the start of the assistant's turn.

    Args:
        rows: The rows.
        tokenizer: A fast tokenizer.
        data: The data config.
        room: Maximum tokens of the input; a longer text is cut. None does not cut it.

    Returns:
        The prompts, and the number of tokens of each row's text before and after cutting.

    Raises:
        DataError: The chat template cannot be used.
    """
    conversations = row_by_row(before_answer, _conversations(rows))

    def make() -> Iterator[Arrays]:
        for part in in_parts(len(conversations)):
            shorter, whole, kept = within(conversations[part], tokenizer, room)
            asked = _each(rows, data, part, shorter, lambda turns, more: _asked(turns, tokenizer, more))
            tokens = end_to_end(list(asked))
            yield {"ids": tokens.ids, "offsets": tokens.offsets, "whole": whole, "kept": kept}

    settings = ("questions", room, template_of(tokenizer))
    arrays = cached(settings, _content(rows, conversations), tokenizer, Path(data.cache_dir), make)
    return Tokens(arrays["ids"], arrays["offsets"]), arrays["whole"], arrays["kept"]


def before_answer(conversation: Conversation) -> Conversation:
    """Return the conversation before its answer: all of it, except a last turn of the assistant."""
    return conversation[:-1] if conversation[-1]["role"] == "assistant" else conversation


def prompt(conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Options | None = None) -> list[int]:
    """Encode the turns before an answer, through the start of the assistant's turn.

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
    rows: Rows,
    data: Data,
    part: slice,
    conversations: Sequence[Conversation],
    make: Callable[[Conversation, Options], Made],
) -> Iterator[Made]:
    """Apply `make` to each conversation of a part of the rows, with its options; errors name the conversation's row."""
    for i, turns in enumerate(conversations, part.start):
        try:
            yield make(turns, rows.options[i] if rows.options is not None else {})
        except MalformedError as error:
            place = place_of(data.path, rows.lines[i]) if rows.lines is not None else f"row with id {rows.ids[i]!r}"
            raise DataError(f"{place}: {error}") from None


def _content(rows: Rows, conversations: Sequence[Conversation]) -> Iterator[str]:
    options = rows.options if rows.options is not None else [{}] * len(conversations)
    return (json.dumps([list(turns), more]) for turns, more in zip(conversations, options, strict=True))


def _conversations(rows: Rows) -> Sequence[Conversation]:
    """Return the rows' conversations; a text with a target becomes a question and its answer."""
    return rows.messages if rows.messages is not None else row_by_row(_question_and_answer, rows.texts, rows.labels)


def _question_and_answer(text: str, label: Label) -> Conversation:
    question = {"role": "user", "content": text}
    return [question] if label is None else [question, {"role": "assistant", "content": str(label)}]


def frame(tokenizer: PreTrainedTokenizerFast) -> int:
    """Count the tokens of a prompt besides its text."""
    return len(prompt([{"role": "user", "content": ""}], tokenizer))


def within(
    conversations: Sequence[Conversation], tokenizer: PreTrainedTokenizerFast, room: int | None
) -> tuple[Sequence[Conversation], Counts, Counts]:
    """Cut the first turn of each conversation; return also the tokens of its text before and after."""
    if room is None:
        nothing = np.zeros(len(conversations), dtype=np.int64)
        return conversations, nothing, nothing
    most = max(room - frame(tokenizer), 1)
    cuts = [cut_text(str(turns[0]["content"]), most, tokenizer) for turns in conversations]
    shorter = [[turns[0] | {"content": cut[0]}, *turns[1:]] for turns, cut in zip(conversations, cuts, strict=True)]
    counts = np.asarray([cut[1:] for cut in cuts], dtype=np.int64).reshape(-1, 2)
    return shorter, counts[:, 0], counts[:, 1]
