"""Several sources in one data set: read each as it says, divided as one, and repeated in training by their weights."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tunesmith.config.data_files import keys_of_source, named_data, own_data
from tunesmith.config.schema import Data
from tunesmith.data.examples import Label
from tunesmith.data.lazy import end_to_end_columns, row_by_row
from tunesmith.data.lines import Line
from tunesmith.data.rows import Rows, join
from tunesmith.errors import DataError

FORMS = {"pairs": "pairs of texts", "words": "lists of words", "messages": "conversations"}
"""Column of `Rows` to what its rows are."""
log = logging.getLogger("tunesmith")


def read_sources(data: Data, read: Callable[[Data], Rows]) -> Rows:
    """The rows of all sources, one source after the other; ids begin with the source's name.

    Args:
        data: A data config with sources.
        read: Reads the rows of one source from a data config of its own.

    Raises:
        DataError: A source cannot be read, or the rows of two have different forms.
    """
    parts = []
    for name in data.sources:
        with of_source(name):
            rows = read(own_data(data, name))
        ids, lines = row_by_row(f"{name}/{{}}".format, rows.ids), row_by_row(_with_file, rows.lines or ())
        parts.append(replace(rows, ids=ids, lines=lines, sources=[name] * len(rows)))
    _refuse_two_forms(data, parts)
    rows = join(parts)
    several = [part.splits for part in parts if part.splits is not None]
    return replace(rows, splits=end_to_end_columns(several) if several else None)


def labels_by_source(rows: Rows) -> dict[str, list[Label]]:
    """The labels of each source."""
    by_source: dict[str, list[Label]] = {}
    for source, label in zip(rows.sources or (), rows.labels, strict=True):
        by_source.setdefault(source, []).append(label)
    return by_source


def _with_file(line: int) -> int:
    """A line that is shown with its file."""
    if not isinstance(line, Line) or line.within is not None:
        return line
    return Line(int(line), line.file, line.unit, Path(line.file).name)


@contextmanager
def of_source(name: str | None) -> Iterator[None]:
    """Name one of several sources in errors of its data, with the keys to set as its own; None names none."""
    try:
        yield
    except DataError as error:
        if name is None:
            raise
        raise DataError(f"data.sources.{name}: {keys_of_source(str(error), name)}") from None


def _refuse_two_forms(data: Data, parts: Sequence[Rows]) -> None:
    forms = [next((text for column, text in FORMS.items() if getattr(part, column)), "texts") for part in parts]
    if len(set(forms)) > 1:
        each = ", ".join(f"{form} in {name}" for name, form in zip(data.sources, forms, strict=True))
        raise DataError(f"{named_data(data)}: one task cannot take {each}. Bring them into one form with data.convert")


class OfSource(str):
    """A label with its source: one that is rare there is no slip of another."""

    __slots__ = ()


def strata_by_source(strata: Sequence[str] | None, rows: Rows) -> list[str] | None:
    """What a stratified split keeps the proportions of: the sources too, where there are several."""
    if rows.sources is None:
        return None if strata is None else list(strata)
    labels = [""] * len(rows) if strata is None else strata
    both: dict[tuple[str, str], OfSource] = {}  # each in memory once
    return [
        both.setdefault((label, source), OfSource(f"{label} from {source}"))
        for label, source in zip(labels, rows.sources, strict=True)
    ]


def weighted(splits: Mapping[str, Rows], data: Data) -> tuple[dict[str, Rows], dict[str, dict[str, int]]]:
    """Rows to train on as often as their source's weight says; those of other splits as they are.

    A weight of 2.5 takes each training row twice, and half of them, drawn with `data.split.seed`, a third time.

    Args:
        splits: The rows of each split.
        data: The data config.

    Returns:
        The rows of each split, and by source the number of its rows in each and of those in an epoch of training.

    Raises:
        DataError: A weight takes none of the rows that its source has for training.
    """
    train = splits["train"]
    if train.sources is None:
        return dict(splits), {}
    import numpy as np  # not needed to name a source in a message

    places, draw = np.arange(len(train)), np.random.default_rng(data.split.seed)
    taken = []
    for name, source in data.sources.items():
        own = places[np.asarray(train.sources) == name]
        whole, part = divmod(source.weight, 1)
        once_more = round(part * len(own))
        if len(own) and not whole and not once_more:
            key, rule = f"data.sources.{name}.weight", f"takes none of its {len(own):,} training rows"
            raise DataError(f"{key}={source.weight:g} {rule}. To take one of them: {key}={1 / len(own):.2g}")
        taken += [own] * int(whole)
        taken.append(np.sort(draw.permutation(own)[:once_more]))
    chosen = np.sort(np.concatenate(taken))
    rows = dict(splits) | {"train": train.take(chosen)}
    counts = {name: {split: Counter(of.sources or ())[name] for split, of in splits.items()} for name in data.sources}
    drawn = Counter(rows["train"].sources)
    facts = {name: {**of, "trained_on": drawn[name]} for name, of in counts.items()}
    each = ", ".join(f"{name} {of['trained_on']:,} of {of['train']:,} rows" for name, of in facts.items())
    log.info("an epoch takes, by data.sources.NAME.weight: %s", each, extra={"once": True})
    return rows, facts
