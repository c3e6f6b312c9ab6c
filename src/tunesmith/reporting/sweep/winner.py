"""Which rows the winner of a cross-validation is trained on, once it is trained outside the sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.config.limits import parse_yaml
from tunesmith.runs.sweep_record import SweepRecord

BEST_FILE = "best.yaml"
"""The winner's config, in the sweep's directory."""


def rows_of_winner(record: SweepRecord) -> str | None:
    """Say which rows `best.yaml` trains on; None if the sweep had no folds or has no winner."""
    file = record.path / BEST_FILE
    if not record.facts.get("folds") or not file.is_file():
        return None
    return trained_rows(parse_yaml(file.read_text(encoding="utf-8"))["data"]["split"])


def trained_rows(split: Mapping[str, Any]) -> str:
    """Say which rows a config trains on that was compared with others over folds.

    Args:
        split: Its `data.split` node.
    """
    if split.get("folds") is not None:
        return f"those of fold {split.get('fold', 0)}: data.split.val_fraction=0 leaves no others to choose weights by"
    return (
        f"all rows but data.split.test_fraction={split['test_fraction']:g} for the test and "
        f"data.split.val_fraction={split['val_fraction']:g} that choose its weights; the folds are dropped"
    )
