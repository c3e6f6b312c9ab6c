"""Answers for new inputs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch

from tunesmith.data.batching import plan_evaluation
from tunesmith.data.datamodule import token_dataset
from tunesmith.data.encoding import encode_inputs
from tunesmith.data.examples import question
from tunesmith.data.lengths import told_of_inputs
from tunesmith.data.messages import Message
from tunesmith.data.sources import Rows, rows_of
from tunesmith.data.unseen import told_of_empty, told_of_unknown
from tunesmith.evaluation.answers import meanings
from tunesmith.models.objectives import DecoderText
from tunesmith.training.build import build_objective, set_numerics
from tunesmith.training.networks import Trained

log = logging.getLogger("tunesmith")


def predict(trained: Trained, inputs: Rows | Sequence[str | Sequence[Message]]) -> list[dict[str, Any]]:
    """The prediction for each input in order; for labels with the probability of every one.

    Args:
        trained: A model from `load_model`.
        inputs: Texts, conversations as lists of messages where answers in them were learned, or rows without labels
            (None). Every one is answered: those that are longer than the run's `data.max_length` are cut, on the left
            where `data.on_long=cut_left`, and that is warned of.
    """
    set_numerics(trained.config)
    task, labels = trained.config.task, trained.labels
    answers = _answers(trained, inputs if isinstance(inputs, Rows) else _rows(trained, inputs))
    if task.name in ("classification", "regression"):
        answers = torch.stack(answers)
    predictions = meanings(task, answers, labels)
    if task.name != "classification":
        return [{"prediction": prediction} for prediction in predictions]
    logits = answers.double()
    probabilities = (logits.sigmoid() if task.multi_label else logits.softmax(dim=1)).tolist()
    return [
        {"prediction": prediction, "probabilities": dict(zip(labels, row, strict=True))}
        for prediction, row in zip(predictions, probabilities, strict=True)
    ]


def _rows(trained: Trained, texts: Sequence[str | Sequence[Message]]) -> Rows:
    task, data = trained.config.task, trained.config.data
    examples = [question({data.text_column: text}, task, data) for text in texts]
    return rows_of([str(number) for number in range(len(texts))], examples)


def _answers(trained: Trained, rows: Rows) -> Any:
    """What the network answers to each row: logits, a number, or a text."""
    config, network = trained.config, trained.network
    tokenizer = trained.tokenizer
    samples = encode_inputs(rows, trained.tokenizer, config.data, config.task, trained.family)
    for sentence in (
        *told_of_empty(rows),
        *told_of_inputs(samples.limits),
        *told_of_unknown(samples.tokens, rows, tokenizer),
    ):
        log.warning("%s", sentence)
    dataset = token_dataset(samples, trained.tokenizer)
    task = config.task
    if task.name == "language_modeling":  # a prompt is written on
        task = task.model_copy(update={"name": "text_to_text"})
    objective = build_objective(task, trained.family, trained.tokenizer, config.data.max_target_length)
    writes = isinstance(objective, DecoderText)
    found: list[Any] = [None] * len(rows)
    with torch.inference_mode():
        for micro_batch in plan_evaluation(dataset.lengths, config.data.eval_batch_size):
            batch = dataset[micro_batch]
            logits = None if writes else objective.logits(network, batch)
            answers = objective.answers(network, logits, batch)
            for row, answer in zip(batch["rows"].tolist(), answers, strict=True):
                found[row] = answer
    return found
