"""Texts that are nearly the same: MinHash finds candidates, and each is held against the exact figure.

The likeness of two texts is the Jaccard index of their pieces of five characters, case, punctuation and space aside:
the number of different pieces that both have over that of those that one has (Broder 1997).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from tunesmith.data.progress import progress

LEAST: Final = 0.5
"""The smallest threshold: of pairs that are less alike, too many are missed."""
PIECE: Final = 5
"""Characters of a piece."""
BANDS: Final = 24
ROWS: Final = 5
"""Two texts are candidates if one of `BANDS` groups of `ROWS` signature values is the same in both: of pairs that are
0.7 alike this misses 1%, of those that are 0.8 alike 0.01%."""
MARGIN: Final = 0.15
"""By which the estimate from the signatures may fall short of the threshold; its deviation is 0.04."""
MOST_COMPARED: Final = 20
"""Earlier texts of one group that a text is compared with, so that 10,000 texts from one template take no hours."""
CHUNK: Final = 1000
"""Texts whose pieces are in memory at a time."""
ESTIMATED: Final = 100_000
"""Pairs that are estimated at a time."""
GAPS: Final = re.compile(r"[\W_]+")


def near_copies(texts: Sequence[str], threshold: float) -> dict[int, list[int]]:
    """Each text that is nearly an earlier one, with those that it nearly is; equal texts are alike too.

    Args:
        texts: The texts; the result depends on them and their order alone.
        threshold: The least likeness, from `LEAST`.

    Returns:
        Position to earlier positions, ascending; of many copies of one text, the first few.
    """
    signatures = _signatures(texts)
    near: dict[int, list[int]] = {}
    candidates = sorted(_candidates(signatures))
    starts = range(0, len(candidates), ESTIMATED)
    for start in progress(starts, "comparing near copies", len(candidates), each=ESTIMATED):
        first, second = np.asarray(candidates[start : start + ESTIMATED], dtype=np.int64).T
        estimates = np.mean(signatures[first] == signatures[second], axis=1)
        for earlier, later in zip(
            *(side[estimates >= threshold - MARGIN].tolist() for side in (first, second)), strict=True
        ):
            if likeness(texts[earlier], texts[later]) >= threshold:
                near.setdefault(later, []).append(earlier)
    return {later: sorted(near[later]) for later in sorted(near)}


def neighbours(near_earlier: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Each text with all that it is nearly like.

    Args:
        near_earlier: From `near_copies`.
    """
    alike: dict[int, list[int]] = {}
    for later, others in near_earlier.items():
        for other in others:
            alike.setdefault(later, []).append(other)
            alike.setdefault(other, []).append(later)
    return alike


def near_kept(texts: Sequence[str], kinds: Sequence[Hashable], threshold: float) -> dict[int, int]:
    """Each text that is nearly an earlier one of its kind that is kept, with that one; the others are kept.

    Among those that are kept, it finds none.

    Args:
        texts: The texts.
        kinds: Text and text are copies only if these are the same.
        threshold: The least likeness, from `LEAST`.
    """
    signatures = _signatures(texts)
    kept_by_key: dict[tuple[int, bytes, Hashable], list[int]] = {}
    near: dict[int, int] = {}
    for row, signature in enumerate(progress(signatures, "comparing near copies", len(signatures))):
        bands = signature.reshape(BANDS, ROWS)
        groups = [kept_by_key.setdefault((band, bytes(key), kinds[row]), []) for band, key in enumerate(bands)]
        others = sorted({other for group in groups for other in group})
        original = next((other for other in others if _is_near(texts, signatures, other, row, threshold)), None)
        if original is not None:
            near[row] = original
            continue
        for group in groups:
            if len(group) < MOST_COMPARED:
                group.append(row)
    return near


def _is_near(texts: Sequence[str], signatures: npt.NDArray[np.uint32], one: int, other: int, threshold: float) -> bool:
    estimate = float(np.mean(signatures[one] == signatures[other]))
    return estimate >= threshold - MARGIN and likeness(texts[one], texts[other]) >= threshold


def likeness(text: str, other: str) -> float:
    """The Jaccard index of two texts' pieces, from 0 to 1; of two texts without letters and digits 1."""
    first, second = _kept_pieces(text), _kept_pieces(other)
    return len(first & second) / len(first | second)


def _pieces(text: str) -> set[str]:
    return set(_every_piece(text))


def _every_piece(text: str) -> list[str]:
    """The pieces in order, those that come again too; cut out by numpy, in half the time of Python's slices."""
    plain = GAPS.sub(" ", text.casefold()).strip()
    if len(plain) < PIECE:
        return [plain]
    points = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    pieces: list[str] = np.ascontiguousarray(sliding_window_view(points, PIECE)).view(f"<U{PIECE}").ravel().tolist()
    return pieces


_kept_pieces = lru_cache(maxsize=256)(_pieces)
"""One text is mostly held against several."""


def _signatures(texts: Sequence[str]) -> npt.NDArray[np.uint32]:
    """MinHash signatures, shape (texts, BANDS * ROWS)."""
    from rensa import RMinHash

    parts = [np.zeros((0, BANDS * ROWS), dtype=np.uint32)]
    for start in progress(range(0, len(texts), CHUNK), "looking for near copies", len(texts), each=CHUNK):
        pieces = [
            _every_piece(text) for text in texts[start : start + CHUNK]
        ]  # one that comes again changes no minimum
        parts.append(np.asarray(RMinHash.digests_from_token_sets(pieces, BANDS * ROWS, 0), dtype=np.uint32))
    return np.concatenate(parts)


def _candidates(signatures: npt.NDArray[np.uint32]) -> set[tuple[int, int]]:
    """Pairs of positions, the earlier first."""
    return {pair for band in range(BANDS) for pair in _of_band(signatures[:, band * ROWS : (band + 1) * ROWS])}


def _of_band(band: npt.NDArray[np.uint32]) -> Iterator[tuple[int, int]]:
    groups: dict[bytes, list[int]] = {}
    for position, key in enumerate(map(bytes, np.ascontiguousarray(band))):
        earlier = groups.setdefault(key, [])
        yield from ((other, position) for other in earlier)
        if len(earlier) < MOST_COMPARED:
            earlier.append(position)
