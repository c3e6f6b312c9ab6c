"""Regression: a number per text, or per pair of texts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode_texts
from tunesmith.data.examples import Example, Label
from tunesmith.data.malformed import MalformedError
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.data.values import as_text, is_missing
from tunesmith.evaluation import baselines, linear_probe, plausibility
from tunesmith.tasks.task import Task, example_of_texts, made_up_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.evaluation.inputs import MetricInputs
    from tunesmith.models.objectives import Objective


LARGEST = float(np.finfo(np.float32).max)
"""Networks compute in fp32."""
LOST = 1e-3
"""Error of rounding that is told, as a fraction of the standard deviation."""


class Regression(Task):
    """A number per text; its predictions are of shape (rows,)."""

    lacks = "text or no number"
    contradiction = "number"
    problem_type = "regression"
    measures_in_fp64 = True

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Read a text with its number."""
        value = record[data.label_column]
        if is_missing(value, data.missing):
            return None
        try:
            not_a_number = isinstance(value, bool) or "_" in str(value)  # only Python reads 1_5 as 15
            number = math.nan if not_a_number else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not abs(number) <= LARGEST:
            shown = as_text(value)[:40]
            raise MalformedError(
                f"{data.label_column!r} holds {shown!r}, but regression needs a number of at most {LARGEST:.1e}. "
                "Correct it, name another column (data.label_column=...), or use task=classification"
            )
        return example_of_texts(record, data, number)

    def oddities(self, labels: Sequence[Label], raw: Sequence[Label], data: Data) -> Iterator[str]:
        """Report numbers whose differences are lost in fp32, in which networks compute."""
        exact = np.asarray([number for number in labels if number is not None], dtype=np.float64)
        error = np.abs(exact - exact.astype(np.float32)).max(initial=0.0)
        spread = float(np.std(exact)) if len(exact) else 0.0
        if spread > 0 and error > LOST * spread:
            yield (
                f"the numbers of {data.label_column!r} are rounded by up to {error:.3g} in fp32, in which networks "
                f"compute, and differ by {spread:.3g} (standard deviation). Subtract what they have in common from all"
            )

    def label_names(self, splits: Mapping[str, Rows], column: str) -> list[str]:
        """Return the column's name as the only output."""
        return [column]

    def single(self, split: str, label: Any) -> tuple[str, str] | None:
        """Explain that correlations with a constant are undefined."""
        return f"the number {label}", "correlations are undefined there"

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode texts with the number of each row."""
        return encode_texts(rows, tokenizer, data, np.asarray([y or 0.0 for y in rows.labels], dtype=np.float32))

    def objective(
        self,
        tokenizer: PreTrainedTokenizerFast,
        max_new_tokens: int,
        family: Family,
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Objective:
        """Return the squared error."""
        from tunesmith.models.objectives import RegressionObjective

        return RegressionObjective()

    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """Return the numbers themselves."""
        return [float(value) for value in answers.tolist()]

    def answer_rows(self, answers: Sequence[Any], labels: Sequence[str]) -> list[dict[str, Any]]:
        """Return the number for each input."""
        import torch

        return super().answer_rows(torch.stack(list(answers)), labels)  # type: ignore[arg-type]

    def metric_inputs(self, answers: Any, truths: Any, labels: Sequence[str]) -> MetricInputs:
        """Return the numbers in fp64: correlations of numbers that vary little lose digits in fp32."""
        from tunesmith.evaluation.inputs import PlainInputs

        return PlainInputs(answers.double(), truths.double(), labels)

    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Return random numbers, none of them negative."""
        import torch

        draw = torch.Generator().manual_seed(0)
        rows = made_up_rows(labels)
        return torch.rand(rows, generator=draw) + 0.5, torch.randint(1, 9, (rows,), generator=draw).float()

    def baselines(
        self, texts: Sequence[str], targets: Any, others: Sequence[str], num_labels: int, seed: int
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return the mean, and a linear model of words."""
        return baselines.for_numbers(texts, np.asarray(targets), others, seed)

    def probe(
        self, features: npt.NDArray[Any], targets: npt.NDArray[Any], others: npt.NDArray[Any], num_labels: int
    ) -> npt.NDArray[np.float64]:
        """Return a number for each text."""
        return linear_probe.probe_numbers(features, targets, others)

    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """Doubt about the same number for all rows, or a loss far worse than the mean's."""
        yield from plausibility.of_numbers(split, predictions, truths, loss)
