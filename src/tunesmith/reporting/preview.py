"""Rows as people can read them, step by step: the record, its text, cleaned, and what a model is shown and asked."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.text import Text

from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.examples import Example
from tunesmith.data.forms.choice import form_of
from tunesmith.data.messages import text_of
from tunesmith.data.nested import with_nested
from tunesmith.data.rows import Rows
from tunesmith.data.sources.lookup import records_with
from tunesmith.data.tokenization import IGNORED, Tokens
from tunesmith.terminal import printable

MOST_CHARACTERS = 2_000
"""Of one part; of longer ones the beginning is shown."""
OF_TOKENS = ("given", "learned", "tokens", "input")
"""Lines of what the model is shown."""
WIDTH = 11
"""Columns for what a line is."""


def preview_lines(data: TextDataModule, split: str, num_rows: int) -> Iterator[str]:
    """The lines to print for the first rows of a split.

    Args:
        data: The run's data, with the tokenizer of its model.
        split: The split.
        num_rows: Rows to show.
    """
    rows, samples = data.splits[split], data.dataset(split).samples
    shown = range(min(num_rows, len(rows)))
    records = records_with(data.data, [rows.ids[row] for row in shown])
    for row in shown:
        line = f", line {rows.lines[row]}" if rows.lines else ""
        yield f"{split} row {rows.ids[row]}{line}"
        yield from (_line(name, text) for name, text in _steps(data, rows, row, records.get(rows.ids[row])))
        for sample in map(int, np.flatnonzero(samples.rows == row)):
            yield from _sample(data, samples.tokens[sample], _asked(samples.labels, sample))
        yield ""


def styled(line: str, specials: Sequence[str]) -> Text:
    """A line for a terminal: what is only given is dim, special tokens stand out.

    Args:
        line: A line of a preview.
        specials: The special tokens of the tokenizer, as they are spelled.
    """
    text, name = Text(line), line[2 : 2 + WIDTH].strip() if line.startswith("  ") else ""
    if name == "given":
        text.stylize("dim", 2 + WIDTH)
    if name in OF_TOKENS and specials:
        pattern = "|".join(re.escape(special) for special in sorted(specials, key=len, reverse=True))
        text.highlight_regex(re.compile(pattern), "bold cyan")
    return text


def _steps(data: TextDataModule, rows: Rows, row: int, record: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """A record and what was read of it, each part under what it is; a text that was cleaned stands there twice."""
    if record is not None:
        yield "record", json.dumps(record, ensure_ascii=False, default=str)
    if rows.messages is not None:
        for turn in rows.messages[row]:
            yield str(turn["role"]), text_of(turn)
        return
    before = None if record is None else _as_read(data, record)
    texts = {"text": (rows.texts[row], before.text if before else None)}
    if rows.pairs is not None:
        texts["pair"] = rows.pairs[row], before.pair if before else None
    for name, (now, then) in texts.items():
        yield name, now if then is None else then
        if then is not None and then != now:
            yield "cleaned", now
    label: Any = rows.labels[row]
    if label is not None:
        yield "label", ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _as_read(data: TextDataModule, record: dict[str, Any]) -> Example | None:
    """A record's texts before they are cleaned."""
    form = form_of(data.data, data.task.traits)
    named = [getattr(form.data, key) for key in data.task.columns(form.data)]
    return data.task.read(form.made(with_nested(record, named)), form.data)


def _asked(labels: npt.NDArray[Any] | Tokens, sample: int) -> npt.NDArray[np.int32] | None:
    """The ids that are asked for token by token; None if there is one answer for the whole."""
    return labels[sample] if isinstance(labels, Tokens) else None


def _sample(data: TextDataModule, tokens: npt.NDArray[np.int32], asked: npt.NDArray[np.int32] | None) -> Iterator[str]:
    if asked is None or data.task.traits.takes_words:
        yield _line("tokens", _decoded(data, tokens))
        yield _line("", f"{len(tokens)} tokens")
    elif data.family == "seq2seq":
        yield _line("input", _decoded(data, tokens))
        yield _line("learned", _decoded(data, asked[asked != IGNORED]))
        yield _line("", f"{len(tokens)} tokens, and {int((asked != IGNORED).sum())} to be written")
    else:
        for learned, part in _parts(tokens, asked):
            yield _line("learned" if learned else "given", _decoded(data, part))
        yield _line("", f"{len(tokens)} tokens, {int((asked != IGNORED).sum())} of them learned")


def _parts(tokens: npt.NDArray[np.int32], asked: npt.NDArray[np.int32]) -> Iterator[tuple[bool, npt.NDArray[np.int32]]]:
    """Runs of tokens that are learned, and of those that are only given."""
    start = 0
    for learned, run in itertools.groupby((asked != IGNORED).tolist()):
        end = start + len(list(run))
        yield learned, tokens[start:end]
        start = end


def _decoded(data: TextDataModule, ids: Sequence[int] | npt.NDArray[np.int32]) -> str:
    """Ids as text, with special tokens as they are spelled."""
    return str(data.tokenizer.decode([int(i) for i in ids], clean_up_tokenization_spaces=False))


def _line(name: str, text: str) -> str:
    """A part of a row; breaks and control characters are written as codes, so that a part is one line."""
    shown = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}... ({len(text):,} characters)"
    return f"  {name:<{WIDTH}}{printable(shown.replace(chr(10), chr(92) + 'n'))}"
