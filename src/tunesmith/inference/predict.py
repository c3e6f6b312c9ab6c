"""Predicts answers for new inputs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tunesmith.data.batching import plan_evaluation
from tunesmith.data.cleaning.clean import clean_texts
from tunesmith.data.datamodule import token_dataset
from tunesmith.data.encoding import truncation_side
from tunesmith.data.forms.choice import form_of
from tunesmith.data.lengths import cut_input_warnings
from tunesmith.data.malformed import MalformedError
from tunesmith.data.messages import Message
from tunesmith.data.rows import Rows, rows_of
from tunesmith.data.unseen import empty_input_warnings, unknown_token_warnings
from tunesmith.errors import DataError
from tunesmith.inference.deciding import PLAIN, Deciding
from tunesmith.models.objectives import DecoderText
from tunesmith.tasks.task import Task
from tunesmith.training.build import set_numerics
from tunesmith.training.networks import Trained

log = logging.getLogger("tunesmith")


def predict(
    trained: Trained,
    inputs: Rows | Sequence[str | Mapping[str, Any] | Sequence[Message]],
    deciding: Deciding = PLAIN,
) -> list[dict[str, Any]]:
    """Return the prediction for each input, in order; for labels, with the probability of every label.

    Args:
        trained: A model from `load_model`.
        inputs: Texts, conversations as lists of messages (for a model trained on conversations), records with the
            columns of the run's data (which a template of several columns needs), or rows without labels (None). Every
            input is answered: those longer than the run's `data.max_length` are cut, on the left if
            `data.on_long=cut_left`, with a warning. Their texts are cleaned as those of training were.
        deciding: How answers are made of logits, for labels; as it stands, as in training.

    Raises:
        DataError: An input has a form that the run does not take.
    """
    set_numerics(trained.config)
    task = trained.task
    rows = inputs if isinstance(inputs, Rows) else _rows(trained, task, inputs)
    rows = clean_texts(rows, trained.config.data)
    logits = answers = _answers(trained, task, rows)
    if deciding.temperature != 1:
        # In fp64, neighbouring fp32 numbers stay apart and equal ones equal, so no answer changes.
        answers = [answer.double() / deciding.temperature for answer in answers]
    answered = task.answer_rows(answers, trained.labels)
    return answered if deciding == PLAIN else deciding.rows(answered, logits, trained.labels)


def _rows(trained: Trained, task: Task, inputs: Sequence[str | Mapping[str, Any] | Sequence[Message]]) -> Rows:
    form, examples = form_of(trained.config.data, task.traits), []
    for number, given in enumerate(inputs):
        try:
            if isinstance(given, str):
                given = form.alone(given)
            record = form.made(given, asking=True) if isinstance(given, Mapping) else {form.data.text_column: given}
            examples.append(task.question(record, form.data))
        except MalformedError as error:
            raise DataError(f"input {number}: {error}") from None
    return rows_of([str(number) for number in range(len(inputs))], examples)


def _answers(trained: Trained, task: Task, rows: Rows) -> list[Any]:
    """Compute the network's prediction for each row: logits, a number, or a text."""
    config, network = trained.config, trained.network
    tokenizer = trained.tokenizer
    tokenizer.truncation_side = truncation_side(config.data)
    samples = task.encode_inputs(rows, tokenizer, config.data, trained.family)
    for sentence in (
        *empty_input_warnings(rows),
        *cut_input_warnings(samples.limits),
        *unknown_token_warnings(samples.tokens, rows, tokenizer),
    ):
        log.warning("%s", sentence)
    dataset = token_dataset(samples, trained.tokenizer)
    objective = task.answering(tokenizer, config.data.max_target_length, trained.family)
    writes = isinstance(objective, DecoderText)
    by_row: list[Any] = [None] * len(rows)
    with torch.inference_mode():
        for micro_batch in plan_evaluation(dataset.lengths, config.data.eval_batch_size):
            batch = dataset[micro_batch]
            outputs = None if writes else objective.forward(network, batch)
            answers = objective.answers(network, outputs, batch)
            for row, answer in zip(batch["rows"].tolist(), answers, strict=True):
                by_row[row] = answer
    return by_row
