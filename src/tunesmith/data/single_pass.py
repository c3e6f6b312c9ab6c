"""Long texts cut to a limit from the tokens of the whole text, where a tokenizer's own cut is a part of those."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

TRIED = 32
"""Long texts that the tokenizer cuts itself, and that its cut is learned from; there has to be one reading of them."""


def gap_of(whole: Sequence[Sequence[int]], cut: Sequence[Sequence[int]], most: int) -> int | None:
    """How many tokens of a cut text stand before the gap: those behind it are the last ones of the whole text.

    A tokenizer puts its special tokens around what is left of a text. Cut on the right, all but the special tokens at
    the end stand before the gap; cut on the left, the special tokens at the beginning.

    Args:
        whole: Ids of some texts without a limit, each of more than `most` tokens.
        cut: Ids of the same texts as the tokenizer cuts them.
        most: The limit.

    Returns:
        The number, from 0 to `most`; None if it is not the same for all texts, or they leave it open.
    """
    if any(len(ids) != most for ids in cut):
        return None
    fitting = range(most + 1)
    for ids, kept in zip(whole, cut, strict=True):
        before = _common(ids, kept)
        behind = _common(reversed(ids), reversed(kept))
        fitting = range(max(fitting.start, most - behind), min(fitting.stop, before + 1))
    return fitting.start if len(fitting) == 1 else None


def _common(one: Iterable[int], other: Iterable[int]) -> int:
    """How many items are the same from the beginning on."""
    number = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        number += 1
    return number
