"""Numbers, durations and trials in a few words, for terminals, pages and figures."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any

from tunesmith.runs.trial_record import TrialRecord

FORMULA_STARTS = tuple("=+-@\t\r\n")
"""What OWASP names for the injection of formulas into CSV."""
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def value_text(value: Any, digits: int = 6) -> str:
    """A swept value as it is written on a command line: numbers short, lists and mappings as JSON."""
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def number_text(value: float | None) -> str:
    """A measured value with four decimals, fewer where it is large, more digits where it is very small."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.1f}"
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.3g}"


def count_text(value: float | None) -> str:
    """A measured value without decimals."""
    return "" if value is None else f"{value:,.0f}"


def duration_text(seconds: float) -> str:
    """`45 s`, `12 min 5 s`, `3 h 20 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def objective_texts(trial: TrialRecord, num_objectives: int) -> list[str]:
    """One text per objective; of a trial that did not complete, empty."""
    return [number_text(value) for value in trial.values] if trial.values else [""] * num_objectives


def short_names(keys: Sequence[str]) -> list[str]:
    """The shortest dotted ending of each key that no other key shares: `optimizer.lr` is `lr`."""
    names = []
    for key in keys:
        parts = key.split(".")
        endings = [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
        taken = [other for other in keys if other != key]
        names.append(next((e for e in endings if not any(f".{other}".endswith(f".{e}") for other in taken)), key))
    return names


def params_text(trial: TrialRecord, keys: Sequence[str]) -> str:
    """The swept values of a trial in short, `lr=0.0015 method=lora`."""
    named = zip(short_names(keys), keys, strict=True)
    return " ".join(f"{name}={value_text(trial.params[key], 3)}" for name, key in named if key in trial.params)


def steps_text(trial: TrialRecord) -> str:
    """Steps run, of a full run's."""
    return f"{trial.steps}/{trial.full_steps}" if trial.full_steps else str(trial.steps)


def spreadsheet_cell(cell: Any) -> Any:
    """A text that spreadsheets would run as a formula, with a quotation mark before it; anything else as it is.

    Numbers stay, those that are written as a text (-1.5) too.
    """
    if not isinstance(cell, str) or cell[:1] not in FORMULA_STARTS or NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


class Label(str):
    """Text of a figure: Optuna labels axes with the `repr` of a choice, quotes included."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def label(text: str) -> Label:
    """`text` for a figure: plotly reads some HTML, links among it, and formulas between dollars.

    It writes entities back as the characters they stand for.
    """
    return Label(html.escape(text, quote=False).replace("$", "&#36;"))
