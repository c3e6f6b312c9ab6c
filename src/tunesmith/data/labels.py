"""The labels of a whole column: under the names that the config gives them, or refused for what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tunesmith.config.data_files import named_files
from tunesmith.config.schema import Data
from tunesmith.data.examples import Label
from tunesmith.data.lines import place_of
from tunesmith.data.values import kind_of, structure
from tunesmith.errors import DataError

BITS = {"0": False, "1": True, "false": False, "true": True}


def single_names(labels: Sequence[Label], data: Data) -> list[Label]:
    """One label of each row under its name.

    Raises:
        DataError: Every label is the source of a list.
    """
    _refuse_lists(labels, data)
    return [data.label_names.get(str(label), label) for label in labels]


def several_names(labels: Sequence[Label], lines: Sequence[int], data: Data) -> list[Label]:
    """The labels of each row under their names, each once; of a vector of zeros and ones, those of the ones.

    Args:
        labels: As they stand in the file.
        lines: The line of each row.
        data: The data config.

    Raises:
        DataError: Vectors differ in length, or their positions have no names.
    """
    several = _without_brackets([label if isinstance(label, tuple) else () for label in labels])
    if are_vectors(several):
        return list(_by_position(several, lines, data))
    return [tuple(dict.fromkeys(data.label_names.get(name, name) for name in names)) for names in several]


def _without_brackets(several: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The names in lists without quotes, `[art, law]`, as YAML and Java print them, if all rows hold such."""
    if not all(names[0][:1] + names[-1][-1:] == "[]" for names in several if names) or not any(several):
        return several
    joined = ("\n".join(names)[1:-1] for names in several)
    return [tuple(part.strip() for part in re.split(r"[,\n]", text) if part.strip()) for text in joined]


def tag_names(labels: Sequence[Label], data: Data) -> list[Label]:
    """The tags of each row under their names."""
    return [tuple(data.label_names.get(tag, tag) for tag in tags) for tags in labels if isinstance(tags, tuple)]


def are_vectors(several: Sequence[tuple[str, ...]]) -> bool:
    """Whether rows are vectors of zeros and ones: a list of names has none of them twice, and one order."""
    if not several or not all(name in BITS for names in several for name in names):
        return False
    if any(len(set(names)) < len(names) for names in several):
        return True
    return {("0", "1"), ("1", "0")} <= set(several) or {("false", "true"), ("true", "false")} <= set(several)


def _by_position(vectors: Sequence[tuple[str, ...]], lines: Sequence[int], data: Data) -> list[tuple[str, ...]]:
    """The names of the ones in each vector."""
    width = len(vectors[0])
    for vector, line in zip(vectors, lines, strict=True):
        if len(vector) != width:
            raise DataError(
                f"{place_of(data.path, line)}: a vector of {len(vector)} zeros and ones, where the first row has "
                f"{width}. Give every row one value for each label"
            )
    positions = [str(position) for position in range(width)]
    if set(data.label_names) != set(positions):
        example = ", ".join(f"{position}: label_{position}" for position in positions)
        received = f"; data.label_names has {', '.join(data.label_names)}" if data.label_names else ""
        raise DataError(
            f"{named_files(data.path)}: {data.label_column!r} holds vectors of {width} zeros and ones, whose labels "
            f"have no names{received}. Name the label at each position: 'data.label_names={{{example}}}'"
        )
    names = [data.label_names[position] for position in positions]
    return [tuple(name for name, bit in zip(names, vector, strict=True) if BITS[bit]) for vector in vectors]


def _refuse_lists(of_rows: Sequence[Label], data: Data) -> None:
    """A single label with a bracket may be a name; a column of nothing else is one of lists."""
    labels = list(dict.fromkeys(label for label in of_rows if isinstance(label, str)))
    if not labels or not all(label.lstrip()[:1] in ("[", "(", "{") for label in labels):
        return
    values = [structure(label) for label in labels]
    if all(value is not None for value in values):
        value = values[0]
        assert value is not None
        remedy = "task=multi_label takes several labels for a text, task=token_classification a tag for each word"
        raise DataError(
            f"{named_files(data.path)}: every row of {data.label_column!r} holds the text of {kind_of(value)} "
            f"(first: {labels[0]}), where one label is asked for. {remedy}"
        )
