"""Encodes texts for language modelling: long ones are divided, short ones packed."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tunesmith.data.token_files import Arrays
from tunesmith.data.tokenization import Tokens, cached, end_to_end, in_parts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def encode_documents(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, max_length: int, cache_dir: Path
) -> tuple[Tokens, npt.NDArray[np.int64]]:
    """Divide texts into samples of at most `max_length` tokens; return also each sample's text position.

    A text ends with the tokenizer's end token, if it has one. A sample begins with the last token of the previous one,
    so every token of a text except its first is predicted exactly once.
    """

    def make() -> Iterator[Arrays]:
        for part in in_parts(len(texts)):
            some = list(texts[part])
            encoded = tokenizer(some, return_attention_mask=False, verbose=False)["input_ids"] if some else []
            samples, owners = [], []
            for number, ids in enumerate(encoded, part.start):
                whole = ended(ids, tokenizer.eos_token_id)
                for start in range(0, max(len(whole) - 1, 0), max_length - 1):
                    samples.append(whole[start : start + max_length])
                    owners.append(number)
            tokens = end_to_end(samples)
            yield {"ids": tokens.ids, "offsets": tokens.offsets, "owners": np.asarray(owners, dtype=np.int64)}

    arrays = cached(("documents", max_length), texts, tokenizer, cache_dir, make)
    return Tokens(arrays["ids"], arrays["offsets"]), arrays["owners"]


def encode_openings(texts: Sequence[str], tokenizer: PreTrainedTokenizerFast, max_length: int) -> Tokens:
    """Encode texts to be continued: at most their last `max_length` tokens, without an end token."""
    ends = {tokenizer.eos_token_id, tokenizer.sep_token_id} - {None}
    encoded = tokenizer(list(texts), return_attention_mask=False, verbose=False)["input_ids"] if texts else []
    openings = [ids[:-1] if len(ids) > 1 and ids[-1] in ends else ids for ids in encoded]
    whole = np.asarray([len(ids) for ids in openings], dtype=np.int64)
    return replace(end_to_end([ids[-max_length:] for ids in openings]), whole=whole)


def ended(ids: list[int], end: int | None, max_length: int | None = None) -> list[int]:
    """Return ids with the end token last, within `max_length`; unchanged if the tokenizer has none."""
    if end is None or (ids and ids[-1] == end):
        return ids
    return [*(ids if max_length is None else ids[: max_length - 1]), end]


def pack(lengths: Sequence[int] | npt.NDArray[np.int64], capacity: int) -> list[list[int]]:
    """Pack texts into samples: best fit, longest first. A pure function of the lengths.

    Args:
        lengths: Tokens of each text.
        capacity: Maximum tokens of a sample; a longer text gets its own sample.

    Returns:
        Positions of the texts in each sample; every text occurs once.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    packs: list[list[int]] = []
    room: list[tuple[int, int]] = []  # free tokens and number of each sample, sorted
    for text in order:
        length = int(lengths[text])
        place = bisect_left(room, (length, -1))
        if place == len(room):
            packs.append([text])
            left, number = capacity - length, len(packs) - 1
        else:
            left, number = room.pop(place)
            packs[number].append(text)
            left -= length
        if left > 0:
            insort(room, (left, number))
    return packs
