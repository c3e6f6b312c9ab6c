"""The split of an earlier run, for the rows of now: `data.split.from_run`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from tunesmith.config.data_files import SPLITS
from tunesmith.config.schema import Data
from tunesmith.data.content import known_content_ids
from tunesmith.data.rows import Rows
from tunesmith.data.splitting.split_file import read_split_file
from tunesmith.data.splitting.units import units_of
from tunesmith.errors import DataError

log = logging.getLogger("tunesmith")


def splits_as_in_run(rows: Rows, data: Data) -> list[str]:
    """The split that each row had in the run that `data.split.from_run` names.

    Rows are known by `data.id_column` if both runs have one, else by their content. Other rows go to train, or to
    where a copy of theirs or another row of their group is. They are counted and told of, as are rows of that run
    that are not here.

    Args:
        rows: All rows of now.
        data: The data config.

    Raises:
        DataError: No row of now is one of its training rows, or of its validation rows.
        FilesError: It is no run, or its split cannot be read.
    """
    run = data.split.from_run
    assert run is not None
    record = read_split_file(run)
    by_id = record.ids if data.id_column is not None else None
    own: Sequence[str] = known_content_ids(rows) if by_id is None else rows.ids
    then = {row_id: name for name, ids in (by_id or record.content_ids).items() for row_id in ids}
    known = [then.get(row_id) for row_id in own]
    for name in ("train", "val"):
        if name not in known:
            way = "content" if by_id is None else f"data.id_column={data.id_column}"
            raise DataError(
                f"none of the {len(rows):,} rows is a {name} row of data.split.from_run={run} (by {way}). "
                "Name a run on the same data, or divide the rows anew: data.split.from_run=null"
            )
    names = _with_their_like(rows, known, data)
    new = Counter(name for name, before in zip(names, known, strict=True) if before is None)
    gone = Counter(then.values()) - Counter(name for name in known if name is not None)
    _tell(run, len(rows), new, gone)
    return names


def _with_their_like(rows: Rows, known: Sequence[str | None], data: Data) -> list[str]:
    """The split of every row: that of a new one is where its copies or its group are."""
    units = units_of(rows, duplicates=data.split.duplicates == "together") or range(len(rows))
    of_unit: dict[int, str] = {}
    for unit, name in zip(units, known, strict=True):
        if name is not None:
            of_unit.setdefault(unit, name)
    return [name or of_unit.get(unit, "train") for unit, name in zip(units, known, strict=True)]


def _tell(run: str, num_rows: int, new: Mapping[str, int], gone: Mapping[str, int]) -> None:
    """Say what the split was taken from; where rows have come or gone, its metrics are not to be compared blindly."""
    if not new and not gone:
        log.info("the %s rows are split as in %s", f"{num_rows:,}", run, extra={"once": True})
        return
    parts = [
        f"{number:,} {one if number == 1 else several} ({_counted(counts)})"
        for counts, one, several in ((new, "row is new", "rows are new"), (gone, "row is gone", "rows are gone"))
        if (number := sum(counts.values()))
    ]
    log.warning("the rows are split as in %s: %s", run, "; ".join(parts))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[name]:,} in {name}" for name in SPLITS if counts.get(name))
