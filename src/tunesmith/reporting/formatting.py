"""Formats numbers, durations and trials for terminals, pages and figures."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any

from tunesmith.runs.trial_record import TrialRecord

FORMULA_STARTS = tuple("=+-@\t\r\n")
"""First characters of a formula in a spreadsheet, as listed by OWASP for CSV injection."""
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def value_text(value: Any, digits: int = 6) -> str:
    """Format a swept value as on a command line: short numbers, lists and mappings as JSON."""
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def number_text(value: float | None) -> str:
    """Format a measured value with four decimals; fewer if it is large, more digits if it is very small."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.1f}"
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.3g}"


def count_text(value: float | None) -> str:
    """Format a measured value without decimals."""
    return "" if value is None else f"{value:,.0f}"


def duration_text(seconds: float) -> str:
    """Format seconds as `45 s`, `12 min 5 s` or `3 h 20 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def objective_texts(trial: TrialRecord, num_objectives: int) -> list[str]:
    """Format one text per objective; empty texts for a trial that did not complete."""
    return [number_text(value) for value in trial.values] if trial.values else [""] * num_objectives


def short_names(keys: Sequence[str]) -> list[str]:
    """Return the shortest dotted ending of each key that no other key shares: `lr` for `optimizer.lr`."""
    names = []
    for key in keys:
        parts = key.split(".")
        endings = [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
        taken = [other for other in keys if other != key]
        names.append(next((e for e in endings if not any(f".{other}".endswith(f".{e}") for other in taken)), key))
    return names


def params_text(trial: TrialRecord, keys: Sequence[str]) -> str:
    """Format the swept values of a trial briefly, `lr=0.0015 method=lora`."""
    named = zip(short_names(keys), keys, strict=True)
    return " ".join(f"{name}={value_text(trial.params[key], 3)}" for name, key in named if key in trial.params)


def steps_text(trial: TrialRecord) -> str:
    """Format the steps run, and those of a full run."""
    return f"{trial.steps}/{trial.full_steps}" if trial.full_steps else str(trial.steps)


def spreadsheet_cell(cell: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run as a formula; return anything else unchanged.

    Numbers stay unchanged, also those written as text (-1.5).
    """
    if not isinstance(cell, str) or cell[:1] not in FORMULA_STARTS or NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


class Label(str):
    """Text in a figure, without quotes in its `repr`, which Optuna uses for axis labels."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def label(text: str) -> Label:
    """Escape text for a figure: plotly renders some HTML, including links, and formulas between dollar signs.

    Plotly shows entities as the characters that they stand for.
    """
    return Label(html.escape(text, quote=False).replace("$", "&#36;"))
