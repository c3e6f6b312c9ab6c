"""ACLSum's papers: JSON lines whose sections are lists of sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tunesmith.data.sources.jsonl import JsonLines
from tunesmith.data.sources.source import Record, Source
from tunesmith.errors import DataError


class Aclsum(Source):
    """Papers: `text` is all of one, its sections joined by empty lines; `summary.challenge` and so on its summaries.

    Every section is a column too, such as `abstract`, with its sentences joined by a space.
    """

    columns = frozenset({"text", "sentences"})

    def read(self, file: TextIO, path: Path) -> Iterator[Record]:
        """Each paper with its line.

        Raises:
            DataError: A line is not an object, or its sections are no lists of sentences.
        """
        for line, record in JsonLines().read(file, path):
            sections = record.get("sentences")
            if not isinstance(sections, dict) or not all(map(_are_sentences, sections.values())):
                form = '{"sentences": {"abstract": ["...", "..."]}}'
                raise DataError(f"{path}:{line}: its sections must be lists of sentences, as in {form}")
            texts = {name: " ".join(sentences) for name, sentences in sections.items()}
            yield line, record | texts | {"text": "\n\n".join(texts.values())}


def _are_sentences(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
