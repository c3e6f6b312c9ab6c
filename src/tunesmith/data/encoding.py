"""Encodes rows as samples: texts, pairs, tagged words, texts with targets, conversations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.conversations import encode_answers, frame, prompts_of
from tunesmith.data.documents import encode_documents, encode_openings, ended
from tunesmith.data.lazy import row_by_row
from tunesmith.data.lengths import Limit
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples, all_but_first, asking
from tunesmith.data.task import RowTask
from tunesmith.data.templates import end_of_text
from tunesmith.data.token_files import Arrays, join_pieces
from tunesmith.data.tokenization import IGNORED, Tokens, cached, encode_within, end_to_end, in_parts, tokenize
from tunesmith.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def encode(
    rows: Rows,
    labels: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    data: Data,
    task: RowTask,
    family: Family = "encoder",
) -> Samples:
    """Encode rows as samples; rows without labels (None) are encoded for prediction.

    Args:
        rows: The rows.
        labels: Names in the order of the logits; empty for a model that writes text.
        tokenizer: The model's tokenizer.
        data: The data config.
        task: The task.
        family: The model's family.

    Raises:
        DataError: A response does not fit into `data.max_length`, or the tokenizer's template cannot be used.
    """
    tokenizer.truncation_side = truncation_side(data)
    return task.encode(rows, labels, tokenizer, data, family)


def truncation_side(data: Data) -> Literal["left", "right"]:
    """Return the side on which the tokenizer cuts long texts."""
    return "left" if data.on_long == "cut_left" else "right"


def encode_texts(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, labels: npt.NDArray[Any]) -> Samples:
    """Encode each text, or pair of texts, as one sample.

    Args:
        rows: The rows.
        tokenizer: The model's tokenizer.
        data: The data config.
        labels: The encoded labels, shape (rows,) or (rows, labels).
    """
    everything = np.arange(len(rows))
    ones = np.ones(len(rows), dtype=np.int64)
    if rows.pairs is None:
        tokens = tokenize(rows.texts, tokenizer, data.max_length, Path(data.cache_dir))
        return Samples(tokens, everything, labels, ones, limits=[limit_of("texts", tokens, data)])
    tokens, type_ids = _pairs(rows.texts, rows.pairs, tokenizer, data)
    named = type_ids if "token_type_ids" in tokenizer.model_input_names else None
    limits = [limit_of("pairs of texts", tokens, data)]
    return Samples(tokens, everything, labels, ones, type_ids=named, limits=limits)


def limit_of(what: str, tokens: Tokens, data: Data, **more: Any) -> Limit:
    """Describe how `data.max_length` limits some texts."""
    assert tokens.whole is not None
    return Limit(what, "data.max_length", data.max_length, tokens.whole, tokens.lengths, **more)


def _pairs(
    texts: Sequence[str], pairs: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data
) -> tuple[Tokens, Tokens]:
    def make() -> Iterator[Arrays]:
        for part in in_parts(len(texts)):
            both = {"text": texts[part], "text_pair": pairs[part]}
            columns, whole = encode_within(data.max_length, tokenizer, both, return_token_type_ids=True)
            tokens, types = end_to_end(columns["input_ids"]), end_to_end(columns["token_type_ids"])
            yield {"ids": tokens.ids, "offsets": tokens.offsets, "type_ids": types.ids, "whole": whole}

    content = (json.dumps(both) for both in zip(texts, pairs, strict=True))
    arrays = cached(("pairs", data.max_length), content, tokenizer, Path(data.cache_dir), make)
    return Tokens(arrays["ids"], arrays["offsets"], arrays["whole"]), Tokens(arrays["type_ids"], arrays["offsets"])


def encode_tags(rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data) -> Samples:
    """Encode sentences, with each word's tag at its first token."""
    assert rows.words is not None
    tokens, words = _words(rows.words, tokenizer, data)
    index = {label: i for i, label in enumerate(labels)}
    tags: list[Arrays] = []
    for part in in_parts(len(rows)):
        several = enumerate(zip(rows.labels[part], rows.words[part], strict=True), part.start)
        numbers = []
        for row, (row_tags, sentence) in several:
            of_words = [index[tag] for tag in row_tags or ()] or [0] * len(sentence)  # type: ignore[union-attr]
            numbers.append([of_words[word] if word >= 0 else IGNORED for word in words[row]])
        flat = end_to_end(numbers)
        tags.append({"ids": flat.ids, "offsets": flat.offsets})
    joined = join_pieces(tags)
    samples = asking(tokens, Tokens(joined["ids"], joined["offsets"]), np.arange(len(rows)))
    references = row_by_row(lambda tags, sentence: tuple(tags or (None,) * len(sentence)), rows.labels, rows.words)
    counts = np.fromiter(map(len, rows.words), dtype=np.int64, count=len(rows))
    limits = [limit_of("sentences", tokens, data, words=(counts, samples.weights))]
    return replace(samples, words=words, references=references, limits=limits)


def _words(sentences: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerFast, data: Data) -> tuple[Tokens, Tokens]:
    """Encode sentences, words joined by spaces; return also the number of the word that each token begins."""

    def make() -> Iterator[Arrays]:
        options = {"return_token_type_ids": False, "return_offsets_mapping": True}
        for part in in_parts(len(sentences)):
            texts = {"text": [" ".join(words) for words in sentences[part]]}
            columns, whole = encode_within(data.max_length, tokenizer, texts, **options)
            tokens, spans = end_to_end(columns["input_ids"]), columns.get("offset_mapping", [])
            begins = [_beginnings(words, its) for words, its in zip(sentences[part], spans, strict=True)]
            yield {"ids": tokens.ids, "offsets": tokens.offsets, "words": end_to_end(begins).ids, "whole": whole}

    content = (json.dumps(list(words)) for words in sentences)
    arrays = cached(("words", data.max_length), content, tokenizer, Path(data.cache_dir), make)
    tokens = Tokens(arrays["ids"], arrays["offsets"], arrays["whole"])
    return tokens, Tokens(arrays["words"], arrays["offsets"])


def _beginnings(words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return, for each token, the number of the word that it begins, or -1.

    Character spans work for every kind of tokenizer: a byte-level one may include the space before a word.
    """
    ends = np.cumsum([len(word) + 1 for word in words])
    beginnings, last = [], -1
    for start, end in spans:
        word = int(np.searchsorted(ends, end - 1, side="right")) if end > start else -1
        beginnings.append(word if word > last else -1)
        last = max(last, word)
    return beginnings


def encode_targets(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data) -> Samples:
    """Encode sources, with targets for a decoder."""
    if end_of_text(tokenizer) is None:
        raise DataError(
            "nothing ends a target: the tokenizer has no end token. Name one of its tokens as the end, "
            "model.config.eos_token_id=ID, or use another model.tokenizer"
        )
    sources = tokenize(rows.texts, tokenizer, data.max_length, Path(data.cache_dir))
    texts = row_by_row(lambda label: str(label or ""), rows.labels)

    def make() -> Iterator[Arrays]:
        end = tokenizer.eos_token_id
        for part in in_parts(len(texts)):
            columns, whole = encode_within(data.max_target_length, tokenizer, {"text_target": texts[part]})
            encoded = columns["input_ids"]
            unended = np.asarray([end is not None and ids[-1:] != [end] for ids in encoded], dtype=np.int64)
            targets = end_to_end([ended(ids, end, data.max_target_length) for ids in encoded])
            yield {"ids": targets.ids, "offsets": targets.offsets, "whole": whole + unended}

    arrays = cached(("targets", data.max_target_length), texts, tokenizer, Path(data.cache_dir), make)
    targets = Tokens(arrays["ids"], arrays["offsets"])
    of_targets = Limit("targets", "data.max_target_length", data.max_target_length, arrays["whole"], targets.lengths)
    limits = [limit_of("sources", sources, data), of_targets]
    return Samples(sources, np.arange(len(rows)), targets, targets.lengths, references=texts, limits=limits)


def encode_plain(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data) -> Samples:
    """Encode texts for language modelling; long ones are divided."""
    tokens, owners = encode_documents(rows.texts, tokenizer, data.max_length, Path(data.cache_dir))
    return asking(tokens, all_but_first(tokens), owners)


def encode_prompts(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data) -> Samples:
    """Encode texts to be continued."""
    prompts = encode_openings(rows.texts, tokenizer, data.max_length)
    samples = asking(prompts, all_but_first(prompts), np.arange(len(rows)))
    return replace(samples, prompts=prompts, limits=[limit_of("texts", prompts, data)])


def encode_answered(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, *, source_is_cut: bool) -> Samples:
    """Encode conversations, with a loss on the assistant's turns only; for prediction, only the prompts."""
    room = data.max_length - data.max_target_length if source_is_cut else None
    everything, limits = np.arange(len(rows)), []
    unanswered, prompts = all(label is None for label in rows.labels), None
    if unanswered or source_is_cut:  # answers of a conversation are only scored, not generated
        prompts, whole, kept = prompts_of(rows, tokenizer, data, room)
        if room is not None:
            beside = data.max_target_length + frame(tokenizer)
            limits = [Limit("sources", "data.max_length", data.max_length - beside, whole, kept, beside)]
        if unanswered:
            return replace(asking(prompts, all_but_first(prompts), everything), prompts=prompts, limits=limits)
    tokens, labels, answers = encode_answers(rows, tokenizer, data, room)
    samples = asking(tokens, labels, everything)
    written = None if room is None else (samples.weights, data.max_target_length)
    what = "conversations" if room is None else "sources with answers"
    limits.append(limit_of(what, tokens, data, answers=answers, written=written))
    if data.on_long in ("cut", "cut_left"):  # otherwise no row is cut
        _refuse_unanswered(rows, samples, tokenizer, data)
    references = row_by_row(str, rows.labels)
    return replace(samples, prompts=prompts, references=references, limits=limits)


def _refuse_unanswered(rows: Rows, samples: Samples, tokenizer: PreTrainedTokenizerFast, data: Data) -> None:
    """Refuse rows without any response token: they can be neither learned nor measured.

    Raises:
        DataError: There is such a row.
    """
    silent = np.flatnonzero(samples.weights == 0)
    if not len(silent):
        return
    assert samples.tokens.whole is not None
    needed = int(samples.tokens.whole[silent].max())
    raising = f"Raise it (data.max_length={needed}), or leave" if needed <= tokenizer.model_max_length else "Leave"
    count = "1 row has" if len(silent) == 1 else f"{len(silent)} rows have"
    rule = f"{count} no part of the response within data.max_length={data.max_length}"
    raise DataError(
        f"{rule} (first: id {rows.ids[silent[0]]!r}, of {samples.tokens.whole[silent[0]]} tokens). "
        f"{raising} long rows out: data.on_long=drop"
    )
