"""The protocol of a task: everything that differs between one task and another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.config.schema import Task as TaskConfig
from tunesmith.config.tasks import Traits, traits_of
from tunesmith.data.examples import Example, Label
from tunesmith.data.malformed import MalformedError
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.data.values import text_in
from tunesmith.evaluation.inputs import MetricInputs, PlainInputs
from tunesmith.models.module import Outputs
from tunesmith.models.objectives import Objective

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Task(ABC):
    """One kind of task, with its part of the config.

    It is constructed wherever it is needed, more than once in a run: nothing is kept in it from one step to another.

    Args:
        config: The `task` node.
    """

    lacks: ClassVar[str]
    """What a row lacks that is empty, behind `no`."""
    contradiction: ClassVar[str | None] = None
    """What two rows with the same text contradict each other in; None where several answers may be right."""
    problem_type: ClassVar[str | None] = None
    """What transformers calls the task, so that its pipelines read the logits rightly."""
    measures_in_fp64: ClassVar[bool] = False
    """Whether the metrics' own sums lose digits in fp32."""

    def __init__(self, config: TaskConfig) -> None:
        self.config = config

    @property
    def traits(self) -> Traits:
        """What the config knows of it (`config/tasks.py`), a class of a user's own by the kind that it names."""
        return traits_of(self.config)

    # Reading

    def columns(self, data: Data) -> list[str]:
        """The keys of `data` that name the columns that records must have."""
        return [key for key in self.traits.columns if getattr(data, key) is not None]

    @abstractmethod
    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Make a record an example; None if something that is needed is empty.

        Raises:
            MalformedError: The record has a value of the wrong form.
        """

    def question(self, record: Mapping[str, Any], data: Data) -> Example:
        """What a model is to answer, without the answer: a record's input alone.

        Raises:
            MalformedError: The record lacks a column, or has it in a form that the task cannot take.
        """
        pair = data.text_pair_column
        require(record, [data.text_column, *([pair] if pair else [])])
        data = data.model_copy(update={"missing": []})  # `NA` may be asked: a row that only trains is another matter
        text = text_in(record[data.text_column], data.text_column, data)
        return Example(text, None, text_in(record[pair], pair, data) if pair else None)

    def rename(self, labels: Sequence[Label], lines: Sequence[int], data: Data) -> list[Label]:
        """The labels of a whole column under the names that the config gives them.

        Args:
            labels: As they stand in the file.
            lines: The line of each row.
            data: The data config.

        Raises:
            DataError: They are not what the task takes.
        """
        return list(labels)

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """What is likely not meant as it stands, a sentence each.

        Args:
            labels: Under their names.
            raw: As they stand in the file.
            data: The data config.
        """
        yield from ()

    # Dividing and looking through

    def strata(self, labels: Sequence[Label]) -> list[str] | None:
        """The label by which each row is drawn; None where rows have no single one."""
        return None

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """The names of what the model has an output for, in order; none for a model that writes text.

        Args:
            splits: The rows of each split.
            column: Name of the column with the labels or the number.

        Raises:
            DataError: There are too few, or one occurs outside the training rows only.
        """
        return []

    def comparable(self, label: Label) -> Hashable:
        """A label in a form that is equal where the answers are."""
        return label

    def single(self, split: str, label: Any) -> tuple[str, str] | None:
        """What to say of a split whose every row has this label, and what follows; None if nothing does."""
        return None

    # Encoding

    @abstractmethod
    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """The samples of some rows; rows without labels (None) are encoded for prediction.

        Args:
            rows: The rows.
            labels: Names in the order of the logits; empty for a model that writes text.
            tokenizer: The model's tokenizer.
            data: The data config.
            family: The model's family.

        Raises:
            DataError: A response has no room within `data.max_length`, or the tokenizer's template cannot be used.
        """

    def encode_inputs(self, rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, family: Family) -> Samples:
        """The samples of rows that have no labels, for prediction."""
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
        """What the task asks of a network of a family.

        Args:
            tokenizer: Reads what the network writes.
            max_new_tokens: Tokens that it may write for a text.
            family: The network's family.
            class_weights: Weight of each label in the training loss, shape (labels,).
        """

    def answering(self, tokenizer: PreTrainedTokenizerFast, max_new_tokens: int, family: Family) -> Objective:
        """The objective by which a finished model answers new inputs."""
        return self.objective(tokenizer, max_new_tokens, family)

    def learns_answers(self, data: Data, family: Family) -> bool:
        """Whether it is answers in conversations that are learned, so that the chat template writes what ends them."""
        return False

    @abstractmethod
    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """The prediction of each row, as people read it.

        Args:
            answers: What the network answered, as the objective gives it.
            labels: Label names in the order of the logits.
        """

    def answer_rows(self, answers: Sequence[Any], labels: Sequence[str]) -> list[dict[str, Any]]:
        """What `predict` says of each input.

        Args:
            answers: What the network answered to each input.
            labels: Label names in the order of the logits.
        """
        return [{"prediction": prediction} for prediction in self.meanings(answers, labels)]

    # Measuring

    def metric_inputs(self, answers: Any, truths: Any, labels: Sequence[str]) -> MetricInputs:
        """What metrics are given of an evaluation pass."""
        return PlainInputs(answers, truths, labels)

    @abstractmethod
    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Answers and truths of a few rows, as an evaluation pass gives them; both are as good as random."""

    @abstractmethod
    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """What makes the metrics of a split no result, a sentence each.

        Args:
            split: Its name.
            predictions: What was answered, row by row.
            truths: What should have been.
            loss: The split's loss, in nats for everything but numbers.
            num_guesses: How many answers there are to choose from: labels, or the tokens of a vocabulary.
        """

    def predictions(self, outputs: Outputs, rows: Rows, labels: Sequence[str]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Label and prediction of each row, as `predictions.jsonl` holds them."""
        return rows.labels, self.meanings(outputs.logits, labels)

    def grounds(self, outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
        """What each prediction rests on, as `predictions.jsonl` holds it."""
        return [{}] * num_rows


def require(record: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Refuse a record to be answered that lacks a column.

    Raises:
        MalformedError: One is missing.
    """
    missing = [name for name in columns if name not in record]
    if missing:
        raise MalformedError(
            f"no column {missing[0]!r}; the columns are {', '.join(map(repr, record))}. Use --text-column NAME"
        )


def made_up_rows(labels: Sequence[str]) -> int:
    """How many rows of made-up answers metrics are tried on."""
    return min(64, 2 * max(len(labels), 2))


def example_of_texts(record: Mapping[str, Any], data: Data, label: Label) -> Example | None:
    """A text, or a pair of texts, with its label; None if a text is empty."""
    text = text_in(record[data.text_column], data.text_column, data)
    pair = text_in(record[data.text_pair_column], data.text_pair_column, data) if data.text_pair_column else None
    return Example(text, label, pair) if text and pair != "" else None


def way_out(data: Data) -> str:
    """The overrides that take lists of messages where texts are asked for."""
    if data.target_column is None:
        return f"task=language_modeling data.messages_column={data.text_column}"
    return f"task=language_modeling data.text_column={data.text_column} data.target_column={data.target_column}"


def rows_with_probabilities(
    predictions: Sequence[Any], probabilities: Tensor, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Each prediction beside the probability of every label; probabilities of shape (rows, labels)."""
    return [
        {"prediction": prediction, "probabilities": dict(zip(labels, row, strict=True))}
        for prediction, row in zip(predictions, probabilities.tolist(), strict=True)
    ]


def labelled_logits(outputs: Outputs) -> list[dict[str, Any]]:
    """The logits of each row as JSON has them; those of a word that the network was not shown are null."""
    return [{"logits": _numbers(logits)} for logits in outputs.logits]


def mean_losses(outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
    """The mean loss per token of each row in nats, beside the number of its tokens."""
    missing = num_rows - len(outputs.losses)  # the last texts may be too short to have a token to predict
    losses, counts = (torch.cat([part, part.new_zeros(missing)]) for part in (outputs.losses, outputs.counts))
    return [
        {"loss": loss / count if count else None, "num_tokens": int(count)}
        for loss, count in zip(losses.tolist(), counts.tolist(), strict=True)
    ]


def _numbers(logits: Tensor) -> list[Any]:
    if logits.ndim == 1:
        return list(logits.tolist())
    return [None if row.isnan().all() else row.tolist() for row in logits]
