"""The rows that a run trains on and measures: read, divided and cleaned, with what was done to them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from tunesmith.config.schema import Data
from tunesmith.data.cleaning.clean import cleaned, cleaning_summary
from tunesmith.data.rows import Rows
from tunesmith.data.splits import read_splits
from tunesmith.data.task import RowTask

log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class Prepared:
    """Rows of each split, and what was done to them."""

    splits: dict[str, Rows]
    cleaned: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Step to what it did (`Cleaned.counts`)."""

    @property
    def facts(self) -> dict[str, Any]:
        """The same for `results.json`; empty where nothing is cleaned."""
        return {"cleaned": self.cleaned} if self.cleaned else {}


def read_prepared(data: Data, task: RowTask) -> Prepared:
    """The rows of each split, read, divided and cleaned as configured; what is cleaned is said in the log.

    Raises:
        ConfigError: A class of a step of cleaning may not be used, or refuses its arguments.
        DataError: The data cannot be read, divided or cleaned so.
    """
    splits = read_splits(data, task)
    if not any(data.cleaning.values()):
        return Prepared(splits)
    result = cleaned(splits, data, task)
    log.info("cleaning: %s", cleaning_summary(result) or "nothing to do", extra={"once": True})
    return Prepared(result.splits, result.counts)
