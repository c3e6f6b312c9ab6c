"""Renders conversations with a chat template, and finds the answers' tokens and their ends.

A tokenizer without a template gets Tunesmith's own, so a saved model is prompted as it was trained: other turns end
with a line break, answers with the tokenizer's end token. See docs/decisions.md, 2026-11-26: the end of an answer.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import Message, is_learned
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Conversation = Sequence[Message]

PLAIN = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% else %}{{ '\\n' }}{% endif %}{% endfor %}"
)
"""Tunesmith's template, to follow the tokenizer's start tokens."""
PROBE: Conversation = ({"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"})
UNLIKELY = "here stands what is said"
"""Content that no template contains."""
CALL = {"type": "function", "id": "call00001", "function": {"name": "call", "arguments": {"of": "it"}}}
CALL_PROBE: Conversation = (PROBE[0], {"role": "assistant", "content": "", "tool_calls": [CALL]})


def template_of(tokenizer: PreTrainedTokenizerFast) -> Any:
    """Return the tokenizer's chat template (some have several, by name), or else Tunesmith's own."""
    if tokenizer.chat_template is not None:
        return tokenizer.chat_template
    ends = {tokenizer.eos_token_id, tokenizer.sep_token_id}
    opening = [token for token in tokenizer("")["input_ids"] if token not in ends]
    return "".join(tokenizer.convert_ids_to_tokens(opening)) + PLAIN


def render_conversation(
    conversation: Conversation,
    tokenizer: PreTrainedTokenizerFast,
    options: Mapping[str, Any] | None = None,
    *,
    asking: bool = False,
) -> str:
    """Render a conversation; with `asking`, through the start of the assistant's next turn.

    Raises:
        MalformedError: The template refuses the conversation.
    """
    turns = [{key: value for key, value in turn.items() if key != "train"} for turn in conversation]
    arguments = dict(options or {})
    arguments |= arguments.pop("chat_template_kwargs", {})
    template = None if tokenizer.chat_template is not None else template_of(tokenizer)
    try:
        text: str = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=asking, chat_template=template, **arguments
        )
    except Exception as error:  # a template is a program, and can raise anything
        raise MalformedError(f"the tokenizer's chat template refuses this conversation: {error}") from None
    return text


def render_question(
    conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Mapping[str, Any] | None = None
) -> str:
    """Render the prompt before an answer; if there are no turns, only the start of the assistant's turn.

    Raises:
        MalformedError: The template refuses the conversation.
    """
    if conversation:
        return render_conversation(conversation, tokenizer, options, asking=True)
    return render_conversation([{"role": "assistant", "content": UNLIKELY}], tokenizer, options).partition(UNLIKELY)[0]


def write(
    conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Mapping[str, Any] | None = None
) -> tuple[list[int], list[bool]]:
    """Encode a conversation; return also whether each token is learned: answers, through their end tokens.

    What the template writes after the end token, such as a line break, is never generated, so it is not learned.

    Raises:
        MalformedError: The template refuses the conversation, writes no end token after an answer, or renders earlier
            turns differently when others follow.
    """
    text = render_conversation(conversation, tokenizer, options)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    learned = [number for number, turn in enumerate(conversation) if is_learned(turn)]
    spans = [_span(conversation[: number + 1], text, tokenizer, options) for number in learned]
    asked = [any(first <= start < last for first, last in spans) for start, _ in encoded["offset_mapping"]]
    return encoded["input_ids"], asked


def _span(
    conversation: Conversation, text: str, tokenizer: PreTrainedTokenizerFast, options: Mapping[str, Any] | None
) -> tuple[int, int]:
    """Return start and end of a conversation's last turn in the text of the whole, including its end token."""
    before = render_question(conversation[:-1], tokenizer, options)
    through = render_conversation(conversation, tokenizer, options)
    if through.startswith(before) and text.startswith(before):
        last = _end(through, len(before), tokenizer)
        if last is None:
            raise MalformedError(f"turn {len(conversation)}: {_endless(through[len(before) :], tokenizer)}")
        if text.startswith(through[:last]):
            return len(before), last
    reason = "writes earlier turns differently when others follow, so answers cannot be located"
    if not through.startswith(before) and through.startswith(
        render_conversation(conversation[:-1], tokenizer, options)
    ):
        reason = f"prompts for an answer ({before[-40:]!r}) differently from how it writes one ({through[-40:]!r})"
    raise MalformedError(
        f"turn {len(conversation)}: the tokenizer's chat template {reason}. Give one prompt and one response per row "
        "(data.text_column, data.target_column), or another model.tokenizer"
    )


def _end(through: str, first: int, tokenizer: PreTrainedTokenizerFast) -> int | None:
    """Return the end of an answer's end token, in a text whose last answer begins at `first`.

    It is the first control token that the template writes after every answer. If the text ends differently, as some
    tool calls do, it is the last control token followed only by space.
    """
    strings = sorted(map(re.escape, tokenizer.convert_ids_to_tokens(sorted(marks(tokenizer)))), key=len, reverse=True)
    tail = _tail(tokenizer)
    if tail and through.endswith(tail):
        ended = re.search("|".join(strings), tail)
        if ended is not None:
            return len(through) - len(tail) + ended.end()
    places = [match.end() for match in re.finditer("|".join(strings), through) if match.start() >= first]
    return places[-1] if places and not through[places[-1] :].strip() else None


def _tail(tokenizer: PreTrainedTokenizerFast) -> str:
    """Return what the template writes after a final answer."""
    try:
        return render_conversation([PROBE[0], {"role": "assistant", "content": UNLIKELY}], tokenizer).rpartition(
            UNLIKELY
        )[2]
    except MalformedError:
        return ""


def marks(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """Return the ids of control tokens: the special and the added ones."""
    return {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}


def ends_of_answers(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the end token of answers, and that of tool calls if it differs.

    Raises:
        DataError: The chat template writes none, so generation would never stop.
    """
    try:
        ends = [_last_learned(PROBE, tokenizer)]
    except MalformedError as error:
        raise DataError(f"model.tokenizer: {error}") from None
    with contextlib.suppress(MalformedError):  # many templates do not support tools
        ends.append(_last_learned(CALL_PROBE, tokenizer))
    return list(dict.fromkeys(ends))


def _last_learned(conversation: Conversation, tokenizer: PreTrainedTokenizerFast) -> int:
    ids, asked = write(conversation, tokenizer)
    return [token for token, ask in zip(ids, asked, strict=True) if ask][-1]


def end_of_text(tokenizer: PreTrainedTokenizerFast) -> int | None:
    """Return the end token of plain texts: the tokenizer's end token, or the control token that it appends."""
    if tokenizer.eos_token_id is not None:
        return int(tokenizer.eos_token_id)
    frame = tokenizer("")["input_ids"]
    return int(frame[-1]) if len(frame) > 1 and frame[-1] in marks(tokenizer) else None


def _endless(answer: str, tokenizer: PreTrainedTokenizerFast) -> str:
    if str(template_of(tokenizer)).endswith(PLAIN):
        return (
            "nothing ends an answer: the tokenizer has neither a chat template nor an end token. Name one of its "
            "tokens as the end, model.config.eos_token_id=ID, or use another model.tokenizer"
        )
    return (
        f"the tokenizer's chat template writes no end token after an answer ({answer[-40:]!r}), so "
        "generation would never stop. Put {{ eos_token }} after the assistant's content in its chat template, remove "
        "the template (an answer then ends with the end token), or use another model.tokenizer"
    )
