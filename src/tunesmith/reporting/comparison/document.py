"""A comparison as a document: for a page, and its figure for a paper."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.reporting.blocks import Aside, Block, Chapter, Document, Gallery, Listing, Picture, Sentence
from tunesmith.reporting.comparison.comparison import RunComparison, short_names_of
from tunesmith.reporting.comparison.tables import cells, header, seed_lines
from tunesmith.reporting.drawing.canvas import Drawing
from tunesmith.reporting.drawing.charts import Mark, value_chart
from tunesmith.reporting.formatting import value_text

WIDTH_OF_NAMES = 520.0
"""Width of the figure in points: names of runs are long."""
MOST_IDS = 200
"""Ids of rows that are listed for each run; `--json` has all."""


def comparison_drawing(comparison: RunComparison) -> Drawing:
    """Draw the metric of every run with its interval; the best and those tied with it stand out."""
    tied = [id(entry) for entry in comparison.ties]
    return value_chart(
        [
            Mark(
                name,
                entry.value,
                entry.interval.low if entry.interval else None,
                entry.interval.high if entry.interval else None,
                accent=id(entry) in tied,
            )
            for name, entry in zip(short_names_of(comparison.entries), comparison.entries, strict=True)
        ],
        WIDTH_OF_NAMES,
    )


def comparison_document(comparison: RunComparison) -> Document:
    """Collect what there is to say of a comparison."""
    chapters = [
        Chapter("result", comparison.metric, list(_result(comparison))),
        Chapter("keys", "Keys that differ", [_keys(comparison)]),
        Chapter("rows", "Rows that only one gets right", _rows(comparison)),
    ]
    rows = f"{comparison.num_rows:,} rows"
    left_out = f"{comparison.left_out:,} rows that not all have are left out"
    best = comparison.entries[0]
    tile = (f"{best.value:.4f}", f"{comparison.metric} of the best, {short_names_of(comparison.entries)[0]}")
    ties = (str(len(comparison.ties)), "cannot be told from the best, itself included")
    return Document(
        title="Comparison",
        status="",
        facts=[rows, *[left_out] * bool(comparison.left_out)],
        tiles=[tile, ties],
        chapters=[chapter for chapter in chapters if chapter.blocks],
    )


def _result(comparison: RunComparison) -> Iterator[Block]:
    for remark in comparison.remarks:
        yield Aside(remark)
    yield Gallery([Picture(comparison.metric, comparison_drawing(comparison))])
    yield Listing(header(comparison), cells(comparison), marked={0})
    tests = sorted({entry.against_best.test for entry in comparison.entries if entry.against_best})
    if tests:
        yield Sentence(f"Tested against the best: {', '.join(tests)}; p-values are corrected for their number (Holm).")
    if len(comparison.ties) > 1:
        cheapest = short_names_of(comparison.entries)[comparison.entries.index(comparison.cheapest)]
        yield Sentence(f"The cheapest of those that cannot be told apart: {cheapest}.")
    yield from map(Sentence, seed_lines(comparison))


def _keys(comparison: RunComparison) -> Block:
    if not comparison.keys:
        return Sentence("The configs do not differ in anything that can change a result.")
    rows = [[key, *map(value_text, values)] for key, values in comparison.keys]
    return Listing(["key", *short_names_of(comparison.entries)], rows)


def _rows(comparison: RunComparison) -> list[Block]:
    blocks: list[Block] = []
    for name, entry in list(zip(short_names_of(comparison.entries), comparison.entries, strict=True))[1:]:
        if entry.gained or entry.lost:
            rows = [[row, "this run"] for row in entry.gained[:MOST_IDS]]
            rows += [[row, "the best"] for row in entry.lost[:MOST_IDS]]
            note = f"{name}: {len(entry.gained):,} rows only it gets right, {len(entry.lost):,} only the best."
            blocks.append(Listing(["row", "right is"], rows, note, filtered=True))
    return blocks
