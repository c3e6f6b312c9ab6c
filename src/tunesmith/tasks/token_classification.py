"""Token classification: a tag for each word of a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode_tags
from tunesmith.data.examples import Example, Label
from tunesmith.data.label_check import names_without_rows, oddities, oddities_of_tags
from tunesmith.data.labels import tag_names
from tunesmith.data.malformed import MalformedError
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.data.splits import names_of_labels
from tunesmith.data.values import is_missing, refuse_missing_among, strings_of
from tunesmith.evaluation import plausibility
from tunesmith.tasks.task import Task, labelled_logits, made_up_rows, require

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.evaluation.inputs import MetricInputs
    from tunesmith.models.module import Outputs
    from tunesmith.models.objectives import Objective


class TokenClassification(Task):
    """A tag per word; its predictions are a list of logits of shape (words, labels), NaN for words that were cut."""

    lacks = "words"
    contradiction = "list of tags"

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Read words with their tags."""
        if any(is_missing(record[column], data.missing) for column in (data.text_column, data.label_column)):
            return None
        words = strings_of(record[data.text_column], data.text_column)
        tags = strings_of(record[data.label_column], data.label_column)
        if len(words) != len(tags):
            raise MalformedError(
                f"{len(words)} words in {data.text_column!r} and {len(tags)} tags in {data.label_column!r}: "
                "give every word one tag"
            )
        if not words:
            return None
        if not all(word.strip() for word in words) or not all(tag.strip() for tag in tags):
            raise MalformedError("a word or a tag is empty: give every word one tag, such as O")
        refuse_missing_among(tags, data.label_column, data)
        return Example(" ".join(words), tags, words=words)

    def question(self, record: Mapping[str, Any], data: Data) -> Example:
        """Read words from a list, or from a text split at spaces."""
        require(record, [data.text_column])
        value = record[data.text_column]
        plain = isinstance(value, str) and not value.lstrip().startswith("[")
        words = tuple(value.split()) if plain else strings_of(value, data.text_column)
        return Example(" ".join(words), None, words=words)

    def rename(self, labels: Sequence[Label], lines: Sequence[int], data: Data) -> list[Label]:
        """Map each tag to its configured name."""
        return tag_names(labels, data)

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """Report inconsistent spellings and words for missing values."""
        yield from oddities(labels, data)
        yield from oddities_of_tags(labels)
        yield from names_without_rows(raw, data)

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """Return the tag names; at least two are required."""
        return names_of_labels(splits, column, task="token classification", needed=2)

    def single(self, split: str, label: Any) -> tuple[str, str] | None:
        """Explain that metrics of one tag say nothing about the others."""
        way = "Put rows of every label there, or use more rows"
        return f"the tag {label!r} for every word", f"{split} metrics say nothing about the other tags. {way}"

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode words, with the tag of each word at its first token."""
        return encode_tags(rows, labels, tokenizer, data)

    def objective(
        self,
        tokenizer: PreTrainedTokenizerFast,
        max_new_tokens: int,
        family: Family,
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Objective:
        """Return the cross-entropy over the tags, summed over words."""
        import torch

        from tunesmith.models.objectives import TagObjective

        weights = None if class_weights is None else torch.from_numpy(class_weights)
        return TagObjective(label_smoothing=self.config.label_smoothing, class_weights=weights)

    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """Return the tag of each word; None for a word that was cut off."""
        from tunesmith.evaluation.answers import best_tags

        return list(best_tags(answers, labels))

    def answer_rows(self, answers: Sequence[Any], labels: Sequence[str]) -> list[dict[str, Any]]:
        """Return the tags with the probability of each; None for a word that was cut off."""
        best = [logits.double().softmax(dim=1).max(dim=1).values.tolist() for logits in answers]
        confidences = [[None if math.isnan(each) else each for each in row] for row in best]
        pairs = zip(self.meanings(answers, labels), confidences, strict=True)
        return [{"prediction": tags, "confidences": sure} for tags, sure in pairs]

    def metric_inputs(self, answers: Any, truths: Any, labels: Sequence[str]) -> MetricInputs:
        """Return the tags."""
        from tunesmith.evaluation.inputs import PlainInputs

        return PlainInputs(self.meanings(answers, labels), truths, labels)

    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Return one-word sentences with random logits."""
        import torch

        rows = made_up_rows(labels)
        logits = torch.randn(rows, len(labels), generator=torch.Generator().manual_seed(0))
        return [row[None] for row in logits], [(labels[i % len(labels)],) for i in range(rows)]

    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """Doubt one tag for all words, or a loss worse than guessing."""
        pairs = [pair for row in zip(predictions, truths, strict=True) for pair in zip(*row, strict=True)]
        predictions, truths = zip(*pairs, strict=True) if pairs else ((), ())
        yield from plausibility.of_one_answer(split, predictions, truths, "words")
        yield from plausibility.of_loss(split, loss, num_guesses, f"among {num_guesses:,} labels")

    def grounds(self, outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
        """Return the logits of each word."""
        return labelled_logits(outputs)
