"""Text to text: a text is generated for each text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode_answered, encode_targets
from tunesmith.data.examples import Example, source_and_target
from tunesmith.data.messages import refuse_as_text
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.evaluation import plausibility
from tunesmith.tasks.task import Task, conversation_overrides, mean_losses, require

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.models.module import Outputs
    from tunesmith.models.objectives import Objective

TEXTS = ["the plot is slow and the actors are good", "one more film of that kind", "a story that is told with care"]


class TextToText(Task):
    """A text generated for each text; its predictions are a list of texts."""

    lacks = "text or no target"

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Read a text with its target."""
        return source_and_target(record, data, conversation_overrides(data))

    def question(self, record: Mapping[str, Any], data: Data) -> Example:
        """Read a text without a target."""
        require(record, [data.text_column])
        refuse_as_text(record[data.text_column], data.text_column, conversation_overrides(data))
        return super().question(record, data)

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode targets for an encoder-decoder; for a decoder, a conversation with one answer."""
        if family == "seq2seq":
            return encode_targets(rows, tokenizer, data)
        return encode_answered(rows, tokenizer, data, source_is_cut=True)

    def objective(
        self,
        tokenizer: PreTrainedTokenizerFast,
        max_new_tokens: int,
        family: Family,
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Objective:
        """Return the objective over the target's tokens."""
        from tunesmith.models.objectives import DecoderText, EncoderDecoderText

        kind = EncoderDecoderText if family == "seq2seq" else DecoderText
        return kind(partial(tokenizer.decode, skip_special_tokens=True), max_new_tokens)

    def learns_answers(self, data: Data, family: Family) -> bool:
        """Whether the model is a decoder, which learns targets as an assistant's turns."""
        return family == "causal"

    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """Return the texts."""
        return list(answers)

    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Return the same texts, in two orders."""
        return [*TEXTS[1:], TEXTS[0]], list(TEXTS)

    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """Doubt one text for all rows, or a loss worse than guessing."""
        yield from plausibility.of_one_answer(split, predictions, truths, "answers")
        yield from plausibility.of_loss(split, loss, num_guesses, f"among {num_guesses:,} tokens")

    def grounds(self, outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
        """Return each target's mean loss per token."""
        return mean_losses(outputs, num_rows)
