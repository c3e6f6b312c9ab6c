"""Multi-label classification: one yes-or-no decision per label."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode_texts
from tunesmith.data.examples import Example, Label
from tunesmith.data.label_check import names_without_rows, oddities, oddities_of_several
from tunesmith.data.labels import several_names
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.data.splits import names_of_labels
from tunesmith.data.values import labels_of
from tunesmith.evaluation import baselines, linear_probe, plausibility
from tunesmith.tasks.task import Task, example_of_texts, labelled_logits, made_up_rows, rows_with_probabilities

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.evaluation.inputs import MetricInputs
    from tunesmith.models.module import Outputs
    from tunesmith.models.objectives import Objective


class MultiLabel(Task):
    """Several labels per text; its logits are of shape (rows, labels)."""

    lacks = "text or no label"
    contradiction = "label"
    problem_type = "multi_label_classification"

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Read a text with its labels; an empty list or field means that it has none."""
        labels = labels_of(record[data.label_column], data.label_column, data)
        return None if labels is None else example_of_texts(record, data, labels)

    def rename(self, labels: Sequence[Label], lines: Sequence[int], data: Data) -> list[Label]:
        """Map each label to its configured name; a vector becomes the names of its ones."""
        return several_names(labels, lines, data)

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """Report inconsistent spellings, words for missing values, and names that were not split."""
        yield from oddities(labels, data)
        yield from oddities_of_several(labels, data)
        yield from names_without_rows(raw, data)

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """Return the label names; at least one is required."""
        return names_of_labels(splits, column, task="classification", needed=1)

    def comparable(self, label: Label) -> Hashable:
        """Return the labels as a set: their order does not matter."""
        return frozenset(label) if isinstance(label, tuple) else label

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode texts with a vector that is 1 for each label of the text."""
        index = {label: i for i, label in enumerate(labels)}
        targets = np.zeros((len(rows), len(labels)), dtype=np.float32)
        for row, several in enumerate(rows.labels):
            targets[row, [index[label] for label in several or ()]] = 1.0  # type: ignore[union-attr]
        return encode_texts(rows, tokenizer, data, targets)

    def objective(
        self,
        tokenizer: PreTrainedTokenizerFast,
        max_new_tokens: int,
        family: Family,
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Objective:
        """Return the binary cross-entropy, averaged over the labels."""
        from tunesmith.models.objectives import MultiLabelObjective

        return MultiLabelObjective()

    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """Return each row's labels with a probability above one half."""
        from tunesmith.evaluation.answers import likely_labels

        return list(likely_labels(answers, labels))

    def answer_rows(self, answers: Sequence[Any], labels: Sequence[str]) -> list[dict[str, Any]]:
        """Return predictions with the probability of every label."""
        import torch

        logits = torch.stack(list(answers))
        return rows_with_probabilities(self.meanings(logits, labels), logits.double().sigmoid(), labels)

    def metric_inputs(self, answers: Any, truths: Any, labels: Sequence[str]) -> MetricInputs:
        """Probabilities, or ranks for metrics that only compare them."""
        from tunesmith.evaluation.inputs import LabelInputs

        return LabelInputs(answers, truths, labels, several=True)

    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Return random logits, and references where every label has some rows but not all."""
        import torch

        rows = made_up_rows(labels)
        logits = torch.randn(rows, len(labels), generator=torch.Generator().manual_seed(0))
        return logits, (torch.arange(rows)[:, None] // (1 + torch.arange(len(labels)))) % 2

    def baselines(
        self, texts: Sequence[str], targets: Any, others: Sequence[str], num_labels: int, seed: int
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return the frequency of each label, labels drawn by it, and a linear model of words."""
        return baselines.for_several_labels(texts, np.asarray(targets), others, seed)

    def probe(
        self, features: npt.NDArray[Any], targets: npt.NDArray[Any], others: npt.NDArray[Any], num_labels: int
    ) -> npt.NDArray[np.float64]:
        """Return a logit for each label."""
        return linear_probe.probe_several_labels(features, targets, others)

    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """Doubt the same labels for all rows, or a loss worse than guessing."""
        yield from plausibility.of_one_answer(split, predictions, truths)
        yield from plausibility.of_loss(split, loss, 2, "yes or no for each label")

    def grounds(self, outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
        """Return the logits."""
        return labelled_logits(outputs)
