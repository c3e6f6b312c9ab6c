"""Further rows to measure a model on: the files in `evaluation.sets`, read as `data` says."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from tunesmith.config.schema import Data, Split
from tunesmith.data.cleaning.clean import clean_texts
from tunesmith.data.leaks import NAMED, leaks
from tunesmith.data.reading import read_rows
from tunesmith.data.row_slices import with_slices
from tunesmith.data.rows import Rows, row_place
from tunesmith.data.task import RowTask
from tunesmith.errors import ConfigError, DataError

KEY = "evaluation.sets"
log = logging.getLogger("tunesmith")


def data_of_set(data: Data, path: str) -> Data:
    """The data config with the file of a set, whose rows are not divided."""
    split = Split(method="random", group_column=data.split.group_column)
    return data.model_copy(update={"path": path, "sources": {}, "split": split, "num_rows": None})


def read_set(name: str, path: str, data: Data, task: RowTask, columns: list[str]) -> Rows:
    """Every row of a set, its texts cleaned as those of a run are.

    Args:
        name: The set's name, for messages.
        path: Its file, a pattern or a folder.
        data: The run's data config, which says how to read it.
        task: The run's task.
        columns: As in `evaluation.slices`.

    Raises:
        ConfigError: It has no such column.
        DataError: It cannot be read.
    """
    own = data_of_set(data, path)
    try:
        rows = clean_texts(read_rows(own, task), own)
        return with_slices({name: rows}, own, columns)[name]
    except (DataError, ConfigError) as error:
        sentence = str(error) if isinstance(error, DataError) else str(error.problems[0])
        raise DataError(f"{KEY}.{name}: {sentence.replace('data.path=', f'{KEY}.{name}=')}") from None


def apart_from(train: Rows, sets: Mapping[str, Rows], data: Data) -> dict[str, Rows]:
    """The sets without rows that are trained on too, if `data.on_leak` is `remove`; else as they are, with a warning.

    Args:
        train: The training rows, which stay as they are.
        sets: The rows of each set.
        data: The run's data config.

    Raises:
        DataError: There are such rows and `data.on_leak` is `error`, or nothing is left of a set.
    """
    return {name: _apart(train, name, rows, data) for name, rows in sets.items()}


def _apart(train: Rows, name: str, rows: Rows, data: Data) -> Rows:
    places = leaks({"train": rows, "the training rows": train}, data.near)  # rows of the set that stand in train
    if not places:
        return rows
    how = "" if data.near is None else f" (word for word, or at least {data.near:.0%} alike)"
    some = ", ".join(f"{row_place(rows, row)} {where}" for row, where in sorted(places.items())[:NAMED])
    more = ", ..." if len(places) > NAMED else ""
    sentence = f"{KEY}.{name}: {len(places):,} of {len(rows):,} rows stand in train{how} ({some}{more})"
    if data.on_leak == "error":
        raise DataError(f"{sentence}. Leave them out with data.on_leak=remove, or mend the files")
    if data.on_leak == "warn":
        log.warning("%s. data.on_leak=remove leaves them out of %s", sentence, name)
        return rows
    if len(places) == len(rows):
        raise DataError(f"{sentence}: data.on_leak=remove leaves nothing to measure")
    log.warning("%s and are left out of %s", sentence, name)
    return rows.take(row for row in range(len(rows)) if row not in places)
