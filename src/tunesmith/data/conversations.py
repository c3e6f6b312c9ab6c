"""Conversations as tokens: which of them are the assistant's, and what an answer follows on.

A tokenizer's own chat template writes them where there is one. Otherwise every turn of others ends with a line break
and every answer with the tokenizer's end token.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.config.schema import Data
from tunesmith.data.examples import Message
from tunesmith.data.sources import Rows
from tunesmith.data.tokenization import IGNORED, Arrays, Tokens, cached, end_to_end
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Conversation = Sequence[Message]


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
        for conversation in conversations:
            tokens, asked = write(conversation, tokenizer)
            ids.append(tokens[: data.max_length])
            wanted = [token if ask else IGNORED for token, ask in zip(tokens, asked, strict=True)]
            labels.append([IGNORED, *wanted[1 : data.max_length]])
        flat = end_to_end(ids)
        return {"ids": flat.ids, "offsets": flat.offsets, "labels": end_to_end(labels).ids}

    content = (json.dumps(list(conversation)) for conversation in conversations)
    arrays = cached(("answers", data.max_length), content, tokenizer, Path(data.cache_dir), make)
    tokens, labels = (Tokens(arrays[name], arrays["offsets"]) for name in ("ids", "labels"))
    silent = [i for i in range(len(labels)) if (labels[i] == IGNORED).all()]
    if silent:
        raise DataError(
            f"{len(silent)} rows have no part of the response within data.max_length={data.max_length} "
            f"(first: id {rows.ids[silent[0]]!r}). Raise data.max_length, or leave these rows out of the file"
        )
    return tokens, labels


def prompts_of(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, room: int | None) -> Tokens:
    """What the last answer of each conversation follows on, with the mark that the assistant speaks."""
    conversations = _conversations(rows, tokenizer, room)

    def make() -> Arrays:
        tokens = end_to_end([prompt(before_last_answer(conversation), tokenizer) for conversation in conversations])
        return {"ids": tokens.ids, "offsets": tokens.offsets}

    content = (json.dumps(list(conversation)) for conversation in conversations)
    arrays = cached(("prompts",), content, tokenizer, Path(data.cache_dir), make)
    return Tokens(arrays["ids"], arrays["offsets"])


def before_last_answer(conversation: Conversation) -> Conversation:
    """The turns that the last answer follows on; all of them where there is no answer yet."""
    answers = [i for i, turn in enumerate(conversation) if turn["role"] == "assistant"]
    return conversation[: answers[-1]] if answers else conversation


def write(conversation: Conversation, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[bool]]:
    """Ids of a conversation, and for each whether it is part of an answer, the mark of its end included."""
    if tokenizer.chat_template is None:
        return _write_plainly(conversation, tokenizer)
    text = _render(conversation, tokenizer)
    spans = []
    for number, turn in enumerate(conversation):
        if turn["role"] == "assistant":
            before = _render(conversation[:number], tokenizer, asking=True)
            through = _render(conversation[: number + 1], tokenizer)
            if not text.startswith(before) or not text.startswith(through):
                raise DataError(
                    "the tokenizer's chat template writes earlier turns differently when others follow, so that "
                    "answers cannot be told from the rest. Give one prompt and one response per row "
                    "(data.text_column, data.target_column), or another model.tokenizer"
                )
            spans.append((len(before), len(through)))
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    asked = [any(first <= start < last for first, last in spans) for start, _ in encoded["offset_mapping"]]
    return encoded["input_ids"], asked


def prompt(conversation: Conversation, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Ids of the turns before an answer."""
    if tokenizer.chat_template is None:
        return _write_plainly(conversation, tokenizer)[0]
    text = _render(conversation, tokenizer, asking=True)
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _render(conversation: Conversation, tokenizer: PreTrainedTokenizerFast, *, asking: bool = False) -> str:
    try:
        text: str = tokenizer.apply_chat_template(list(conversation), tokenize=False, add_generation_prompt=asking)
    except Exception as error:  # a template is a program, and may raise what it likes
        raise DataError(f"the tokenizer's chat template refuses a conversation: {error}") from None
    return text


def _write_plainly(conversation: Conversation, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[bool]]:
    """Without a template; the text of each turn is tokenised for itself, so that a prompt's ids begin the whole."""
    end = tokenizer.eos_token_id
    ids = [token for token in tokenizer("")["input_ids"] if token not in (end, tokenizer.sep_token_id)]
    asked = [False] * len(ids)
    for turn in conversation:
        answer = turn["role"] == "assistant"
        text = turn["content"] if answer else turn["content"] + "\n"
        part = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        part = [*part, end] if answer and end is not None else part
        ids += part
        asked += [answer] * len(part)
    return ids, asked


def _conversations(rows: Rows, tokenizer: PreTrainedTokenizerFast, room: int | None) -> list[Conversation]:
    """The rows' conversations; a text with a target is a question and its answer, the question cut to the room."""
    if rows.messages is not None:
        return list(rows.messages)
    found: list[Conversation] = []
    frame = len(prompt([{"role": "user", "content": ""}], tokenizer))
    for text, label in zip(rows.texts, rows.labels, strict=True):
        question = {"role": "user", "content": text if room is None else _cut(text, max(room - frame, 1), tokenizer)}
        found.append([question] if label is None else [question, {"role": "assistant", "content": str(label)}])
    return found


def _cut(text: str, max_length: int, tokenizer: PreTrainedTokenizerFast) -> str:
    """The beginning of a text, of so many tokens at most."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return text if len(spans) <= max_length else text[: spans[max_length - 1][1]]
