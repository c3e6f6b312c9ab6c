"""Language modelling: plain texts, or the assistant's answers in conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tunesmith.config.families import Family
from tunesmith.config.schema import Data
from tunesmith.data.encoding import encode_answered, encode_plain, encode_prompts
from tunesmith.data.examples import Example, asked, conversation, prompt_and_response
from tunesmith.data.messages import holds_messages, read_options, refuse_as_text
from tunesmith.data.rows import Rows
from tunesmith.data.samples import Samples
from tunesmith.data.token_bytes import bytes_of_tokens
from tunesmith.data.values import text_in
from tunesmith.evaluation import plausibility
from tunesmith.tasks.task import Task, conversation_overrides, made_up_rows, mean_losses, require
from tunesmith.tasks.text_to_text import TextToText

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from tunesmith.evaluation.inputs import MetricInputs
    from tunesmith.models.module import Outputs
    from tunesmith.models.objectives import Objective


class LanguageModeling(Task):
    """Next-token prediction; only losses are measured."""

    lacks = "text"

    def columns(self, data: Data) -> list[str]:
        """Return the key of the conversations' column, or those of the texts'."""
        return ["messages_column"] if data.messages_column else super().columns(data)

    def read(self, record: Mapping[str, Any], data: Data) -> Example | None:
        """Read a conversation, a prompt with its response, or a text."""
        if data.messages_column:
            return conversation(record, data)
        if data.target_column:
            return prompt_and_response(record, data, conversation_overrides(data))
        refuse_as_text(record[data.text_column], data.text_column, conversation_overrides(data))
        text = text_in(record[data.text_column], data.text_column, data)
        return Example(text, None) if text else None

    def question(self, record: Mapping[str, Any], data: Data) -> Example:
        """Read a conversation to answer, or a text to continue."""
        if data.messages_column in record:
            return asked(record, data.messages_column or "")
        require(record, [data.text_column])
        value, learns_answers = record[data.text_column], bool(data.messages_column or data.target_column)
        if learns_answers and (isinstance(value, list) or holds_messages(value)):
            return asked(record, data.text_column)
        refuse_as_text(value, data.text_column, conversation_overrides(data))
        example = super().question(record, data)
        if not learns_answers:
            return example
        turns = ({"role": "user", "content": example.text},)
        return Example(example.text, None, messages=turns, options=read_options(record))

    def encode(
        self, rows: Rows, labels: Sequence[str], tokenizer: PreTrainedTokenizerFast, data: Data, family: Family
    ) -> Samples:
        """Encode conversations, with a loss on the answers only, or texts divided into samples."""
        if rows.messages is not None:
            return encode_answered(rows, tokenizer, data, source_is_cut=False)
        return encode_plain(rows, tokenizer, data)

    def encode_inputs(self, rows: Rows, tokenizer: PreTrainedTokenizerFast, data: Data, family: Family) -> Samples:
        """Encode prompts."""
        if rows.messages is not None:
            return self.encode(rows, (), tokenizer, data, family)
        return encode_prompts(rows, tokenizer, data)

    def objective(
        self,
        tokenizer: PreTrainedTokenizerFast,
        max_new_tokens: int,
        family: Family,
        class_weights: npt.NDArray[np.float32] | None = None,
    ) -> Objective:
        """Return the next-token objective."""
        import torch

        from tunesmith.models.objectives import NextTokenObjective

        counts = bytes_of_tokens(tokenizer)
        return NextTokenObjective(None if counts is None else torch.from_numpy(counts))

    def answering(self, tokenizer: PreTrainedTokenizerFast, max_new_tokens: int, family: Family) -> Objective:
        """Return the objective that continues prompts."""
        return TextToText(self.config).objective(tokenizer, max_new_tokens, family)

    def learns_answers(self, data: Data, family: Family) -> bool:
        """Whether the data has conversations, or prompts with responses."""
        return bool(data.messages_column or data.target_column or data.convert)

    def meanings(self, answers: Any, labels: Sequence[str]) -> list[Any]:
        """Return the generated continuations."""
        return list(answers)

    def metric_inputs(self, answers: Any, truths: Any, labels: Sequence[str]) -> MetricInputs:
        """Return losses with their numbers of tokens, or of bytes for a metric that takes these."""
        from tunesmith.evaluation.inputs import LossInputs

        return LossInputs(answers, truths, labels)

    def made_up(self, labels: Sequence[str]) -> tuple[Any, Any]:
        """Return summed losses of texts and their numbers of tokens and bytes."""
        import torch

        draw = torch.Generator().manual_seed(0)
        rows = made_up_rows(labels)
        return torch.rand(rows, generator=draw) + 0.5, torch.randint(1, 9, (rows, 2), generator=draw).float()

    def doubts(
        self, split: str, predictions: Sequence[Any], truths: Sequence[Any], loss: float, num_guesses: int
    ) -> Iterator[str]:
        """Doubt a loss worse than guessing."""
        yield from plausibility.of_loss(split, loss, num_guesses, f"among {num_guesses:,} tokens")

    def predictions(self, outputs: Outputs, rows: Rows, labels: Sequence[str]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return None for every row: only losses are measured."""
        return [None] * len(rows), [None] * len(rows)

    def grounds(self, outputs: Outputs, num_rows: int) -> list[dict[str, Any]]:
        """Return each row's mean loss per token."""
        return mean_losses(outputs, num_rows)
