"""What a row is known by wherever it stands: a hash of its input, so that data sets and runs can be held together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tunesmith.data.lazy import LazyColumn
from tunesmith.data.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tunesmith.data.lazy import Positions

DIGEST = 8
"""Bytes of a hash: of 2,000,000 different texts, two have the same with a probability of 1e-7."""


def content_ids(rows: Rows) -> Sequence[str]:
    """An id for each row that follows from its input: 16 hex digits, and for the second copy of an input `-2`.

    Labels, positions and space at the edges of texts are no part of it. Copies are counted in the order of the rows.

    Args:
        rows: All rows of a data set, before any is left out, so that a copy has the same number in every run.
    """
    import numpy as np  # not needed to name a row in a message

    digests = np.fromiter(map(_digest, _contents(rows)), dtype=np.uint64, count=len(rows))
    numbers = _copy_numbers(digests)

    def ids(positions: Positions) -> list[str]:
        pairs = zip(digests[positions].tolist(), numbers[positions].tolist(), strict=True)
        return [f"{digest:016x}" if number == 1 else f"{digest:016x}-{number}" for digest, number in pairs]

    everything = np.arange(len(rows))
    return LazyColumn(ids, everything) if isinstance(rows.texts, LazyColumn) else ids(everything)


def input_hash(content_id: str) -> str:
    """The part of an id that all copies of an input have."""
    return content_id.partition("-")[0]


def known_content_ids(rows: Rows) -> Sequence[str]:
    """The ids that the rows were read with; rows that were made in Python are counted as a data set of their own."""
    return content_ids(rows) if rows.content_ids is None else rows.content_ids


def _contents(rows: Rows) -> Iterator[str]:
    """What a model is given of each row, as one text that no row with another input has."""
    if rows.words is not None:
        return map(_as_json, rows.words)
    if rows.messages is not None:
        return map(_as_json, rows.messages)
    texts = map(str.strip, rows.texts)
    return texts if rows.pairs is None else map(_as_json, zip(texts, map(str.strip, rows.pairs), strict=True))


def _as_json(parts: object) -> str:
    return json.dumps(parts, ensure_ascii=False, sort_keys=True)


def _digest(content: str) -> int:
    return int.from_bytes(hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=DIGEST).digest(), "big")


def _copy_numbers(digests: npt.NDArray[np.uint64]) -> Positions:
    """Which one of its copies each is, from 1."""
    import numpy as np

    order = np.argsort(digests, kind="stable")
    ordered, places = digests[order], np.arange(len(digests))
    begins = np.concatenate([np.ones(min(1, len(digests)), dtype=np.bool_), ordered[1:] != ordered[:-1]])
    numbers = np.empty(len(digests), dtype=np.int64)
    numbers[order] = places - np.maximum.accumulate(np.where(begins, places, 0)) + 1
    return numbers
