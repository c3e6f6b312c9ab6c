"""Training samples as people can read them: what a record holds, and what a model is shown and asked of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.rows import Rows
from tunesmith.data.tokenization import IGNORED, Tokens
from tunesmith.terminal import printable

MOST_CHARACTERS = 2_000
"""Of one part; of longer ones the beginning is shown."""
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
    for row in range(min(num_rows, len(rows))):
        line = f", line {rows.lines[row]}" if rows.lines else ""
        yield f"{split} row {rows.ids[row]}{line}"
        yield from (_line(name, text) for name, text in _record(rows, row))
        for sample in map(int, np.flatnonzero(samples.rows == row)):
            yield from _sample(data, samples.tokens[sample], _asked(samples.labels, sample))
        yield ""


def _record(rows: Rows, row: int) -> Iterator[tuple[str, str]]:
    """The values that were read of a record, each under what it is."""
    if rows.messages is not None:
        for turn in rows.messages[row]:
            yield str(turn["role"]), str(turn["content"])
        return
    yield "text", rows.texts[row]
    if rows.pairs is not None:
        yield "pair", rows.pairs[row]
    label: Any = rows.labels[row]
    if label is not None:
        yield "label", ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


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
