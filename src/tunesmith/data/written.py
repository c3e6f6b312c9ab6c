"""Refuses parts of a conversation that its chat template would silently drop."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.data.lines import numbered
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import NAMED_ELSE, Options, is_learned
from tunesmith.data.rows import Rows
from tunesmith.data.templates import Conversation, ends_of_answers, render_conversation

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

OURS = ("role", "content", "train")
LINKS = (("tool", "tool_call_id"), ("tool", "name"))
"""Keys by role that only link a turn to a call; many templates rely on the order of turns instead."""
SKIPPED = ("system", "tool")
"""Roles whose turns some templates leave out."""
RESERVED = ("messages", "tools", "documents", "add_generation_prompt")


def check_written(
    conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Options, *, asking: bool = False
) -> None:
    """Refuse whatever the template leaves out: a turn, a key of one, or another argument.

    Args:
        conversation: The turns.
        tokenizer: The tokenizer with the template.
        options: The template's arguments besides the turns.
        asking: Whether the conversation is a prompt to be answered.

    Raises:
        MalformedError: Something has no effect on the text; the message names turn and key.
    """
    if not conversation:
        return
    text = render_conversation(conversation, tokenizer, options, asking=asking)
    _check_options(conversation, tokenizer, options, text, asking)
    for number, turn in enumerate(conversation):
        where = f"turn {number + 1} ({turn['role']})"
        for key in turn:
            optional = key in OURS or (turn["role"], key) in LINKS
            if not optional and not _has_effect(conversation, number, key, tokenizer, options):
                here = f" Its name here is {NAMED_ELSE[key]!r}." if key in NAMED_ELSE else ""
                raise MalformedError(
                    f"{where}, key {key!r}: has no effect: the tokenizer's chat template does not write it.{here} "
                    "Remove the key, or use a model.tokenizer whose template writes it"
                )
        _check_calls(conversation, number, tokenizer, options, text)
        content = turn.get("content", "").strip()
        if content and (turn["role"] in SKIPPED or content not in text):
            _check_content(conversation, number, tokenizer, options, text)


def doubts(parts: Sequence[Rows], tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Return a sentence for each harmless but surprising effect of the template.

    Args:
        parts: Rows; one conversation for each set of keys is checked.
        tokenizer: The tokenizer with the template.
    """
    kinds: dict[frozenset[tuple[str, str]], tuple[Conversation, Options]] = {}
    for rows in parts:
        options = rows.options if rows.options is not None else [{}] * len(rows)
        for turns, more in zip(rows.messages or (), options, strict=False):
            kinds.setdefault(frozenset((turn["role"], key) for turn in turns for key in turn), (turns, more))
    sentences = [sentence for turns, more in kinds.values() for sentence in _doubts(turns, tokenizer, more)]
    return [*dict.fromkeys(sentences), *(_marks_in_texts(parts, tokenizer) if kinds else ())]


def _marks_in_texts(parts: Sequence[Rows], tokenizer: PreTrainedTokenizerFast) -> Iterator[str]:
    """Report texts with control tokens, such as already templated ones, or ones that imitate a turn."""
    ends = tokenizer.convert_ids_to_tokens(ends_of_answers(tokenizer))
    for mark in dict.fromkeys((*ends, *tokenizer.all_special_tokens)):
        places = [
            rows.ids[i] if rows.lines is None else numbered(rows.lines[i])
            for rows in parts
            for i, turns in enumerate(rows.messages or ())
            if any(mark in turn.get("content", "") for turn in turns)
        ]
        if places:
            kind = "the token that ends a turn" if mark in ends else "a control token, not as these letters"
            yield (
                f"{len(places)} conversations contain {mark} in a text (first: {places[0]}), which is read as {kind}. "
                "Remove it from the texts: the chat template writes what belongs there"
            )


def _doubts(conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Options) -> Iterator[str]:
    if "strftime_now" in _source(tokenizer) and "date_string" not in options.get("chat_template_kwargs", {}):
        yield (
            "the chat template writes the current date, so a run on another day learns other tokens: if the "
            "template takes a date_string, give each row one in the column chat_template_kwargs"
        )
    for number, turn in enumerate(conversation):
        for role, key in LINKS:
            if turn["role"] == role and key in turn and not _has_effect(conversation, number, key, tokenizer, options):
                yield f"the chat template does not write {key!r} of {role} turns: the model does not see it"
        for call in turn.get("tool_calls", []):
            arguments = call.get("function", call)["arguments"]
            if (
                isinstance(arguments, dict)
                and arguments
                and str(arguments) in render_conversation(conversation, tokenizer, options)
            ):
                yield (
                    "the chat template writes tool call arguments that are objects in Python notation, with single "
                    "quotes. Provide them as JSON text if the model is to write JSON"
                )


def _has_effect(
    conversation: Conversation, number: int, key: str, tokenizer: PreTrainedTokenizerFast, options: Options
) -> bool:
    """Whether the text changes without a key: the text of the whole conversation, or of the turns so far.

    Some templates leave out the reasoning before an answer when other turns follow.
    """
    without = {name: value for name, value in conversation[number].items() if name != key}
    return _differ(conversation, number, without, tokenizer, options)


def _differ(
    conversation: Conversation, number: int, other: Mapping[str, Any], tokenizer: Any, options: Options
) -> bool:
    changed = [*conversation[:number], dict(other), *conversation[number + 1 :]]
    for end in dict.fromkeys((len(conversation), number + 1)):
        texts = []
        for turns in (conversation[:end], changed[:end]):
            try:
                texts.append(render_conversation(turns, tokenizer, options))
            except MalformedError:  # the template needs what was changed
                texts.append("")
        if texts[0] != texts[1]:
            return True
    return False


def _check_calls(
    conversation: Conversation, number: int, tokenizer: PreTrainedTokenizerFast, options: Options, text: str
) -> None:
    """Refuse calls that the template leaves out, and JSON arguments that it encodes as JSON again."""
    turn = conversation[number]
    calls = turn.get("tool_calls", [])
    where = f"turn {number + 1} ({turn['role']}), key 'tool_calls'"
    for i, call in enumerate(calls):
        rest = {**turn, "tool_calls": [*calls[:i], *calls[i + 1 :]]}
        if len(calls) > 1 and not _differ(conversation, number, rest, tokenizer, options):
            raise MalformedError(
                f"{where}: call {i + 1} of {len(calls)} has no effect: the tokenizer's chat template does not write "
                "it. Remove it, or use another model.tokenizer"
            )
        arguments = call.get("function", call)["arguments"]
        if isinstance(arguments, str) and json.dumps(arguments, ensure_ascii=False) in text:
            raise MalformedError(
                f"{where}: the arguments of call {i + 1} are JSON text, which the tokenizer's chat template encodes as "
                "JSON again, in quotes. Provide them as an object"
            )


def _check_content(
    conversation: Conversation, number: int, tokenizer: PreTrainedTokenizerFast, options: Options, text: str
) -> None:
    """Refuse content that the template leaves out; it may be written in another form."""
    turn = conversation[number]
    where = f"turn {number + 1} ({turn['role']}), key 'content'"
    if not _differ(conversation, number, {**turn, "content": turn["content"] + " x"}, tokenizer, options):
        raise MalformedError(
            f"{where}: has no effect: the tokenizer's chat template writes no such turn. Leave it out, or use a "
            "model.tokenizer whose template writes it"
        )
    missing = [word for word in turn["content"].split() if word.casefold() not in text.casefold()]
    if is_learned(turn) and missing:
        raise MalformedError(
            f"{where}: the tokenizer's chat template leaves a part of it out ({missing[0]!r}, ...). Move that part to "
            "its own key, such as reasoning_content, or use another model.tokenizer"
        )


def _check_options(
    conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Options, text: str, asking: bool
) -> None:
    for name in options.keys() - {"chat_template_kwargs"}:
        rest = {key: value for key, value in options.items() if key != name}
        try:
            effect = render_conversation(conversation, tokenizer, rest, asking=asking) != text
        except MalformedError:
            effect = True
        if not effect:
            raise MalformedError(
                f"column {name!r}: has no effect: the tokenizer's chat template does not write it. Remove it from the "
                "row, or use a model.tokenizer whose template writes it"
            )
    template = _source(tokenizer)
    for name in options.get("chat_template_kwargs", {}):
        if name in RESERVED or not re.search(rf"\b{re.escape(name)}\b", template):
            raise MalformedError(
                f"column 'chat_template_kwargs', key {name!r}: has no effect: the tokenizer's chat template does not "
                "read it. Remove the key, or use a model.tokenizer whose template reads it"
            )


def _source(tokenizer: PreTrainedTokenizerFast) -> str:
    template = tokenizer.chat_template or ""
    return "\n".join(template.values()) if isinstance(template, dict) else template
