"""The audit of a data set, as a run would read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunesmith.config.schema import Data
from tunesmith.data.audit.copies import copies
from tunesmith.data.audit.cues import cues
from tunesmith.data.audit.diversity import diversity, templates
from tunesmith.data.audit.finding import KINDS, Audit, Finding
from tunesmith.data.audit.label_errors import label_errors, unfit
from tunesmith.data.audit.labels import rare_labels, spellings
from tunesmith.data.audit.near import near
from tunesmith.data.audit.slices import slice_values, slices
from tunesmith.data.audit.studied import Studied, one_label_each, studied
from tunesmith.data.audit.texts import empty, histogram, lengths, texts_with
from tunesmith.data.audit.tokens import token_findings, tokenized
from tunesmith.data.cleaning.clean import Cleaned
from tunesmith.data.findings import label_counts
from tunesmith.data.prepared import prepare_splits
from tunesmith.data.reading import read_rows
from tunesmith.data.rows import Rows
from tunesmith.data.splits import divided
from tunesmith.data.task import RowTask
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class Reading:
    """Data as an audit reads it."""

    result: Cleaned
    """The rows of each split, cleaned as configured; under `all` if they cannot be divided."""
    without: list[int]
    """Lines of rows without a text or a label, which are left out."""
    undivided: list[Finding]
    """Why the rows cannot be divided, if so."""


def audit(data: Data, task: RowTask) -> Audit:
    """Read the data, and look through it: `read_leniently`, then `look_through`."""
    return look_through(read_leniently(data, task), data, task)


def read_leniently(data: Data, task: RowTask) -> Reading:
    """Read, divide and clean the data as a run would.

    Rows without a text or a label are counted, not refused, and rows that cannot be divided stay undivided.

    Args:
        data: The data config.
        task: The task.

    Raises:
        ConfigError: A class of a step of cleaning may not be used, or refuses its arguments.
        DataError: The data cannot be read at all, or not be cleaned so.
    """
    without: list[int] = []
    rows = read_rows(data.model_copy(update={"on_empty": "drop"}), task, left_out=without)
    undivided: list[Finding] = []
    try:
        splits = divided(rows, data, task)
    except DataError as error:  # an audit is what helps there: often it is the spellings of labels
        splits, undivided = {"all": rows}, [Finding("split", len(rows), str(error))]
    return Reading(prepare_splits(splits, data, task), without, undivided)


def look_through(
    reading: Reading,
    data: Data,
    task: RowTask,
    columns: Sequence[str] = (),
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Audit:
    """What there is to be said of data.

    Args:
        reading: The data.
        data: The data config.
        task: The task.
        columns: Columns by which labels are compared.
        tokenizer: That of the model that the data is for.

    Raises:
        ConfigError: There is no such column.
    """
    splits = reading.result.splits
    texts = studied(splits, task)
    skipped = not_looked_for(texts, task, columns)
    tokens = None if tokenizer is None else tokenized(splits, texts, tokenizer)
    if tokens is None:
        skipped |= dict.fromkeys(("cut", "unknown_tokens"), "model=NAME names a tokenizer")
    elif task.traits.divides:
        skipped["cut"] = "long texts are divided"
    findings = [*reading.undivided, *empty(reading.without), *findings_of(splits, data, task)]
    findings += word_by_word(splits, texts, skipped)
    if "slices" not in skipped:
        findings += slices(splits, slice_values(splits, data, columns))
    if tokens is not None:
        findings += token_findings(splits, tokens, data, cuts="cut" not in skipped)
    return Audit(
        rows={name: len(part) for name, part in splits.items()},
        labels=_labels(splits) if task.traits.output == "labels" else {},
        lengths={name: lengths(part) for name, part in splits.items() if len(part)},
        histogram=histogram(splits),
        cleaned=reading.result.counts,
        findings=sorted(findings, key=lambda finding: list(KINDS).index(finding.kind)),
        skipped=skipped,
        diversity=diversity(texts),
        tokens={} if tokens is None else tokens.figures(),
    )


def findings_of(splits: Mapping[str, Rows], data: Data, task: RowTask) -> Iterator[Finding]:
    """What is wrong with rows that are read and divided.

    Args:
        splits: The rows of each split.
        data: The data config.
        task: The task.
    """
    yield from copies(splits, task)
    yield from near(splits, data)
    yield from texts_with(splits)
    if task.traits.output == "labels":
        yield from spellings(splits, data)
        yield from rare_labels(splits, data)


def word_by_word(splits: Mapping[str, Rows], texts: Studied, skipped: Mapping[str, str]) -> Iterator[Finding]:
    """What the words of texts show.

    Args:
        splits: The rows of each split.
        texts: Their texts.
        skipped: Kinds that are not looked for.
    """
    yield from templates(splits, texts)
    if "label_errors" not in skipped:
        yield from label_errors(splits, texts)
    if "cues" not in skipped:
        yield from cues(texts)


def not_looked_for(texts: Studied, task: RowTask, columns: Sequence[str]) -> dict[str, str]:
    """Kinds of findings that data of this task cannot have or is too small for, or that need a column, with why."""
    skipped = {} if columns else {"slices": "--slices COLUMN names one"}
    if task.traits.output != "labels":
        skipped |= dict.fromkeys(("spellings", "misspellings", "rare_labels", "slices"), "the task has no labels")
    if task.contradiction is None:
        skipped["conflicts"] = "a text may have several answers"
    why = unfit(texts) if one_label_each(task) else "a text does not have exactly one label"
    return skipped | ({} if why is None else dict.fromkeys(("label_errors", "cues"), why))


def _labels(splits: Mapping[str, Rows]) -> dict[str, dict[str, int]]:
    counts = {name: label_counts(rows) for name, rows in splits.items()}
    names = sorted({label for count in counts.values() for label in count})
    return {label: {name: count[label] for name, count in counts.items()} for label in names}
