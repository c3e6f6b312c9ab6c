"""The rows that a run trains on and measures: read, divided and cleaned, with what was done to them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tunesmith.config.data_files import named_data
from tunesmith.config.schema import Data
from tunesmith.data.cleaning.clean import Cleaned, cleaned, cleaning_summary
from tunesmith.data.leaks import leak_sentence, removed_sentence, without_leaks
from tunesmith.data.rows import Rows
from tunesmith.data.splits import read_splits
from tunesmith.data.splitting.part import part_of_training
from tunesmith.data.splitting.split_file import SplitRecord, split_record
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError

log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class Prepared:
    """Rows of each split, and what was done to them."""

    splits: dict[str, Rows]
    cleaned: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Step to what it did (`Cleaned.counts`)."""
    record: SplitRecord | None = None
    """Which row is in which split, those included that are cleaned away; None for rows that were not read here."""

    @property
    def facts(self) -> dict[str, Any]:
        """The same for `results.json`; empty where nothing is cleaned."""
        return {"cleaned": self.cleaned} if self.cleaned else {}


def read_prepared(data: Data, task: RowTask) -> Prepared:
    """The rows of each split, read, divided and cleaned as configured; what is cleaned is said in the log.

    Raises:
        ConfigError: A class of a step of cleaning may not be used, or refuses its arguments.
        DataError: The data cannot be read, divided or cleaned so, or `data.on_leak=error` refuses it.
    """
    splits = read_splits(data, task)
    result = prepare_splits(splits, data, task)
    if any(data.cleaning.values()):
        log.info("cleaning: %s", cleaning_summary(result) or "nothing to do", extra={"once": True})
    _report_leaks(result, data)
    return Prepared(result.splits, result.counts, split_record(splits, data))


def prepare_splits(splits: Mapping[str, Rows], data: Data, task: RowTask) -> Cleaned:
    """Rows that are divided, cleaned and, with `data.on_leak=remove`, without what stands in val or test too.

    Of what is left to train on, `data.train_rows` are taken.

    Raises:
        ConfigError: A class of a step of cleaning may not be used, or refuses its arguments.
        DataError: They cannot be cleaned so, or nothing is left to train on.
    """
    result = without_leaks(cleaned(splits, data, task), data)
    if "train" not in result.splits:  # an audit of rows that cannot be divided
        return result
    part = part_of_training(result.splits["train"], data, task)
    return replace(result, splits={**result.splits, "train": part})


def _report_leaks(result: Cleaned, data: Data) -> None:
    """Equal texts that stay are told of with all that is found in rows (`data/findings.py`)."""
    if data.on_leak == "error" and (sentence := leak_sentence(result.splits, data)):
        raise DataError(f"{named_data(data)}: {sentence}. Take them out with data.on_leak=remove, or mend the file")
    if data.on_leak == "warn" and data.near is not None and (sentence := leak_sentence(result.splits, data)):
        log.warning("%s. data.on_leak=remove takes them out", sentence)
    if data.on_leak == "remove":
        before = len(result.splits["train"]) + sum(row.step == "on_leak" for row in result.removed)
        if sentence := removed_sentence(result.removed, data, before):
            log.warning("%s", sentence)
