"""What a row is known by wherever it stands: a hash of its input, so that data sets and runs can be held together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from tunesmith.data.rows import Rows

DIGEST = 8
"""Bytes of a hash: of 2,000,000 different texts, two have the same with a probability of 1e-7."""


def content_ids(rows: Rows) -> list[str]:
    """An id for each row that follows from its input: 16 hex digits, and for the second copy of an input `-2`.

    Labels, positions and space at the edges of texts are no part of it. Copies are counted in the order of the rows.

    Args:
        rows: All rows of a data set, before any is left out, so that a copy has the same number in every run.
    """
    counts: dict[str, int] = {}
    ids = []
    for digest in map(_digest, _contents(rows)):
        number = counts[digest] = counts.get(digest, 0) + 1
        ids.append(digest if number == 1 else f"{digest}-{number}")
    return ids


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


def _digest(content: str) -> str:
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=DIGEST).hexdigest()
