"""An audit as one HTML page that opens from disk, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.data.audit.finding import KINDS, MOST_CASES, Audit
from tunesmith.reporting.audit import cleaning_lines, other_warnings
from tunesmith.reporting.page import page_environment

TEMPLATE = "audit.html.j2"
MOST_SHOWN_LABELS = 1000
"""Labels that the page lists, the most frequent; `--json` has all."""


@dataclass(frozen=True)
class Column:
    """A bar of the histogram, as parts of a hundred of its width and height."""

    x: float
    width: float
    height: float
    title: str


def render_audit(audited: Audit, name: str, command: str, warnings: Sequence[str] = ()) -> str:
    """The page; everything that comes from the data is escaped.

    Args:
        audited: The audit.
        name: What was audited.
        command: The command that did.
        warnings: What was warned of as the data was read.
    """
    total = sum(audited.rows.values())
    return (
        page_environment()
        .get_template(TEMPLATE)
        .render(
            audited=audited,
            name=name,
            command=command,
            total=total,
            kinds=KINDS,
            none_of=[kind for kind, count in audited.counts().items() if not count],
            most_cases=MOST_CASES,
            labels=listed_labels(audited),
            num_labels=len(audited.labels),
            columns=columns_of(audited.histogram),
            ends=[audited.histogram[0]["from"], audited.histogram[-1]["to"]] if audited.histogram else [],
            cleaning=list(cleaning_lines(audited.cleaned)),
            warnings=other_warnings(audited, warnings),
            is_number=lambda value: isinstance(value, int | float),
        )
    )


def listed_labels(audited: Audit) -> list[tuple[str, dict[str, int], float]]:
    """Labels with the rows of each split and their share of the most frequent, which comes first."""
    totals = {label: sum(counts.values()) for label, counts in audited.labels.items()}
    most = max(totals.values(), default=0) or 1
    ordered = sorted(totals, key=lambda label: -totals[label])[:MOST_SHOWN_LABELS]
    return [(label, audited.labels[label], totals[label] / most) for label in ordered]


def columns_of(histogram: Sequence[Mapping[str, Any]]) -> list[Column]:
    """The bars of the histogram of lengths."""
    most = max((bar["texts"] for bar in histogram), default=0) or 1
    width = 100 / max(len(histogram), 1)
    return [
        Column(
            round(number * width, 3),
            round(width * 0.9, 3),
            round(100 * bar["texts"] / most, 3),
            f"{bar['from']:,} to {bar['to']:,} characters: {bar['texts']:,}",
        )
        for number, bar in enumerate(histogram)
    ]
