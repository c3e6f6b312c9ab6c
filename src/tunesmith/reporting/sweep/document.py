"""What a sweep's report says, without its figures, for Markdown."""

from __future__ import annotations

from tunesmith.reporting.blocks import Aside, Block, Chapter, Document, Listing, Verbatim
from tunesmith.reporting.formatting import number_text, value_text
from tunesmith.reporting.sweep.advice import edges, space_text
from tunesmith.reporting.sweep.crossval_shown import crossval_chapter
from tunesmith.reporting.sweep.diagnosis import diagnosis_chapter
from tunesmith.reporting.sweep.leaderboard import leaderboard_rows
from tunesmith.runs.sweep_record import SweepRecord


def further_chapters(record: SweepRecord) -> list[Chapter]:
    """What a page and Markdown say in the same way: the folds, and what went wrong.

    Raises:
        FilesError: A file of the sweep or of a run is damaged.
    """
    return [chapter for chapter in (crossval_chapter(record), diagnosis_chapter(record)) if chapter is not None]


def sweep_document(record: SweepRecord) -> Document:
    """Collect the winner, the ends of the space that it touches, every trial and what was searched."""
    best = record.best()
    chapters = []
    if best is not None:
        params = [[key, value_text(value)] for key, value in best.params.items()]
        blocks: list[Block] = [Listing(["key", "value"], params)]
        for edge in edges(record, best):
            searched = f" ({edge.searched})" if edge.searched else ""
            blocks.append(
                Aside(
                    f"{edge.key}={value_text(edge.value)} is at the {edge.end} end of what was searched{searched}. "
                    f"To try next: {edge.key}: {edge.advice}"
                )
            )
        chapters.append(Chapter("winner", "The winner", blocks))
    header, *rows = leaderboard_rows(record)
    chapters += further_chapters(record)
    chapters.append(Chapter("trials", "Trials", [Listing(header, rows)]))
    space: list[Block] = [Listing(["key", "space"], [[key, space_text(record, key)] for key in record.keys])]
    if record.facts.get("command"):
        space.append(Verbatim(str(record.facts["command"])))
    chapters.append(Chapter("space", "What was searched", space))
    objectives = zip(record.directions, record.metrics, strict=True)
    counts = ", ".join(f"{count} {state}" for state, count in record.counts.items())
    tiles = [(str(len(record.trials)), f"trials: {counts}")]
    if best is not None and best.values:
        tiles.insert(0, (number_text(best.values[0]), f"best {record.metrics[0]}, trial {best.number}"))
    return Document(
        title=record.name,
        status=record.status,
        facts=[f"{direction} {metric}" for direction, metric in objectives],
        tiles=tiles,
        chapters=chapters,
        footer=str(record.path),
    )
