"""Cuts texts and conversations to a limit, on the tokenizer's `truncation_side`, and counts what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def cut_text(text: str, most: int, tokenizer: PreTrainedTokenizerFast) -> tuple[str, int, int]:
    """Cut a text to `most` tokens, without special ones; return also its tokens before and after."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    total = len(spans)
    if total <= most:
        return text, total, total
    if tokenizer.truncation_side == "right":
        return text[: spans[most - 1][1]], total, most
    # From the middle of a word, tokens differ and may be more: start at the next word.
    begins = [place for place in range(total - most, total) if _begins_a_word(text, spans[place][0])]
    place = begins[0] if begins else total - most
    return text[spans[place][0] :], total, total - place


def _begins_a_word(text: str, start: int) -> bool:
    return start == 0 or text[start].isspace() or text[start - 1].isspace()


def places_within(
    tokens: Sequence[int], most: int, tokenizer: PreTrainedTokenizerFast, *, from_left: bool
) -> list[int]:
    """Return the positions of the tokens kept of a conversation; cut on the left, it keeps the start token.

    Args:
        tokens: The conversation's ids.
        most: Maximum tokens kept.
        tokenizer: A fast tokenizer.
        from_left: Whether to cut on the left, keeping the end.
    """
    total = len(tokens)
    if total <= most or not from_left:
        return list(range(min(total, most)))
    beginning = [0] if tokens[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id) else []
    return [*beginning, *range(total - most + len(beginning), total)]


def loss_of_answers(asked: Sequence[bool], kept: Sequence[int]) -> tuple[int, int, int]:
    """Count a conversation's answers, and those that are lost or shortened if only some tokens are kept.

    Args:
        asked: Whether each token of the conversation is part of an answer.
        kept: Positions of the tokens kept; the first has no context and cannot be learned.
    """
    is_asked = np.asarray(asked)
    numbers = np.cumsum(np.diff(is_asked, prepend=False) & is_asked)  # of each token's answer, from 1
    whole = np.bincount(numbers[is_asked], minlength=numbers[-1] + 1)[1:]
    if len(kept) == len(asked):
        return len(whole), 0, 0
    learned = [place for place in kept[1:] if asked[place]]
    left = np.bincount(numbers[learned], minlength=numbers[-1] + 1)[1:]
    return len(whole), int((left == 0).sum()), int(((left > 0) & (left < whole)).sum())
