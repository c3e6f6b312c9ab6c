"""A text that `data.template` writes from the columns of a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jinja2 import Undefined

from tunesmith.config.schema import Data
from tunesmith.config.text_template import read_template
from tunesmith.data.forms.form import refuse_without
from tunesmith.data.malformed import MalformedError
from tunesmith.data.values import as_text, is_missing

MADE: Final = "data.template"
"""Where a record holds its text; the name of the column in messages."""
MOST_WRITTEN: Final = 10_000_000
"""Characters of a text: more come of a mistake."""


class Templated:
    """Texts are written by a template.

    Args:
        data: The data config, whose template is valid.
    """

    key: str | None = MADE
    beside: Sequence[str] = ()
    made_keys = frozenset({"text_column"})

    def __init__(self, data: Data) -> None:
        self.data = data.model_copy(update={"text_column": MADE})
        self._template = read_template(data.template or "", written)
        self.columns: Sequence[str] = self._template.columns
        self._lacking: Counter[str] = Counter()
        self._rows = 0

    def made(self, record: Mapping[str, Any], *, asking: bool = False) -> dict[str, Any]:
        """Return a record with its text; the text is empty if all columns of the template are.

        Raises:
            MalformedError: A column is missing, or the template cannot write its value.
        """
        refuse_without(record, self.columns, MADE)
        words = () if asking else self.data.missing
        values = {name: "" if is_missing(value, words) else value for name, value in record.items()}
        lacking = [name for name in self.columns if isinstance(values[name], str) and not values[name]]
        self._rows += 1
        if len(lacking) == len(self.columns):
            return {**record, MADE: ""}
        self._lacking.update(lacking)
        return {**record, MADE: self._written(values)}

    def alone(self, text: str) -> dict[str, Any]:
        """Return a record with the text in the template's only column.

        Raises:
            MalformedError: The template names several.
        """
        if len(self.columns) > 1:
            names = ", ".join(map(repr, self.columns))
            raise MalformedError(f"the run's {MADE} reads the columns {names}. Give a .csv or .jsonl file with them")
        return {self.columns[0]: text}

    def oddities(self) -> list[str]:
        """Return a sentence for each column that is empty in rows that have others."""
        return [
            f"{MADE} writes nothing for {name!r} in {count} of {self._rows} rows, where it is empty"
            for name, count in self._lacking.items()
        ]

    def _written(self, values: Mapping[str, Any]) -> str:
        pieces, length = [], 0
        try:
            for piece in self._template.chunks(values):
                length += len(piece)
                if length > MOST_WRITTEN:
                    raise MalformedError(f"{MADE} writes more than {MOST_WRITTEN:,} characters. Shorten it")
                pieces.append(piece)
        except MalformedError:
            raise
        except Exception as error:  # a template is a program, and can raise anything
            raise MalformedError(f"{MADE} cannot be written for this row: {error}") from None
        return "".join(pieces)


def written(value: Any) -> str:
    """Convert a value that a template writes to text, as columns are read.

    Raises:
        MalformedError: It is a list, an object or something that has no text.
    """
    if isinstance(value, Undefined):
        return str(value)  # which raises
    if value is None or isinstance(value, str | int | float):
        return as_text(value)
    if isinstance(value, list | tuple | dict):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise MalformedError(f"{MADE} writes {kind}, which has no text of its own. {_ways(value)}")
    raise MalformedError(
        f"{MADE} writes a {type(value).__name__}, which is no text. A field of an object: {{{{ a['b'] }}}}"
    )


def _ways(value: Any) -> str:
    if isinstance(value, dict):
        return "Name a field of it, {{ a['b'] }}, or write it as JSON: {{ a | tojson }}"
    return "Join it, {{ a | join(', ') }}, loop over it, or write it as JSON: {{ a | tojson }}"
