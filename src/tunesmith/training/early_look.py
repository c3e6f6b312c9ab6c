"""A look at the data before torch is imported, so that a bad file is refused within a second or two."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from tunesmith.config.composing.compose import Composed
from tunesmith.config.data_files import parts_of
from tunesmith.config.schema import Data
from tunesmith.config.trust import trusting
from tunesmith.data.files import data_files
from tunesmith.data.mixture import of_source
from tunesmith.data.reading import refuse_unreadable
from tunesmith.data.sources.hub import with_files
from tunesmith.data.sources.records import source_of
from tunesmith.data.splits import learned_labels, read_splits
from tunesmith.data.task import RowTask
from tunesmith.errors import ConfigError, DataError
from tunesmith.tasks.registry import task_of
from tunesmith.training.logs import log_to

WHOLE_BYTES = 1 << 20
"""Bytes of files that are read whole, which is soon done again; of larger ones the first records are."""
RECORDS = 1000
"""Records of each source that are read of larger files."""


def look_early(composed: Composed) -> None:
    """Refuse data that cannot be read, divided or learned; a large file is only begun, and ends its reading later.

    Files that a class of the user's own reads, and rows of a task of their own, are left for the run to read once.

    Raises:
        ConfigError: A class that reads the format may not be used, or refuses its arguments.
        DataError: As `data.splits.read_splits` raises, or the labels cannot be learned.
    """
    data, config = composed.config.data, composed.config.task
    with trusting(composed.trust):
        task = task_of(config)
        try:
            with _silent():  # the run says what is noticed
                _look(data, task)
        except ConfigError as error:  # of a class in `data.format`: elsewhere it comes when a run has begun
            raise ConfigError(error.problems) from error
        except DataError:
            with log_to():  # once more, aloud: what is noticed before may explain it
                _look(data, task)


@contextmanager
def _silent() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _look(data: Data, task: RowTask) -> None:
    parts = {name: with_files(part) for name, part in parts_of(data).items()}
    if not _is_ours(task) or not all(_is_ours(source_of(part.format)) for part in parts.values()):
        return
    num_bytes = 0
    for name, part in parts.items():
        with of_source(name):
            files = data_files(part, source_of(part.format))
            num_bytes += sum(file.stat().st_size for file in files if file.is_file())
    if num_bytes > WHOLE_BYTES:
        refuse_unreadable(data, task, RECORDS)
        return
    splits = read_splits(data, task)
    if data.on_long != "drop" and not data.cleaning:  # which may take out the rows that are amiss
        learned_labels(splits, data, task)


def _is_ours(plugin: object) -> bool:
    return type(plugin).__module__.startswith("tunesmith.")
