"""An audit as a page of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tunesmith.data.audit.finding import Audit

MOST_LABELS = 20
"""Labels that are listed."""


def audit_lines(audited: Audit, warnings: Sequence[str] = ()) -> Iterator[str]:
    """The lines to print: rows, labels and lengths, then each finding with examples and the override that acts on it.

    Args:
        audited: The audit.
        warnings: What was warned of as the data was read.
    """
    yield "rows"
    yield from _table({name: {"rows": count} | audited.lengths.get(name, {}) for name, count in audited.rows.items()})
    yield "  (characters of the shortest, median, 95th percentile and longest text)"
    if audited.labels:
        yield "labels"
        yield from _table(dict(list(audited.labels.items())[:MOST_LABELS]))
        if len(audited.labels) > MOST_LABELS:
            yield f"  and {len(audited.labels) - MOST_LABELS:,} more"
    yield "words"
    yield f"  {', '.join(f'{name} {figure:,}' for name, figure in audited.diversity.items())}"
    if audited.tokens:
        yield "tokens"
        yield f"  {', '.join(f'{name} {figure:,}' for name, figure in audited.tokens.items())}"
    if audited.cleaned:
        yield "cleaning"
        yield from (f"  {step:<20}{text}" for step, text in cleaning_lines(audited.cleaned))
    yield "findings" + " in what is left" * bool(audited.cleaned)
    for finding in audited.findings:
        yield f"  {finding.kind}: {finding.text}"
        yield from (f"      {text}" for text in finding.examples)
        if finding.override is not None:
            yield f"      to act on it: {finding.override}"
    without = [kind for kind, count in audited.counts().items() if not count]
    yield f"  none of: {', '.join(without)}"
    for why in dict.fromkeys(audited.skipped.values()):
        yield f"  not looked for: {', '.join(kind for kind in audited.skipped if audited.skipped[kind] == why)} ({why})"
    others = other_warnings(audited, warnings)
    if others:
        yield "warnings"
        yield from (f"  - {text}" for text in others)


def other_warnings(audited: Audit, warnings: Sequence[str]) -> list[str]:
    """The warnings that no finding repeats."""
    proposed = [finding.override for finding in audited.findings if finding.override is not None]
    return [text for text in warnings if not any(override in text for override in proposed)]


def cleaning_lines(counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Iterator[tuple[str, str]]:
    """Each step of cleaning with what it does, by split.

    Args:
        counts: From `data/cleaning/clean.py`.
    """
    for step, kinds in counts.items():
        parts = (
            f"{what} {', '.join(f'{n:,} in {split}' for split, n in each.items())}" for what, each in kinds.items()
        )
        yield step, "; ".join(parts)


def _table(rows: dict[str, dict[str, int]]) -> Iterator[str]:
    columns = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    width = min(40, max(map(len, rows), default=0))
    yield f"  {'':<{width}}" + "".join(f"{name:>10}" for name in columns)
    for name, cells in rows.items():
        shown = name if len(name) <= width else f"{name[: width - 3]}..."
        yield f"  {shown:<{width}}" + "".join(f"{cells[column]:>10,}" for column in columns if column in cells)
