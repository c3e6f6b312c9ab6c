"""Classification: one label per text, or per pair of texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode_texts
from tunesmith.data.examples import Example, Label
from tunesmith.data.label_check import names_without_rows, oddities, oddities_of_single
from tunesmith.data.labels import single_names
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.data.splits import names_of_labels
from tunesmith.data.values import label_of, missing_labels
from tunesmith.evaluation import baselines, linear_probe, plausibility
from tunesmith.tasks.task import Task, example_of_texts, labelled_logits, made_up_rows, rows_with_probabilities

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.evaluation.inputs import MetricInputs
    from tunesmith.models.module import Outputs
    from tunesmith.models.objectives import Objective


class Classification(Task):
    """One label per text; its logits are of shape (rows, labels)."""

    lacks = "text or no label"
    contradiction: ClassVar[str | None] = "label"
    problem_type = "single_label_classification"

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Read a text with its label."""
        label = label_of(record[data.label_column], data.label_column, missing_labels(data))
        return None if label is None else example_of_texts(record, data, label)

    def rename(self, labels: Sequence[Label], lines: Sequence[int], data: Data) -> list[Label]:
        """Map each label to its configured name."""
        return single_names(labels, data)

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """Report inconsistent spellings, words for missing values, and numbers."""
        yield from oddities(labels, data)
        yield from oddities_of_single(labels)
        yield from names_without_rows(raw, data)

    def strata(self, labels: Sequence[Label]) -> list[str] | None:
        """Return the labels themselves."""
        return [str(label) for label in labels]

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """Return the label names; at least two are required."""
        return names_of_labels(splits, column, task="classification", needed=2)

    def single(self, split: str, label: Any) -> tuple[str, str] | None:
        """Explain that metrics of one label say nothing about the others."""
        way = "Put rows of every label there, or use more rows"
        return f"the label {label!r}", f"{split} metrics say nothing about the other labels. {way}"

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode texts with the index of each label; 0 for a row without one."""
        index = {label: i for i, label in enumerate(labels)}
        indices = [0 if label is None else index[str(label)] for label in rows.labels]
        return encode_texts(rows, tokenizer, data, np.asarray(indices, dtype=np.int64))

    def objective(
        self,
        tokenizer: PreTrainedTokenizerFast,
        max_new_tokens: int,
        family: Family,
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Objective:
        """Return the cross-entropy over the labels."""
        import torch

        from tunesmith.models.objectives import Objective

        weights = None if class_weights is None else torch.from_numpy(class_weights)
        return Objective(label_smoothing=self.config.label_smoothing, class_weights=weights)

    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """Return each row's label with the largest logit."""
        from tunesmith.evaluation.answers import best_label

        return list(best_label(answers, labels))

    def answer_rows(self, answers: Sequence[Any], labels: Sequence[str]) -> list[dict[str, Any]]:
        """Return predictions with the probability of every label."""
        import torch

        logits = torch.stack(list(answers))
        return rows_with_probabilities(self.meanings(logits, labels), logits.double().softmax(dim=1), labels)

    def metric_inputs(self, answers: Any, truths: Any, labels: Sequence[str]) -> MetricInputs:
        """Return probabilities, or logits for metrics that only compare them."""
        from tunesmith.evaluation.inputs import LabelInputs

        return LabelInputs(answers, truths, labels, several=False)

    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Return random logits, and labels in turn."""
        import torch

        rows = made_up_rows(labels)
        logits = torch.randn(rows, len(labels), generator=torch.Generator().manual_seed(0))
        return logits, torch.arange(rows) % len(labels)

    def baselines(
        self, texts: Sequence[str], targets: Any, others: Sequence[str], num_labels: int, seed: int
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return the most frequent label, labels drawn by frequency, and a linear model of words."""
        return baselines.for_one_label(texts, np.asarray(targets), others, num_labels, seed)

    def probe(
        self, features: npt.NDArray[Any], targets: npt.NDArray[Any], others: npt.NDArray[Any], num_labels: int
    ) -> npt.NDArray[np.float64]:
        """Return the log-probability of each label."""
        return linear_probe.probe_one_label(features, targets, others, num_labels)

    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """Doubt one label for all rows, accuracy at most the majority's, or a loss worse than guessing."""
        yield from plausibility.of_one_answer(split, predictions, truths)
        yield from plausibility.of_majority(split, predictions, truths)
        yield from plausibility.of_loss(split, loss, num_guesses, f"among {num_guesses:,} labels")

    def grounds(self, outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
        """Return the logits."""
        return labelled_logits(outputs)
