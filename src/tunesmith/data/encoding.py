"""From rows to samples: the ids that a network is given, and what is asked of it, task by task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from tunesmith.config.schema import Data, Task
from tunesmith.data.conversations import encode_answers, frame, prompts_of
from tunesmith.data.documents import encode_documents, encode_openings, ended, pack
from tunesmith.data.lengths import Limit
from tunesmith.data.sources import Rows
from tunesmith.data.templates import end_of_text
from tunesmith.data.tokenization import IGNORED, Arrays, Tokens, cached, encode_within, end_to_end, tokenize
from tunesmith.errors import ConfigError, DataError, Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Family = Literal["encoder", "causal", "seq2seq"]


@dataclass(frozen=True)
class Samples:
    """What a network is given; most rows are one sample, a long document is several."""

    tokens: Tokens
    """The input ids of each sample."""
    rows: npt.NDArray[np.int64]
    """Position of the row that each sample comes from, shape (samples,)."""
    labels: npt.NDArray[Any] | Tokens
    """What is asked: one value per sample, shape (samples,) or (samples, labels); or one id per token."""
    weights: npt.NDArray[Any]
    """What each sample counts in the denominator of a loss, shape (samples,)."""
    type_ids: Tokens | None = None
    """0 for tokens of the first text, 1 for the second."""
    words: Tokens | None = None
    """Number of the word that a token begins, else -1."""
    positions: Tokens | None = None
    """Position of each token in its own text, where several texts share a sample."""
    prompts: Tokens | None = None
    """What a text is written on from, where that is not the input itself."""
    references: Sequence[Any] | None = None
    """What the answers are compared with, by row: texts, or tags."""
    limits: Sequence[Limit] = ()
    """What limits on length take from the rows; nothing where long texts are divided."""

    def __len__(self) -> int:
        return len(self.tokens)


def encode(
    rows: Rows,
    labels: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    data: Data,
    task: Task,
    family: Family = "encoder",
) -> Samples:
    """The samples of some rows; rows without labels (None) are encoded for prediction.

    Args:
        rows: The rows.
        labels: Names in the order of the logits; empty for a model that writes text.
        tokenizer: The model's tokenizer.
        data: The data config.
        task: The task.
        family: The model's family.

    Raises:
        DataError: A response has no room within `data.max_length`, or the tokenizer's template cannot be used.
    """
    tokenizer.truncation_side = "left" if data.on_long == "cut_left" else "right"
    if task.name == "token_classification":
        return _tagged(rows, labels, tokenizer, data)
    if task.name == "text_to_text" and family == "seq2seq":
        return _source_and_target(rows, tokenizer, data)
    if task.name == "text_to_text":
        return _answers(rows, tokenizer, data, source_is_cut=True)
    if task.name == "language_modeling":
        if rows.messages is not None:
            return _answers(rows, tokenizer, data, source_is_cut=False)
        tokens, owners = encode_documents(rows.texts, tokenizer, data.max_length, Path(data.cache_dir))
        return _asking(tokens, _all_but_first(tokens), owners)
    samples = _texts(rows, tokenizer, data)
    if task.name == "regression":
        numbers = np.asarray([label or 0.0 for label in rows.labels], dtype=np.float32)
        return replace(samples, labels=numbers)
    index = {label: i for i, label in enumerate(labels)}
    if task.multi_label:
        wanted = np.zeros((len(rows), len(labels)), dtype=np.float32)
        for row, several in enumerate(rows.labels):
            wanted[row, [index[label] for label in several or ()]] = 1.0  # type: ignore[union-attr]
        return replace(samples, labels=wanted)
    indices = [0 if label is None else index[str(label)] for label in rows.labels]
    return replace(samples, labels=np.asarray(indices, dtype=np.int64))


def encode_inputs(
    rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, task: Task, family: Family = "encoder"
) -> Samples:
    """The samples of rows that have no labels, for prediction.

    Args:
        rows: The rows.
        tokenizer: The model's tokenizer.
        data: The data config.
        task: The task.
        family: The model's family.
    """
    if task.name != "language_modeling" or rows.messages is not None:
        return encode(rows, (), tokenizer, data, task, family)
    prompts = encode_openings(rows.texts, tokenizer, data.max_length)
    samples = _asking(prompts, _all_but_first(prompts), np.arange(len(rows)))
    return replace(samples, prompts=prompts, limits=[_limit("texts", prompts, data)])


def class_weights(
    task: Task, asked: npt.NDArray[Any] | Tokens, labels: Sequence[str]
) -> npt.NDArray[np.float32] | None:
    """Weight of each label, shape (labels,); None where all weigh the same.

    Args:
        task: The task.
        asked: What the training samples ask for.
        labels: The labels' names.

    Raises:
        ConfigError: The weights are not as many as the labels.
    """
    if task.class_weights is None:
        return None
    if task.class_weights == "balanced":
        flat = asked.ids if isinstance(asked, Tokens) else asked
        counts = np.bincount(flat[flat != IGNORED], minlength=len(labels))
        return np.asarray(counts.sum() / (len(labels) * np.maximum(counts, 1)), dtype=np.float32)
    check_class_weights(task, labels)
    given = task.class_weights
    return np.asarray([given[label] for label in labels] if isinstance(given, dict) else given, dtype=np.float32)


def check_class_weights(task: Task, labels: Sequence[str]) -> None:
    """Hold weights, by name or in order, against the labels that there are.

    Raises:
        ConfigError: A label has none, or a weight has no label.
    """
    given = task.class_weights
    if given is None or given == "balanced":
        return
    if set(given) != set(labels) if isinstance(given, dict) else len(given) != len(labels):
        rule = f"must hold a weight for each of the {len(labels)} labels"
        example = ",".join(["1.0"] * len(labels))
        hint = f"By name, or in this order: {', '.join(labels)}; e.g. task.class_weights=[{example}]"
        raise ConfigError([Problem("task.class_weights", rule, str(given), hint)])


def weighed(samples: Samples, weights: npt.NDArray[np.float32]) -> Samples:
    """The samples with each counting as much as its labels weigh."""
    if isinstance(samples.labels, Tokens):
        asked = samples.labels.ids != IGNORED
        each = np.where(asked, weights[np.where(asked, samples.labels.ids, 0)], 0.0)
        return replace(samples, weights=_sums(each, samples.labels.offsets))
    return replace(samples, weights=weights[samples.labels].astype(np.float64))


def packed(samples: Samples, max_length: int) -> Samples:
    """Several samples in one, up to `max_length` tokens, each with positions of its own."""
    assert isinstance(samples.labels, Tokens)
    packs = pack(samples.tokens.lengths, max_length)
    together = [np.concatenate([samples.tokens[i] for i in members]) for members in packs]
    labels = [np.concatenate([samples.labels[i] for i in members]) for members in packs]
    positions = [np.concatenate([np.arange(len(samples.tokens[i])) for i in members]) for members in packs]
    weights = np.asarray([samples.weights[members].sum() for members in packs], dtype=np.int64)
    rows = samples.rows[[members[0] for members in packs]]
    return Samples(end_to_end(together), rows, end_to_end(labels), weights, positions=end_to_end(positions))


def _texts(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data) -> Samples:
    """Whole texts, or pairs of them, each one sample."""
    everything = np.arange(len(rows))
    ones = np.ones(len(rows), dtype=np.int64)
    if rows.pairs is None:
        tokens = tokenize(rows.texts, tokenizer, data.max_length, Path(data.cache_dir))
        return Samples(tokens, everything, everything, ones, limits=[_limit("texts", tokens, data)])
    tokens, type_ids = _pairs(rows.texts, rows.pairs, tokenizer, data)
    named = type_ids if "token_type_ids" in tokenizer.model_input_names else None
    limits = [_limit("pairs of texts", tokens, data)]
    return Samples(tokens, everything, everything, ones, type_ids=named, limits=limits)


def _limit(what: str, tokens: Tokens, data: Data, **more: Any) -> Limit:
    """Texts held to `data.max_length`."""
    assert tokens.whole is not None
    return Limit(what, "data.max_length", data.max_length, tokens.whole, tokens.lengths, **more)


def _pairs(
    texts: Sequence[str], pairs: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data
) -> tuple[Tokens, Tokens]:
    def make() -> Arrays:
        both = {"text": texts, "text_pair": pairs}
        columns, whole = encode_within(data.max_length, tokenizer, both, return_token_type_ids=True)
        tokens, types = end_to_end(columns["input_ids"]), end_to_end(columns["token_type_ids"])
        return {"ids": tokens.ids, "offsets": tokens.offsets, "type_ids": types.ids, "whole": whole}

    content = (json.dumps(both) for both in zip(texts, pairs, strict=True))
    arrays = cached(("pairs", data.max_length), content, tokenizer, Path(data.cache_dir), make)
    return Tokens(arrays["ids"], arrays["offsets"], arrays["whole"]), Tokens(arrays["type_ids"], arrays["offsets"])


def _tagged(rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data) -> Samples:
    """Sentences with the tag of a word at the first token of it."""
    assert rows.words is not None
    tokens, words = _words(rows.words, tokenizer, data)
    index = {label: i for i, label in enumerate(labels)}
    tags = []
    for row, wanted in enumerate(rows.labels):
        of_words = [index[tag] for tag in wanted or ()] or [0] * len(rows.words[row])  # type: ignore[union-attr]
        tags.append([of_words[word] if word >= 0 else IGNORED for word in words[row]])
    samples = _asking(tokens, end_to_end(tags), np.arange(len(rows)))
    references = [tuple(wanted or (None,) * len(rows.words[row])) for row, wanted in enumerate(rows.labels)]  # type: ignore[arg-type]
    counts = np.asarray([len(sentence) for sentence in rows.words], dtype=np.int64)
    limits = [_limit("sentences", tokens, data, words=(counts, samples.weights))]
    return replace(samples, words=words, references=references, limits=limits)


def _words(sentences: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerFast, data: Data) -> tuple[Tokens, Tokens]:
    """Ids of each sentence, words joined by spaces, and the number of the word that each token begins."""

    def make() -> Arrays:
        texts = {"text": [" ".join(words) for words in sentences]}
        options = {"return_token_type_ids": False, "return_offsets_mapping": True}
        columns, whole = encode_within(data.max_length, tokenizer, texts, **options)
        tokens = end_to_end(columns["input_ids"])
        begins = [_beginnings(words, spans) for words, spans in zip(sentences, columns["offset_mapping"], strict=True)]
        return {"ids": tokens.ids, "offsets": tokens.offsets, "words": end_to_end(begins).ids, "whole": whole}

    content = (json.dumps(list(words)) for words in sentences)
    arrays = cached(("words", data.max_length), content, tokenizer, Path(data.cache_dir), make)
    tokens = Tokens(arrays["ids"], arrays["offsets"], arrays["whole"])
    return tokens, Tokens(arrays["words"], arrays["offsets"])


def _beginnings(words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[int]:
    """For each token, the number of the word that it is the first token of, or -1.

    Character spans serve every kind of tokenizer: a byte-level one may count the space before a word to it.
    """
    ends = np.cumsum([len(word) + 1 for word in words])
    found, last = [], -1
    for start, end in spans:
        word = int(np.searchsorted(ends, end - 1, side="right")) if end > start else -1
        found.append(word if word > last else -1)
        last = max(last, word)
    return found


def _source_and_target(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data) -> Samples:
    """Sources with the targets that a decoder is to write."""
    if end_of_text(tokenizer) is None:
        raise DataError(
            "nothing ends a target: the tokenizer has no end token. Name one of its tokens as the end, "
            "model.config.eos_token_id=ID, or take another model.tokenizer"
        )
    sources = tokenize(rows.texts, tokenizer, data.max_length, Path(data.cache_dir))
    texts = [str(label or "") for label in rows.labels]

    def make() -> Arrays:
        end = tokenizer.eos_token_id
        columns, whole = encode_within(data.max_target_length, tokenizer, {"text_target": texts})
        unended = np.asarray([end is not None and ids[-1:] != [end] for ids in columns["input_ids"]], dtype=np.int64)
        targets = end_to_end([ended(ids, end, data.max_target_length) for ids in columns["input_ids"]])
        return {"ids": targets.ids, "offsets": targets.offsets, "whole": whole + unended}

    arrays = cached(("targets", data.max_target_length), texts, tokenizer, Path(data.cache_dir), make)
    targets = Tokens(arrays["ids"], arrays["offsets"])
    of_targets = Limit("targets", "data.max_target_length", data.max_target_length, arrays["whole"], targets.lengths)
    limits = [_limit("sources", sources, data), of_targets]
    return Samples(sources, np.arange(len(rows)), targets, targets.lengths, references=texts, limits=limits)


def _answers(rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, *, source_is_cut: bool) -> Samples:
    """Conversations of which only the assistant's part is asked for; for prediction, what is to be answered."""
    room = data.max_length - data.max_target_length if source_is_cut else None
    everything, limits = np.arange(len(rows)), []
    unanswered, prompts = all(label is None for label in rows.labels), None
    if unanswered or source_is_cut:  # the answers of a conversation are measured where they stand, not written
        prompts, whole, kept = prompts_of(rows, tokenizer, data, room)
        if room is not None:
            beside = data.max_target_length + frame(tokenizer)
            limits = [Limit("sources", "data.max_length", data.max_length - beside, whole, kept, beside)]
        if unanswered:
            return replace(_asking(prompts, _all_but_first(prompts), everything), prompts=prompts, limits=limits)
    tokens, labels, answers = encode_answers(rows, tokenizer, data, room)
    limits.append(_limit("conversations" if room is None else "sources with answers", tokens, data, answers=answers))
    samples = _asking(tokens, labels, everything)
    if data.on_long in ("cut", "cut_left"):  # else no row is cut
        _refuse_unanswered(rows, samples, tokenizer, data)
    references = [str(label) for label in rows.labels]
    return replace(samples, prompts=prompts, references=references, limits=limits)


def _refuse_unanswered(rows: Rows, samples: Samples, tokenizer: PreTrainedTokenizerFast, data: Data) -> None:
    """A row of which nothing is asked for cannot be learned or measured.

    Raises:
        DataError: There is one.
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
        f"{raising} what is too long out: data.on_long=drop"
    )


def _all_but_first(tokens: Tokens) -> Tokens:
    """The tokens as labels; the first one of a sample follows nothing and is not asked for."""
    labels = tokens.ids.copy()
    labels[tokens.offsets[:-1][tokens.lengths > 0]] = IGNORED
    return Tokens(labels, tokens.offsets)


def _asking(tokens: Tokens, labels: Tokens, rows: npt.NDArray[np.int64]) -> Samples:
    """Samples with a label per token, each counting as many as it asks for."""
    asked = _sums((labels.ids != IGNORED).astype(np.int64), labels.offsets)
    return Samples(tokens, rows, labels, asked)


def _sums(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    total = np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values)])
    return np.asarray(total[offsets[1:]] - total[offsets[:-1]])
