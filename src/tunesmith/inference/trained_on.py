"""Warns of rows to evaluate that a run was trained on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress

from tunesmith.data.content import input_hash, known_content_ids
from tunesmith.data.leaks import NAMED, leaks
from tunesmith.data.rows import Rows, row_place
from tunesmith.data.splitting.split_file import read_split_file
from tunesmith.errors import FilesError
from tunesmith.runs.record import Record

log = logging.getLogger("tunesmith")


def warn_of_trained_rows(
    record: Record, own: Mapping[str, Rows] | None, why: str, rows: Rows, split: str, near: float | None
) -> None:
    """Warn of rows that the run was trained on, word for word or nearly.

    If the run's own data is gone or has changed, rows are compared with the run's `split.json` by content.

    Args:
        record: The run.
        own: The rows of each of its splits; None if they cannot be read.
        why: Why they cannot.
        rows: The rows to evaluate.
        split: Their split; rows of `train` were trained on, of course.
        near: Likeness (`data/nearness.py`) from which a text counts as the same; None only counts equal texts.
    """
    if own is None:
        _compare_contents(record, rows, split, why)
        return
    places = leaks({"train": rows, "the training rows": own["train"]}, near) if split != "train" else {}
    if not places:
        return
    if near is None:
        log.warning("%d of the %d rows evaluated here have a text that the run was trained on", len(places), len(rows))
        return
    named = [f"{row_place(rows, row)} {place}" for row, place in sorted(places.items())[:NAMED]]
    log.warning(
        "%d of the %d rows evaluated here have a text that the run was trained on, or one at least %s alike (%s)",
        *(len(places), len(rows), f"{near:.0%}", ", ".join(named) + ", ..." * (len(places) > NAMED)),
    )


def _compare_contents(record: Record, rows: Rows, split: str, reason: str) -> None:
    if split == "train":
        log.warning("%s: these may not be the rows that it was trained on", reason)
        return
    trained: set[str] | None = None
    with suppress(FilesError):  # a run made before there was such a file
        trained = set(map(input_hash, read_split_file(record.path).content_ids.get("train", ())))
    if trained is None:
        log.warning("%s: rows evaluated now may have been trained on", reason)
        return
    count = sum(input_hash(content_id) in trained for content_id in known_content_ids(rows))
    log.warning(
        "%s; by its split.json, %d of the %d rows evaluated here have a text that it was trained on",
        *(reason, count, len(rows)),
    )
