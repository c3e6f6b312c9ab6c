"""The comparison of two versions of a data set as lines of the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.data.audit.finding import number_of
from tunesmith.data.audit.versions import Changes

KINDS = ("added", "removed", "relabelled", "edited")
MOST_LABELS = 20
"""Labels that are listed."""


def version_lines(changes: Changes) -> Iterator[str]:
    """The lines to print.

    Args:
        changes: The comparison.
    """
    known = "their content" if changes.known_by == "content" else f"data.id_column={changes.known_by}"
    yield f"{changes.rows['then']:,} rows then, {changes.rows['now']:,} now (known by {known})"
    for kind in KINDS:
        count = len(getattr(changes, kind))
        if kind != "edited" or changes.known_by != "content":
            yield f"  {kind}: {number_of(count, 'row')}"
            yield from (f"      {text}" for text in changes.examples.get(kind, ()))
    if changes.labels:
        width = min(40, max(map(len, changes.labels)))
        columns = ("then", "now", "added", "removed", "to", "from")
        yield "labels"
        yield f"  {'':<{width}}" + "".join(f"{name:>10}" for name in columns)
        for label, counts in list(changes.labels.items())[:MOST_LABELS]:
            shown = label if len(label) <= width else f"{label[: width - 3]}..."
            yield f"  {shown:<{width}}" + "".join(f"{counts[name]:>10,}" for name in columns)
        if len(changes.labels) > MOST_LABELS:
            yield f"  and {len(changes.labels) - MOST_LABELS:,} more"
        yield "  (to, from: rows that were relabelled to or from this label)"
