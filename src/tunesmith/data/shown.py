"""The texts of rows as people read them."""

from __future__ import annotations

from collections.abc import Collection

from tunesmith.data.content import input_hash, known_content_ids
from tunesmith.data.rows import Rows


def shown_text(rows: Rows, row: int) -> str:
    """Return what a row's model is asked, as one text; a second text stands on a line of its own."""
    text = rows.texts[row]
    return text if rows.pairs is None else f"{text}\n{rows.pairs[row]}"


def texts_by_input(rows: Rows, inputs: Collection[str]) -> dict[str, str]:
    """Return the texts of some rows by the part of their content ids that all copies of an input have.

    Args:
        rows: The rows, of which there may be many.
        inputs: Those parts of the rows that are asked for.
    """
    hashes = ((row, input_hash(content)) for row, content in enumerate(known_content_ids(rows)))
    return {content: shown_text(rows, row) for row, content in hashes if content in inputs}
