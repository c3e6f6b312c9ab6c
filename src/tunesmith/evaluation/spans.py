"""Entities in the tags of a sentence, as seqeval and conlleval define them, without torch.

Tags are IOB1, IOB2, IOE or IOBES; consecutive equal tags without a prefix form one entity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Tags = Sequence[str | None]
Entity = tuple[str, int, int]
"""Type, first word, last word."""

OUTSIDE = "O"


def entities(tags: Tags) -> Iterator[Entity]:
    """Yield the entities of a sentence, by the rules of conlleval.pl (seqeval's default mode)."""
    before, kind_before, start = OUTSIDE, "", 0
    for number, tag in enumerate([*tags, OUTSIDE]):
        prefix, kind = _parts(tag)
        if before != OUTSIDE and (before in "ES" or prefix in ("B", "S", OUTSIDE) or kind != kind_before):
            yield kind_before, start, number - 1
            before = OUTSIDE
        if prefix != OUTSIDE and before == OUTSIDE:
            start = number
        before, kind_before = prefix, kind


def _parts(tag: str | None) -> tuple[str, str]:
    """Split a tag into prefix and type."""
    if tag is None or tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, kind = tag.partition("-")
    if not dash:
        return ("I", prefix) if prefix not in ("B", "I", "E", "S") else (prefix, "")
    return (prefix, kind) if prefix in ("B", "I", "E", "S") else ("I", tag)
