"""Conversations as a chat template writes them: the text, which tokens of it are answers, and what ends these.

A tokenizer without a template gets one of ours, so that whoever loads what is saved writes prompts as they were
learned: every turn of others ends with a line break, every answer with the tokenizer's end token.
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
"""Our own template, behind whatever the tokenizer begins every text with."""
PROBE: Conversation = ({"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"})
UNLIKELY = "here stands what is said"
"""A content that no template writes of itself."""
CALL = {"type": "function", "id": "call00001", "function": {"name": "call", "arguments": {"of": "it"}}}
CALL_PROBE: Conversation = (PROBE[0], {"role": "assistant", "content": "", "tool_calls": [CALL]})


def template_of(tokenizer: PreTrainedTokenizerFast) -> Any:
    """The tokenizer's own chat template (some have several, by name), or else ours."""
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
    """The text of a conversation; with the mark that the assistant speaks next, where it is to be asked.

    Raises:
        MalformedError: The template refuses it.
    """
    turns = [{key: value for key, value in turn.items() if key != "train"} for turn in conversation]
    arguments = dict(options or {})
    arguments |= arguments.pop("chat_template_kwargs", {})
    template = None if tokenizer.chat_template is not None else template_of(tokenizer)
    try:
        text: str = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=asking, chat_template=template, **arguments
        )
    except Exception as error:  # a template is a program, and may raise what it likes
        raise MalformedError(f"the tokenizer's chat template refuses this conversation: {error}") from None
    return text


def render_question(
    conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Mapping[str, Any] | None = None
) -> str:
    """The text that an answer follows on; nothing but the mark that the assistant speaks, where it speaks first.

    Raises:
        MalformedError: The template refuses it.
    """
    if conversation:
        return render_conversation(conversation, tokenizer, options, asking=True)
    return render_conversation([{"role": "assistant", "content": UNLIKELY}], tokenizer, options).partition(UNLIKELY)[0]


def write(
    conversation: Conversation, tokenizer: PreTrainedTokenizerFast, options: Mapping[str, Any] | None = None
) -> tuple[list[int], list[bool]]:
    """Ids of a conversation, and for each whether it is learned: answers, through the token that ends each.

    What the template writes behind that token, such as a line break, is never generated and so not learned.

    Raises:
        MalformedError: The template refuses the conversation, writes no end behind an answer, or writes earlier turns
            otherwise than when they stand alone.
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
    """Where the last turn of a conversation begins in the text of the whole, and where the token ends that ends it."""
    before = render_question(conversation[:-1], tokenizer, options)
    through = render_conversation(conversation, tokenizer, options)
    if through.startswith(before) and text.startswith(before):
        last = _end(through, len(before), tokenizer)
        if last is None:
            raise MalformedError(f"turn {len(conversation)}: {_endless(through[len(before) :], tokenizer)}")
        if text.startswith(through[:last]):
            return len(before), last
    reason = "writes earlier turns differently when others follow, so that answers cannot be told from the rest"
    if not through.startswith(before) and through.startswith(
        render_conversation(conversation[:-1], tokenizer, options)
    ):
        reason = f"asks for an answer ({before[-40:]!r}) otherwise than it writes one ({through[-40:]!r})"
    raise MalformedError(
        f"turn {len(conversation)}: the tokenizer's chat template {reason}. Give one prompt and one response per row "
        "(data.text_column, data.target_column), or another model.tokenizer"
    )


def _end(through: str, first: int, tokenizer: PreTrainedTokenizerFast) -> int | None:
    """Where the mark ends that ends an answer, the last thing in a text that begins at `first`.

    It is the first mark of what the template writes behind every answer. Where the text ends otherwise, as some calls
    of tools do, it is the last mark with nothing but space behind it.
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
    """What the template writes behind an answer that is the last turn."""
    try:
        return render_conversation([PROBE[0], {"role": "assistant", "content": UNLIKELY}], tokenizer).rpartition(
            UNLIKELY
        )[2]
    except MalformedError:
        return ""


def marks(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """Ids of tokens that stand for no piece of a text: the special and the added ones."""
    return {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}


def ends_of_answers(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The token that the chat template writes behind an answer, and that behind a call of tools if it is another.

    Raises:
        DataError: It writes none, so that an answer could never end.
    """
    try:
        ends = [_last_learned(PROBE, tokenizer)]
    except MalformedError as error:
        raise DataError(f"model.tokenizer: {error}") from None
    with contextlib.suppress(MalformedError):  # many templates know no tools
        ends.append(_last_learned(CALL_PROBE, tokenizer))
    return list(dict.fromkeys(ends))


def _last_learned(conversation: Conversation, tokenizer: PreTrainedTokenizerFast) -> int:
    ids, asked = write(conversation, tokenizer)
    return [token for token, ask in zip(ids, asked, strict=True) if ask][-1]


def end_of_text(tokenizer: PreTrainedTokenizerFast) -> int | None:
    """The token behind a text that is no conversation: the end token, or what the tokenizer itself writes last."""
    if tokenizer.eos_token_id is not None:
        return int(tokenizer.eos_token_id)
    frame = tokenizer("")["input_ids"]
    return int(frame[-1]) if len(frame) > 1 and frame[-1] in marks(tokenizer) else None


def _endless(answer: str, tokenizer: PreTrainedTokenizerFast) -> str:
    if str(template_of(tokenizer)).endswith(PLAIN):
        return (
            "nothing ends an answer: the tokenizer has neither a chat template nor an end token. Name one of its "
            "tokens as the end, model.config.eos_token_id=ID, or take another model.tokenizer"
        )
    return (
        f"the tokenizer's chat template writes no token behind an answer that ends it ({answer[-40:]!r}), so that "
        "generation could never stop. Put {{ eos_token }} behind the assistant's content in its chat template, remove "
        "the template (an answer then ends with the end token), or take another model.tokenizer"
    )
