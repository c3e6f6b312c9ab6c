"""How many bytes of text each token stands for, so that losses of different tokenizers can be compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BYTE = re.compile(r"<0x[0-9A-F]{2}>")
SPACE = "\u2581"
"""What sentencepiece writes for a space."""


def bytes_of_tokens(tokenizer: PreTrainedTokenizerFast) -> npt.NDArray[np.int64] | None:
    """Return the number of UTF-8 bytes that each token stands for, shape (tokens,); 0 for special tokens.

    Returns:
        None for a tokenizer that does not keep every byte of a text, such as BERT's: neither byte-level, as GPT-2's,
        nor falling back to bytes, as Llama 2's.
    """
    decoder = str(tokenizer.backend_tokenizer.decoder)
    byte_level, falls_back = "ByteLevel(" in decoder, "ByteFallback(" in decoder
    if not byte_level and not falls_back:
        return None
    added = tokenizer.added_tokens_decoder
    special = {*tokenizer.all_special_ids, *(token for token, entry in added.items() if entry.special)}
    vocabulary = tokenizer.get_vocab()
    counts = np.zeros(max(vocabulary.values()) + 1, dtype=np.int64)
    for piece, token in vocabulary.items():
        if token in special:
            continue
        if token in added:
            counts[token] = len(piece.encode())
        elif byte_level:
            counts[token] = len(piece)  # each character stands for a byte
        else:
            counts[token] = 1 if BYTE.fullmatch(piece) else len(piece.replace(SPACE, " ").encode())
    return counts
