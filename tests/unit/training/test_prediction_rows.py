"""Rows of predictions are the same in memory, where a run measures them, and read from its file."""

import json

import pytest
import torch

from tunesmith.config.schema import Task
from tunesmith.data.examples import Example
from tunesmith.data.rows import rows_of
from tunesmith.evaluation.reliability import answered_right
from tunesmith.models.module import Outputs
from tunesmith.tasks.registry import task_of
from tunesmith.training.predictions import prediction_rows

LABELS = ["a", "b"]
SEVERAL = [[2.0, -1.0], [3.0, 1.0], [-1.0, -2.0]]
TAGS = [[[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0]], [[0.0, 2.0], [0.0, 1.0]]]
CASES = {
    "one label": ({}, torch.tensor(SEVERAL), ["a", "a", "b"], [True, True, False]),
    "several labels": ({"multi_label": True}, torch.tensor(SEVERAL), [("a",), ("b", "a"), ("b",)], [True, True, False]),
    "tags": ({"name": "token_classification"}, [*map(torch.tensor, TAGS)], [("a", "b"), ("a",), ("a", "b")], [1, 1, 0]),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_and_what_is_right_of_them_survive_the_file(case):
    fields, logits, labels, right = CASES[case]
    task = task_of(Task.model_validate({"name": "classification"} | fields))
    words = [tuple("xy"[: len(label)]) for label in labels] if case == "tags" else [None] * 3
    examples = [Example("text", label, words=each) for label, each in zip(labels, words, strict=True)]
    ones = torch.ones(3)
    outputs = Outputs("val", logits, labels, {}, ones, ones)
    rows = prediction_rows(outputs, rows_of(["1", "2", "3"], examples), LABELS, task)
    assert [json.loads(json.dumps(row)) for row in rows] == rows
    assert [*map(answered_right, rows)] == [*map(bool, right)]
