"""What is noticed over all the rows of a file: what is filtered, what is empty, and what nobody reads."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tunesmith.config.data_files import named_files
from tunesmith.config.schema import Data
from tunesmith.data.lines import all_numbered
from tunesmith.data.task import RowTask
from tunesmith.data.values import as_text, container_hint, is_conversation, is_missing, kind_of, structure
from tunesmith.errors import DataError

log = logging.getLogger("tunesmith")

INPUTS = frozenset(
    (
        *("input", "context", "system", "system_prompt", "history", "passage", "hypothesis", "premise", "question"),
        *("query", "sentence1", "sentence2", "text1", "text2", "text_a", "text_b", "text_pair", "tools", "functions"),
    )
)
"""Names of columns that a model is usually shown; one that no key names is likely forgotten."""
MARKS = ("weight", "weights", "sample_weight", "train", "labels", "assistant_masks", "completion_mask")
"""Names of columns in which other tools say what of a conversation is learned."""
WITH_MESSAGES = ("tools", "chat_template_kwargs", "documents")
"""Columns that a chat template takes beside the messages, without a key."""
SHOWN = 5
"""Lines, values or columns that a message lists."""


class Where:
    """The filter of `data.where`: texts compare as texts, numbers as numbers, and booleans whatever their case."""

    def __init__(self, where: Mapping[str, Any]) -> None:
        self._where = where
        self._values: dict[str, Counter[str]] = {column: Counter() for column in where}
        self._met: dict[str, bool] = dict.fromkeys(where, False)

    def keeps(self, record: Mapping[str, Any]) -> bool:
        """Whether a record has every value that is asked for."""
        kept = True
        for column, expected in self._where.items():
            matches = equal(record[column], expected)
            self._met[column] |= matches
            self._values[column][as_text(record[column])] += 1
            kept &= matches
        return kept

    def miss(self) -> str | None:
        """Why nothing was kept; None where there is no filter."""
        if not self._where or not any(self._values.values()):
            return None
        asked = " ".join(f"data.where.{column}={as_text(expected)}" for column, expected in self._where.items())
        alone = [column for column, met in self._met.items() if not met]
        if not alone:
            return f"no rows with {asked}: each is there, but in no row together. Change data.where"
        there = "; ".join(f"column {column!r} has {_most(self._values[column])}" for column in alone)
        return f"no rows with {asked}: {there}. Change data.where"


def equal(value: Any, expected: Any) -> bool:
    """Whether a value of a file is the one that the config asks for."""
    text, asked = as_text(value), as_text(expected)
    if text == asked:
        return True
    if isinstance(expected, bool) or isinstance(value, bool):
        return text.strip().lower() == asked.strip().lower()
    if not isinstance(expected, int | float):
        return False
    number = text.strip()
    if "_" in number:
        return False  # which Decimal leaves out
    if number.lstrip("+-")[:2].isdigit() and number.lstrip("+-")[0] == "0":
        return False  # 007 is a code, not the number 7
    try:
        return Decimal(number) == Decimal(asked)
    except InvalidOperation:
        return False


class Unused:
    """Columns of the file that no key names, with the rows in which they hold something.

    Args:
        task: The task.
        data: The data config.
        named: Columns that the format itself names.
    """

    def __init__(self, task: RowTask, data: Data, named: Iterable[str] = ()) -> None:
        self._used = {getattr(data, key) for key in task.columns(data)} | set(data.where)
        self._used |= {data.id_column, data.split.column, data.split.group_column}
        self._task, self._data = task, data
        self._used |= set(named)
        if "messages_column" in task.traits.columns:
            self._used |= set(WITH_MESSAGES)
        self._filled: Counter[str] = Counter()
        self._rows = 0

    def see(self, record: Mapping[str, Any]) -> None:
        """Note the columns of a record that are not read."""
        self._rows += 1
        for column, value in record.items():
            if column not in self._used:
                self._filled[column] += not is_missing(value, ()) and value != []

    def tell(self, path: str | Path) -> None:
        """List them once; warn of those whose name says that the model should have seen them."""
        names = [repr(column) for column in self._filled]
        if names:
            shown = ", ".join(names[: 2 * SHOWN]) + (f" and {len(names) - 2 * SHOWN} more" * (len(names) > 2 * SHOWN))
            log.info("columns that the model does not see: %s", shown, extra={"once": True})
        for column, filled in self._filled.items():
            if filled and column.lower() in INPUTS:
                rule = "%s: the column %r holds something in %d of %d rows, and the model never sees it. %s"
                log.warning(rule, *(path, column, filled, self._rows, self._remedy(column)))
            elif filled and column in MARKS and (self._data.messages_column or self._data.convert):
                rule = "%s: the column %r holds something in %d of %d rows, and every row is learned alike. %s"
                remedy = (
                    "What is not to be learned is marked in its turn of the conversation (weight: 0, or train: false)"
                )
                log.warning(rule, *(path, column, filled, self._rows, remedy))

    def _remedy(self, column: str) -> str:
        if "text_pair_column" in self._task.traits.columns and self._data.text_pair_column is None:
            return f"If it belongs to the text: data.text_pair_column={column}"
        text = self._data.text_column
        if self._data.messages_column is not None:
            return "If the model should see it, write it into the messages"
        if self._data.template is not None:
            return "If it belongs to the text, name it in data.template"
        both = [f"{{{{{name}}}}}" if name.isidentifier() else f'{{{{row["{name}"]}}}}' for name in (text, column)]
        return f"If it belongs to the text: 'data.template={both[0]} {both[1]}' in place of data.text_column"


class Empty:
    """Rows that lack their text, or what is to be answered.

    Args:
        task: The task.
        data: The data config.
        lines: Takes the line of each.
    """

    def __init__(self, task: RowTask, data: Data, lines: list[int] | None = None) -> None:
        self._task, self._data = task, data
        self._lines: list[int] = [] if lines is None else lines
        self._columns = [getattr(data, key) for key in task.columns(data)]
        self._words: Counter[str] = Counter()

    def see(self, line: int, record: Mapping[str, Any]) -> None:
        """Note one, with the word that stands for a missing value in it."""
        self._lines.append(line)
        values = [record[column] for column in self._columns]
        self._words.update({value.strip() for value in values if isinstance(value, str)} & set(self._data.missing))

    def refuse(self, path: str | Path) -> None:
        """Refuse them where `data.on_empty` says so.

        Raises:
            DataError: There are some.
        """
        if self._lines and self._data.on_empty == "error":
            raise DataError(
                f"{path}: {self._counted()}{self._because()}. Mend them, or leave them out with data.on_empty=drop"
            )

    def tell(self, path: str | Path) -> None:
        """Say how many are left out."""
        if self._lines:
            log.warning("%s: %s dropped%s", path, self._counted(), self._because())

    def nothing_left(self) -> str:
        """Why no row is left."""
        if self._lines:
            return f"no rows but {len(self._lines)} empty ones, which data.on_empty=drop leaves out. Mend them"
        return "no rows. Add some, or take another file: data.path=FILE"

    def _counted(self) -> str:
        place = f"({all_numbered(self._lines, SHOWN)})"
        if self._data.on_empty == "error":
            have = "row has" if len(self._lines) == 1 else "rows have"
            return f"{len(self._lines)} {have} no {self._task.lacks} {place}"
        without = self._task.lacks.replace("or no", "or a")
        return f"{len(self._lines)} row{'s' if len(self._lines) > 1 else ''} without a {without} {place}"

    def _because(self) -> str:
        if not self._words:
            return ""
        words = ", ".join(f"{word!r} stands in {count}" for word, count in self._words.items())
        left = ", ".join(f'"{word}"' for word in self._data.missing if word not in self._words)
        real = f"'data.missing=[{left}]'"
        return f"; {words} of them for a missing value (where it is a word of its own: {real})"


def bit_columns(record: Mapping[str, Any]) -> str | None:
    """What to do with labels that stand in columns of their own, one zero or one in each; None where there are none."""
    names = [column for column, value in record.items() if as_text(value) in ("0", "1", "true", "false", "0.0", "1.0")]
    if len(names) < 2:
        return None
    return (
        f"If {', '.join(map(repr, names[:SHOWN]))} are labels with zeros and ones: write the names of the ones into "
        f"one column, such as {'|'.join(names[:2])}, and name it with data.label_column=... and task=multi_label"
    )


def refuse_sources_of_lists(texts: Sequence[str], pairs: Sequence[str] | None, task: RowTask, data: Data) -> None:
    """Refuse a column whose every text is the source of token ids or of messages, as a CSV file holds them.

    Raises:
        DataError: One is.
    """
    if task.traits.takes_words:
        return
    for column, values in ((data.text_column, texts), (data.text_pair_column, pairs or ())):
        if not values or not all(value.lstrip()[:1] in ("[", "(") for value in values):
            continue
        lists = [structure(value) for value in values]
        numbers = all(isinstance(items, list) and items and all(map(_is_number, items)) for items in lists)
        if numbers or all(map(is_conversation, lists)):
            first = lists[0]
            assert isinstance(first, list)
            rule = f"every row of {column!r} is the text of {kind_of(first)}, where a text is asked for"
            raise DataError(f"{named_files(data.path)}: {rule}. {container_hint(first, column)}")


def _is_number(item: Any) -> bool:
    return item is ... or isinstance(item, int | float)


def _most(values: Counter[str]) -> str:
    shown = ", ".join(f"{value!r} ({count} rows)" for value, count in values.most_common(SHOWN))
    return shown + (f" and {len(values) - SHOWN} more values" if len(values) > SHOWN else "")
