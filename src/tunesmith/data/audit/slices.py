"""Label rates by slice: whether rows of one source, customer or language have other labels than the rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tunesmith.config.data_files import parts_of
from tunesmith.config.schema import Data
from tunesmith.data.audit.finding import Finding, cases_of, number_of, some
from tunesmith.data.files import data_files
from tunesmith.data.nested import with_nested
from tunesmith.data.rows import Rows
from tunesmith.data.sources.hub import with_files
from tunesmith.data.sources.records import records_in, source_of
from tunesmith.data.sources.separated import dialect_of
from tunesmith.data.spellings import quoted
from tunesmith.data.values import as_text
from tunesmith.errors import ConfigError, Problem
from tunesmith.suggest import did_you_mean, nearest

SOURCE: Final = "source"
"""The column that rows of several sources have beside those of their files."""
LEAST_ROWS: Final = 30
"""Rows of a slice, and beside it."""
DIFFERENCE: Final = 0.1
"""Between the rate of a label in a slice and in the other rows, from which it is reported."""
CHANCE: Final = 0.01
"""That any slice differs so by chance (Fisher's exact test, times the number of tests)."""


def slice_values(
    splits: Mapping[str, Rows], data: Data, columns: Sequence[str], key: str = "--slices"
) -> dict[str, list[str]]:
    """The values of columns for each row of all splits, one after the other; an empty text where there is none.

    Args:
        splits: The rows of each split.
        data: The data config.
        columns: Names of columns, or dotted paths to fields.
        key: What names them, for messages.

    Raises:
        ConfigError: No record has such a column.
        DataError: The files cannot be read.
    """
    if not columns:
        return {}
    of_sources: dict[str, list[str]] = {}
    if data.sources and SOURCE in columns:
        of_sources[SOURCE] = [source for rows in splits.values() for source in rows.sources or ()]
        columns = [column for column in columns if column != SOURCE]
    values: dict[str, dict[tuple[str, int], str]] = {column: {} for column in columns}
    names: dict[str, None] = {}
    for part in map(with_files, parts_of(data).values()):
        source = source_of(part.format, dialect_of(part))
        files = data_files(part, source)
        for line, record in records_in(source, files):
            names |= dict.fromkeys(record)
            record = with_nested(record, columns)
            for column in columns:
                if column in record:
                    values[column][line.file, int(line)] = as_text(record[column])
    missing = [column for column in columns if not values[column]]
    if missing:
        rule = f"takes columns of the data: {', '.join(names)}"
        raise ConfigError([Problem(key, rule, name, did_you_mean(nearest(name, names))) for name in missing])
    only = str(next(iter(files)))
    keys = [(getattr(line, "file", only), int(line)) for rows in splits.values() for line in rows.lines or ()]
    found = {column: [of_column.get(key, "") for key in keys] for column, of_column in values.items()}
    return found | of_sources


def slices(splits: Mapping[str, Rows], values: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """The finding of slices in which a label is more or less frequent than in the other rows, the largest first.

    Args:
        splits: The rows of each split.
        values: The slice of each row by column, from `slice_values`.
    """
    cases = [case for column, of_rows in values.items() for case in _differing(splits, column, of_rows)]
    if not cases:
        return
    cases.sort(key=lambda case: (-round(abs(case["rate"] - case["rate elsewhere"]), 3), case["value"], case["label"]))
    listed = (
        f"{case['column']} {quoted(case['value'])}: {case['rate']:.0%} of {number_of(case['rows'], 'row')} "
        f"{'is' if case['rows'] == 1 else 'are'} {quoted(case['label'])}, {case['rate elsewhere']:.0%} of the others"
        for case in cases
    )
    num_slices = len({(case["column"], case["value"]) for case in cases})
    sentence = (
        f"{number_of(num_slices, 'slice has', 'slices have')} a label at least {DIFFERENCE:.0%} of rows more or less "
        "often than the other rows: a model may answer by the slice"
    )
    yield Finding("slices", num_slices, sentence, some(listed), None, cases_of(cases))


def _differing(splits: Mapping[str, Rows], column: str, of_rows: Sequence[str]) -> Iterator[dict[str, Any]]:
    from scipy.stats import hypergeom

    values, places = np.unique(of_rows, return_inverse=True)
    labels, both = _rows_by_label(splits, places, len(values))
    having, of_label, total = np.bincount(places, minlength=len(values)), both.sum(axis=0), len(places)
    large = np.flatnonzero((having >= LEAST_ROWS) & (having <= total - LEAST_ROWS)).tolist()
    for value, label in itertools.product(large, range(len(labels))):
        count, rows, every = int(both[value, label]), int(having[value]), int(of_label[label])
        rate, elsewhere = count / rows, (every - count) / (total - rows)
        if abs(rate - elsewhere) < DIFFERENCE:
            continue
        spread = hypergeom(total, every, rows)
        chance = min(float(spread.sf(count - 1)), float(spread.cdf(count))) * 2 * both.size
        if chance <= CHANCE:
            yield {
                "column": column,
                "value": str(values[value]),
                "rows": rows,
                "label": labels[label],
                "rate": round(rate, 3),
                "rate elsewhere": round(elsewhere, 3),
            }


def _rows_by_label(
    splits: Mapping[str, Rows], places: npt.NDArray[np.int64], num_values: int
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The labels, and how many rows of each value have each: shape (values, labels)."""
    given = [label for rows in splits.values() for label in rows.labels]
    each = [set(map(str, label)) if isinstance(label, tuple) else {str(label)} for label in given]
    labels = sorted(set().union(*each))
    place = {label: number for number, label in enumerate(labels)}
    both = np.zeros((num_values, len(labels)), dtype=np.int64)
    for value, having in zip(places.tolist(), each, strict=True):
        for label in having:
            both[value, place[label]] += 1
    return labels, both
