"""Writes a run's `report.html`, or the same as Markdown, from its record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tunesmith.config.tasks import option_of
from tunesmith.reporting.blocks import Document
from tunesmith.reporting.page import render_page
from tunesmith.reporting.run.adaptation import adaptation_chapter
from tunesmith.reporting.run.by_slice import slices_chapter
from tunesmith.reporting.run.calibration import calibration_chapter
from tunesmith.reporting.run.conditions import (
    commands_chapter,
    config_chapter,
    cost_facts,
    data_chapter,
    provenance_chapter,
)
from tunesmith.reporting.run.course import curves_chapter
from tunesmith.reporting.run.errors import errors_chapter
from tunesmith.reporting.run.evaluations import evaluations_chapter
from tunesmith.reporting.run.mistakes import Row
from tunesmith.reporting.run.outcome import (
    headline_chapter,
    headline_tile,
    headlines,
    metrics_chapter,
    warnings_chapter,
)
from tunesmith.reporting.run.tables import RUN_REPORT
from tunesmith.runs.record import Record
from tunesmith.storage import write_text


def write_run_report(record: Record, rows: Sequence[Row] | None = None, lacking: str = "") -> Path:
    """Write `report.html` into the run's directory and return its path.

    Args:
        record: The run.
        rows: Its predictions with their texts; None takes them as the run kept them.
        lacking: Why some have no text.

    Raises:
        FilesError: The file cannot be written, or one of the run's files is damaged.
    """
    path = record.path / RUN_REPORT
    write_text(path, render_page(run_document(record, rows, lacking)))
    return path


def run_document(record: Record, rows: Sequence[Row] | None = None, lacking: str = "") -> Document:
    """Collect what there is to say of a run, whatever became of it.

    Args:
        record: The run.
        rows: As above.
        lacking: As above.

    Raises:
        FilesError: One of its files is damaged.
    """
    config = record.config
    chapters = [
        warnings_chapter(record),
        headline_chapter(record),
        metrics_chapter(record),
        slices_chapter(record.slices, str(record.results.get("monitor", ""))),
        adaptation_chapter(record),
        evaluations_chapter(record),
        curves_chapter(record),
        calibration_chapter(record),
        errors_chapter(record, rows, lacking),
        data_chapter(record),
        commands_chapter(record),
        config_chapter(record),
        provenance_chapter(record),
    ]
    facts = [
        (option_of(config["task"]) or str(config["task"]["name"])).replace("_", " "),
        str(record.results.get("started", ""))[:16].replace("T", " "),
    ]
    if "reason" in record.results:
        facts.append(str(record.results["reason"]))
    return Document(
        title=str(config["run"]["name"]),
        status=record.status,
        facts=[fact for fact in facts if fact],
        tiles=[*(headline_tile(record, name) for name in headlines(record)), *cost_facts(record)],
        chapters=[chapter for chapter in chapters if chapter is not None],
        footer=str(record.path),
    )
