"""Texts and conversations cut to a limit, on the tokenizer's `truncation_side`, and what is lost of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def cut_text(text: str, most: int, tokenizer: PreTrainedTokenizerFast) -> tuple[str, int, int]:
    """A text cut to so many tokens, special ones left out; its tokens before and after."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    total = len(spans)
    if total <= most:
        return text, total, total
    if tokenizer.truncation_side == "right":
        return text[: spans[most - 1][1]], total, most
    # From the middle of a word on it would be tokenised otherwise, perhaps into more tokens: begin with the next one.
    begins = [place for place in range(total - most, total) if _begins_a_word(text, spans[place][0])]
    place = begins[0] if begins else total - most
    return text[spans[place][0] :], total, total - place


def _begins_a_word(text: str, start: int) -> bool:
    return start == 0 or text[start].isspace() or text[start - 1].isspace()


def places_within(
    tokens: Sequence[int], most: int, tokenizer: PreTrainedTokenizerFast, *, from_left: bool
) -> list[int]:
    """Places of the tokens that are left of a conversation; cut on the left, it keeps the token that begins every text.

    Args:
        tokens: The conversation.
        most: Tokens that may be left.
        tokenizer: A fast tokenizer.
        from_left: Whether to keep the end; else the beginning.
    """
    total = len(tokens)
    if total <= most or not from_left:
        return list(range(min(total, most)))
    beginning = [0] if tokens[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id) else []
    return [*beginning, *range(total - most + len(beginning), total)]


def loss_of_answers(asked: Sequence[bool], kept: Sequence[int]) -> tuple[int, int, int]:
    """How many answers a conversation has, and how many of them are lost and shortened where only some places are kept.

    Args:
        asked: For each token of the conversation whether it is part of an answer.
        kept: Places of the tokens that are left; the first of them follows nothing and cannot be learned.
    """
    is_asked = np.asarray(asked)
    numbers = np.cumsum(np.diff(is_asked, prepend=False) & is_asked)  # of the answer that a token is part of, from 1
    whole = np.bincount(numbers[is_asked], minlength=numbers[-1] + 1)[1:]
    if len(kept) == len(asked):
        return len(whole), 0, 0
    learned = [place for place in kept[1:] if asked[place]]
    left = np.bincount(numbers[learned], minlength=numbers[-1] + 1)[1:]
    return len(whole), int((left == 0).sum()), int(((left > 0) & (left < whole)).sum())
