"""A Python file that assigns one literal dict of name to text; nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError


class PythonDict(Source):
    """The entries of the dict."""

    columns = frozenset({"name", "text"})

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each entry with the line of its name.

        Raises:
            DataError: The file does not assign one literal dict, or a name stands in it twice.
        """
        try:
            assigned = [node for node in ast.parse(file.read()).body if isinstance(node, ast.Assign)]
            literals = [ast.literal_eval(node.value) for node in assigned]
        except (SyntaxError, ValueError, RecursionError) as error:
            raise DataError(f"{path}: not a Python file that assigns one literal dict: {error}") from None
        written = assigned[0].value if len(assigned) == 1 else None
        if not isinstance(written, ast.Dict):
            raise DataError(f"{path}: not a Python file that assigns one literal dict of name to text")
        entries = literals[0]
        if len(written.keys) > len(entries):
            raise DataError(
                f"{path}: {len(written.keys) - len(entries)} names stand twice in the dict. Rename one of each"
            )
        for key, (name, text) in zip(written.keys, entries.items(), strict=True):
            yield key.lineno if key else written.lineno, {"name": name, "text": text}
