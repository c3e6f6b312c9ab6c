"""Groups that given splits divide: `data.split.group_column` where a file or a column says what is in which split."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from tunesmith.config.data_files import names_by_split
from tunesmith.config.schema import Data
from tunesmith.data.rows import Rows

log = logging.getLogger("tunesmith")


def warn_of_divided_groups(splits: Mapping[str, Rows], data: Data) -> None:
    """Warn of groups that are in several splits, with the rows of val and test whose group train has.

    Args:
        splits: The rows of each split.
        data: The data config.
    """
    groups = {name: set(rows.groups or ()) - {""} for name, rows in splits.items()}
    every = sorted(set().union(*groups.values()))
    several = [group for group in every if sum(group in there for there in groups.values()) > 1]
    if not several:
        return
    known = groups.get("train", set())
    counts = {name: sum(group in known for group in rows.groups or ()) for name, rows in splits.items()}
    rows_in_words = " and ".join(f"{counts[name]:,} of {len(splits[name]):,} {name} rows" for name in ("val", "test"))
    log.warning(
        "%d of %d groups (data.split.group_column=%s) are in several splits, such as %r: %s are of a group that is "
        "trained on, so that metrics show how well the group is known. %s",
        *(len(several), len(every), data.split.group_column, several[0], rows_in_words, _way_out(data)),
    )


def _way_out(data: Data) -> str:
    if data.split.from_run is not None:
        return "To keep groups whole, divide the rows anew: data.split.from_run=null"
    if None not in names_by_split(data.path):
        return "To keep groups whole, name the files in a list: data.path=[FILE,FILE]"
    return "To keep groups whole: data.split.method=stratified data.split.column=null"
