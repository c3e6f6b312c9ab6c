"""Evaluations of a run on other data, as they lie in its directory; imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.errors import FilesError
from tunesmith.runs.record import Record
from tunesmith.storage import read_mapping

EVALUATIONS = "evaluations"
"""Folder of a run with a folder for each day."""


@dataclass(frozen=True)
class Evaluated:
    """One evaluation of a run."""

    path: Path
    results: Mapping[str, Any]
    """The content of its `results.json`."""

    @property
    def time(self) -> str:
        """When, as `2026-11-27 14:03:11`."""
        return f"{self.path.parent.name} {self.path.name[:8].replace('-', ':')}"

    @property
    def split(self) -> str:
        """The split that was measured; `all` for a whole file."""
        return str(next(iter(self.results["num_rows"]), ""))

    @property
    def num_rows(self) -> int:
        """Number of rows that were measured."""
        return sum(int(count) for count in self.results["num_rows"].values())

    @property
    def data(self) -> str:
        """What was read, as the config names it."""
        path = self.results.get("data", {}).get("path")
        return ", ".join(map(str, path.values())) if isinstance(path, Mapping) else str(path)

    def change(self, name: str) -> Mapping[str, Any] | None:
        """Return how a metric, named without its split, differs from the run's own; None if that was not compared."""
        found: Mapping[str, Any] | None = self.results.get("changes", {}).get("metrics", {}).get(name)
        return found


def evaluations_of(record: Record) -> list[Evaluated]:
    """Return the evaluations of a run, oldest first.

    Raises:
        FilesError: A `results.json` of one is damaged.
    """
    found = []
    for file in sorted((record.path / EVALUATIONS).glob("*/*/results.json")):
        results = read_mapping(file, json.loads)
        counts, metrics = results.get("num_rows"), results.get("metrics")
        if not isinstance(counts, dict) or not counts or not isinstance(metrics, dict):
            raise FilesError(f"{file} is damaged: it has no num_rows or no metrics")
        found.append(Evaluated(file.parent, results))
    return found
