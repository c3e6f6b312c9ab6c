"""Writes a report as Markdown, in which no text of the user's is markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tunesmith.reporting.blocks import Aside, Block, Document, Gallery, Listing, Sentence, Verbatim, cell_text
from tunesmith.terminal import printable

SPECIAL = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")
"""Characters that Markdown or HTML in it acts on; an underscore inside a word is none."""
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def as_markdown(document: Document) -> str:
    """Write a report as Markdown; figures are replaced by their numbers."""
    lines = [f"# {markdown_text(document.title)}{f' ({document.status})' if document.status else ''}"]
    lines += ["", markdown_text(" · ".join(document.facts)), ""]
    lines += [f"- {markdown_text(what)}: **{markdown_text(value)}**" for value, what in document.tiles]
    for chapter in document.chapters:
        lines += ["", f"## {markdown_text(chapter.title)}"]
        for block in chapter.blocks:
            lines += ["", *_lines(block)]
    return "\n".join([*lines, *(["", markdown_text(document.footer)] if document.footer else [])]) + "\n"


def markdown_text(text: str) -> str:
    """Escape a text, so that it is shown as it is, on one line."""
    return SPECIAL.sub(lambda match: ENTITIES.get(match[0], f"\\{match[0]}"), " ".join(printable(text).split("\n")))


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Write the lines of a table."""
    cells = [list(columns), *([cell_text(value) for value in row] for row in rows)]
    texts = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in cells]
    return [texts[0], "|" + "---|" * len(columns), *texts[1:]]


def fenced(text: str) -> str:
    """Return a text as a block of code that nothing in it can end."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{printable(text)}\n{fence}"


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Listing):
        yield from [markdown_text(block.note), ""] if block.note else []
        yield from table_lines(block.columns, block.rows)
    elif isinstance(block, Gallery):
        for picture in block.pictures:
            if picture.values is not None:
                yield from [
                    f"**{markdown_text(picture.title)}**",
                    "",
                    *table_lines(picture.values.columns, picture.values.rows),
                ]
                yield ""
    elif isinstance(block, Verbatim):
        yield fenced(block.text)
    elif isinstance(block, Aside):
        yield f"> {markdown_text(block.text)}"
    else:
        assert isinstance(block, Sentence)
        yield markdown_text(block.text)
