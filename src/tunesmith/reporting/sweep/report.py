"""Writes a sweep's `report.html`: one file that opens from disk, without a network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tunesmith.reporting.formatting import (
    count_text,
    duration_text,
    number_text,
    objective_texts,
    short_names,
    steps_text,
    value_text,
)
from tunesmith.reporting.page import page_environment
from tunesmith.reporting.sweep.advice import Edge, Noise, edges, noise, space_text
from tunesmith.reporting.sweep.document import further_chapters
from tunesmith.reporting.sweep.figures import Figure, Figures
from tunesmith.reporting.sweep.leaderboard import COSTS, REPORT_FILE, has_spread, shown_costs
from tunesmith.reporting.sweep.study import MIN_TRIALS_FOR_IMPORTANCES, importances, quiet_optuna
from tunesmith.reporting.sweep.winner import BEST_FILE
from tunesmith.runs.record import as_argument
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord
from tunesmith.storage import write_text

TEMPLATE = "sweep_report.html.j2"


@dataclass(frozen=True)
class Section:
    """A heading with its figures, or with a note in place of figures."""

    id: str
    title: str
    figures: list[Figure]
    note: str = ""
    layout: str = "wide"
    """`wide`: one below the other; `pair`, `grid`: side by side if there is room."""


def write_report(record: SweepRecord) -> Path:
    """Write `report.html` into the sweep's directory and return its path.

    Raises:
        FilesError: The file cannot be written.
    """
    path = record.path / REPORT_FILE
    write_text(path, render_report(record))
    return path


def render_report(record: SweepRecord) -> str:
    """Render the page; text from the records is escaped."""
    environment = page_environment()
    environment.filters |= {"number": number_text, "value": value_text, "count": count_text}
    sections = _sections(record)
    return environment.get_template(TEMPLATE).render(
        record=record,
        winner=record.best(),
        command=_command(record, record.best()),
        pareto=[(trial, _command(record, trial)) for trial in record.pareto()] if len(record.metrics) > 1 else [],
        facts=_facts(record),
        edges=_edges(record),
        noise=_noise(record),
        chapters=further_chapters(record),
        sections=sections,
        has_spread=has_spread(record),
        costs={name: COSTS[name] for name in shown_costs(record)},
        has_reason=any(trial.reason for trial in record.trials),
        names=dict(zip(record.keys, short_names(record.keys), strict=True)),
        space={key: space_text(record, key) for key in record.keys},
        link=lambda trial: quote(trial.directory.relative_to(record.path).as_posix()) + "/",
        objectives=lambda trial: objective_texts(trial, len(record.metrics)),
        steps=steps_text,
        plotly=Markup(get_plotlyjs()),
        data=_script_json({figure.id: json.loads(figure.figure.to_json()) for s in sections for figure in s.figures}),
    )


def _sections(record: SweepRecord) -> list[Section]:
    """Return the sections in reading order, without empty ones."""
    weights = importances(record)
    with quiet_optuna():
        figures = Figures(record, weights)
        sections = [
            Section("pareto", "Pareto front", figures.pareto(), layout="pair"),
            Section("history", "How it went", [*figures.history(), *_known(figures.curves())], layout="pair"),
            Section(
                "importances",
                "Which parameters mattered",
                [figures.importances(weights)] if weights else [],
                _about_importances(record, weights is not None),
            ),
            Section("parallel", "All completed trials at once", _known(figures.parallel())),
            Section("slices", "One parameter at a time", figures.slices(), layout="grid"),
            Section("contours", "Two parameters at a time", figures.contours(), layout="grid"),
        ]
    return [section for section in sections if section.figures or section.note]


def _known(figure: Figure | None) -> list[Figure]:
    return [figure] if figure else []


def _about_importances(record: SweepRecord, known: bool) -> str:
    completed = sum(trial.completed for trial in record.trials)
    if known:
        goal = "the Pareto front" if len(record.metrics) > 1 else "the best quarter"
        return (
            f"Each parameter's share in reaching {goal} of the {completed} completed trials (PED-ANOVA). Pruned "
            "trials are not counted."
        )
    return (
        f"Importances need at least {MIN_TRIALS_FOR_IMPORTANCES} completed trials to be more than chance; "
        f"this sweep has {completed}."
    )


def _command(record: SweepRecord, trial: TrialRecord | None) -> str | None:
    """Return the command that trains a trial's config again."""
    if trial is None:
        return None
    best = record.best()
    source = record.path / BEST_FILE if best and best.number == trial.number else trial.runs[0]
    return f"tunesmith train --from {as_argument(source, record.facts.get('request', {}).get('trust', ()))}"


def _facts(record: SweepRecord) -> list[tuple[str, str]]:
    """Return the sweep's conditions, for the line under the title."""
    facts = record.facts
    pairs = [(name, _name_of(facts.get(name))) for name in ("sampler", "pruner")]
    pairs += [(name, str(facts.get(name, ""))) for name in ("equal", "folds", "repeats", "seed")]
    pairs += [("started", str(facts.get("started") or "").replace("T", " ")[:16]), ("took", _took(record))]
    return [(name, text) for name, text in pairs if text and (name, text) != ("repeats", "1")]


def _name_of(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part or "")
    options = ", ".join(f"{key}={value_text(value)}" for key, value in part.items() if key != "name")
    return f"{part.get('name', '')}{f' ({options})' if options else ''}"


def _took(record: SweepRecord) -> str:
    try:
        start, end = (datetime.fromisoformat(record.facts[key]) for key in ("started", "ended"))
    except (KeyError, TypeError, ValueError):
        return ""
    return duration_text((end - start).total_seconds())


def _edges(record: SweepRecord) -> list[Edge]:
    winner = record.best()
    return edges(record, winner) if winner else []


def _noise(record: SweepRecord) -> Noise | None:
    return None if record.facts.get("folds") else noise(record)  # folds are the same for every trial, seeds are not


def _script_json(value: Any) -> Markup:
    """Encode JSON for a script element, escaped so that no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
