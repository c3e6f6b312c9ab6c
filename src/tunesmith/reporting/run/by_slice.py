"""The metric that decides, slice by slice, as a run recorded it (`evaluation.slices`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.reporting.blocks import Chapter, Listing, Sentence
from tunesmith.reporting.formatting import number_text

SHOWN = 5
"""Slices of a column and split in the terminal: those with the lowest values and that with the highest."""
CAUTION = "Slices differ by chance too, and the more of them there are, the more the lowest does."

Slices = Sequence[Mapping[str, Any]]
"""`slices` of `results.json`."""


def slices_text(slices: Slices, monitor: str) -> str:
    """Format the metric that decides in each slice, a line for each column and split, the lowest first.

    Args:
        slices: As recorded.
        monitor: The metric that decides, such as `val/accuracy`.
    """
    lines = ["slices"]
    for (split, column), own in _by_column(slices, monitor).items():
        texts = [_text(entry, monitor) for entry in own]
        if len(texts) > SHOWN:
            texts = [*texts[: SHOWN - 1], f"and {len(texts) - SHOWN} more", texts[-1]]
        lines.append(f"  - {split}/{_name(monitor)} by {column}: {'; '.join(texts)}")
    return "\n".join(lines)


def slices_chapter(slices: Slices, monitor: str) -> Chapter | None:
    """Build the chapter with the metric that decides in each slice; None without slices."""
    if not slices:
        return None
    listings = []
    for (split, column), own in _by_column(slices, monitor).items():
        rows = [
            [_value(entry), entry["rows"], entry["metrics"].get(_name(monitor)), *entry.get("interval", (None, None))]
            for entry in own
        ]
        note = f"{split}: {_name(monitor)} by {column}, the lowest first, with 95% intervals."
        few = sum("interval" not in entry for entry in own)
        note += f" {few:,} of {len(own):,} have too few rows for one." if few else ""
        listings.append(Listing([column, "rows", _name(monitor), "low", "high"], rows, note))
    return Chapter("slices", "Slices", [*listings, Sentence(CAUTION)])


def _by_column(slices: Slices, monitor: str) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """The slices of each split and column, by the metric that decides; those without a value last."""
    parts: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in slices:
        parts.setdefault((entry["split"], entry["column"]), []).append(entry)
    for own in parts.values():
        own.sort(key=lambda entry: entry["metrics"].get(_name(monitor), float("inf")))
    return parts


def _text(entry: Mapping[str, Any], monitor: str) -> str:
    value = entry["metrics"].get(_name(monitor))
    number = "no value" if value is None else number_text(value)
    rows = f"{entry['rows']:,} row{'s' if entry['rows'] != 1 else ''}"
    if "interval" not in entry:
        return f"{_value(entry)} {number} ({rows}, without an interval)"
    low, high = entry["interval"]
    return f"{_value(entry)} {number} ({number_text(low)} to {number_text(high)}, {rows})"


def _value(entry: Mapping[str, Any]) -> str:
    return str(entry["value"]) or "(empty)"


def _name(monitor: str) -> str:
    return monitor.partition("/")[2]
