"""Base class of tasks: everything that differs between one task and another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import Traits, traits_of
from tunesmith.data.examples import Example, Label
from tunesmith.data.malformed import MalformedError
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.data.values import text_in
from tunesmith.errors import ConfigError, Problem

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from tunesmith.evaluation.inputs import MetricInputs
    from tunesmith.models.module import Outputs
    from tunesmith.models.objectives import Objective


class Task(ABC):
    """One kind of task, with its part of the config.

    It is constructed wherever it is needed, several times in a run, so it must not keep state.

    Args:
        config: The `task` node.
    """

    lacks: ClassVar[str]
    """What an incomplete row is missing, to follow the word `no`."""
    contradiction: ClassVar[str | None] = None
    """What differs when two rows with the same text contradict each other; None if several answers may be right."""
    problem_type: ClassVar[str | None] = None
    """The `problem_type` in transformers, which its pipelines need to interpret the logits."""
    measures_in_fp64: ClassVar[bool] = False
    """Whether metrics must accumulate in fp64, because their sums lose digits in fp32."""

    def __init__(self, config: TaskConfig) -> None:
        self.config = config

    @property
    def traits(self) -> Traits:
        """The task's traits in `config/tasks.py`; a user's own class has those of the kind that it names."""
        return traits_of(self.config)

    # Reading

    def columns(self, data: Data) -> list[str]:
        """Return the keys of `data` that name the required columns."""
        return [key for key in self.traits.columns if getattr(data, key) is not None]

    @abstractmethod
    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Turn a record into an example; None if a required value is empty.

        Raises:
            MalformedError: The record has a value of the wrong form.
        """

    def question(self, record: Mapping[str, Any], data: Data) -> Example:
        """Turn a record without a label into an example for prediction.

        Raises:
            MalformedError: The record lacks a column, or its value has a form that the task does not take.
        """
        pair = data.text_pair_column
        require(record, [data.text_column, *([pair] if pair else [])])
        data = data.model_copy(update={"missing": []})  # for prediction, `NA` is a text like any other
        text = text_in(record[data.text_column], data.text_column, data)
        return Example(text, None, text_in(record[pair], pair, data) if pair else None)

    def rename(self, labels: Sequence[Label], lines: Sequence[int], data: Data) -> Sequence[Label]:
        """Map the labels of a whole column to their configured names.

        Args:
            labels: As they are in the file.
            lines: The line of each row.
            data: The data config.

        Raises:
            DataError: The labels do not fit the task.
        """
        return labels

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """Yield a sentence for each peculiarity of the labels that is probably a mistake.

        Args:
            labels: Mapped to their names.
            raw: As they are in the file.
            data: The data config.
        """
        yield from ()

    # Dividing and looking through

    def strata(self, labels: Sequence[Label]) -> list[str] | None:
        """Return the label that splits are stratified by; None if rows have no single label."""
        return None

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """Return the names of the model's outputs, in order; none for a model that writes text.

        Args:
            splits: The rows of each split.
            column: Name of the column with the labels or the number.

        Raises:
            DataError: There are too few labels, or one occurs only outside the training rows.
        """
        return []

    def comparable(self, label: Label) -> Hashable:
        """Return a label in a form that compares equal for equal answers."""
        return label

    def single(self, split: str, label: Any) -> tuple[str, str] | None:
        """Describe a split whose rows all have this label, and the consequence; None if there is none."""
        return None

    # Encoding

    @abstractmethod
    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode rows as samples; rows without labels (None) are encoded for prediction.

        Args:
            rows: The rows.
            labels: Names in the order of the logits; empty for a model that writes text.
            tokenizer: The model's tokenizer.
            data: The data config.
            family: The model's family.

        Raises:
            DataError: A response does not fit into `data.max_length`, or the tokenizer's template cannot be used.
        """

    def encode_inputs(self, rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, family: Family) -> Samples:
        """Encode rows without labels, for prediction."""
        return self.encode(rows, (), tokenizer, data, family)

    # Training and answering

    @abstractmethod
    def objective(
        self,
        tokenizer: PreTrainedTokenizerFast,
        max_new_tokens: int,
        family: Family,
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Objective:
        """Return the task's objective for networks of a family.

        Args:
            tokenizer: Decodes what the network generates.
            max_new_tokens: Maximum tokens generated per text.
            family: The network's family.
            class_weights: Weight of each label in the training loss, shape (labels,).
        """

    def answering(self, tokenizer: PreTrainedTokenizerFast, max_new_tokens: int, family: Family) -> Objective:
        """Return the objective with which a finished model answers new inputs."""
        return self.objective(tokenizer, max_new_tokens, family)

    def learns_answers(self, data: Data, family: Family) -> bool:
        """Whether the answers of conversations are learned, so that the chat template writes what ends them."""
        return False

    @abstractmethod
    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """Return the prediction of each row in readable form.

        Args:
            answers: The network's predictions, as the objective returns them.
            labels: Label names in the order of the logits.
        """

    def answer_rows(self, answers: Sequence[Any], labels: Sequence[str]) -> list[dict[str, Any]]:
        """Return what `predict` writes for each input.

        Args:
            answers: The network's prediction for each input.
            labels: Label names in the order of the logits.
        """
        return [{"prediction": prediction} for prediction in self.meanings(answers, labels)]

    # Measuring

    def metric_inputs(self, answers: Any, truths: Any, labels: Sequence[str]) -> MetricInputs:
        """Return the inputs that metrics take from an evaluation pass."""
        from tunesmith.evaluation.inputs import PlainInputs

        return PlainInputs(answers, truths, labels)

    @abstractmethod
    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Return random predictions and references of a few rows, in the form of an evaluation pass."""

    @abstractmethod
    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """Yield a sentence for each reason to doubt a split's metrics.

        Args:
            split: The split's name.
            predictions: The prediction of each row.
            truths: The reference of each row.
            loss: The split's loss, in nats except for numbers.
            num_guesses: Number of possible answers: labels, or the tokens of a vocabulary.
        """

    def baselines(
        self, texts: Sequence[str], targets: Any, others: Sequence[str], num_labels: int, seed: int
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return what trivial models answer to texts, in the form of the network's predictions; none by default.

        Args:
            texts: The training texts.
            targets: Their references, as they are encoded.
            others: The texts to answer.
            num_labels: Number of labels.
            seed: Seed of whatever is drawn.
        """
        return {}

    def probe(
        self, features: npt.NDArray[Any], targets: npt.NDArray[Any], others: npt.NDArray[Any], num_labels: int
    ) -> npt.NDArray[np.float64]:
        """Return what a linear model of a network's features answers, in the form of the network's predictions.

        Args:
            features: Features of the training texts, shape (texts, width).
            targets: Their references, as they are encoded.
            others: Features of the texts to answer, shape (others, width).
            num_labels: Number of labels.

        Raises:
            ConfigError: The task has none.
        """
        rule = f"{type(self).__name__} has no linear probe"
        raise ConfigError([Problem("evaluation.probe", rule, "true", "Leave it out")], late=True)

    def predictions(self, outputs: Outputs, rows: Rows, labels: Sequence[str]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the label and the prediction of each row, as in `predictions.jsonl`."""
        return rows.labels, self.meanings(outputs.logits, labels)

    def grounds(self, outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
        """Return the logits or losses behind each prediction, as in `predictions.jsonl`."""
        return [{}] * num_rows


def require(record: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Refuse a record for prediction that lacks a column.

    Raises:
        MalformedError: A column is missing.
    """
    missing = [name for name in columns if name not in record]
    if missing:
        raise MalformedError(
            f"no column {missing[0]!r}; the columns are {', '.join(map(repr, record))}. Use --text-column NAME"
        )


def made_up_rows(labels: Sequence[str]) -> int:
    """Return the number of made-up rows that metrics are tried on."""
    return min(64, 2 * max(len(labels), 2))


def example_of_texts(record: Mapping[str, Any], data: Data, label: Label) -> Example | None:
    """Read a text, or a pair of texts, with its label; None if a text is empty."""
    text = text_in(record[data.text_column], data.text_column, data)
    pair = text_in(record[data.text_pair_column], data.text_pair_column, data) if data.text_pair_column else None
    return Example(text, label, pair) if text and pair != "" else None


def conversation_overrides(data: Data) -> str:
    """Return the overrides for data with lists of messages instead of texts."""
    if data.target_column is None:
        return f"task=language_modeling data.messages_column={data.text_column}"
    return f"task=language_modeling data.text_column={data.text_column} data.target_column={data.target_column}"


def rows_with_probabilities(
    predictions: Sequence[Any], probabilities: Tensor, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Pair each prediction with the probability of every label; probabilities of shape (rows, labels)."""
    return [
        {"prediction": prediction, "probabilities": dict(zip(labels, row, strict=True))}
        for prediction, row in zip(predictions, probabilities.tolist(), strict=True)
    ]


def labelled_logits(outputs: Outputs) -> list[dict[str, Any]]:
    """Return each row's logits as JSON values; null for a word that was cut off."""
    return [{"logits": _numbers(logits)} for logits in outputs.logits]


def mean_losses(outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
    """Return each row's mean loss per token, in nats, its number of tokens, and that of bytes if it is known."""
    import torch

    missing = num_rows - len(outputs.losses)  # the last texts may be too short to have a token to predict
    losses, counts = (torch.cat([part, part.new_zeros(missing)]) for part in (outputs.losses, outputs.counts))
    known = outputs.num_bytes is not None
    num_bytes = torch.cat([outputs.num_bytes, counts.new_zeros(missing)]) if outputs.num_bytes is not None else counts
    return [
        {"loss": loss / count if count else None, "num_tokens": int(count)}
        | ({"num_bytes": int(size)} if known else {})
        for loss, count, size in zip(losses.tolist(), counts.tolist(), num_bytes.tolist(), strict=True)
    ]


def _numbers(logits: Tensor) -> list[Any]:
    if logits.ndim == 1:
        return list(logits.tolist())
    return [None if row.isnan().all() else row.tolist() for row in logits]
