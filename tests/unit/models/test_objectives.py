"""Losses of every task, micro-batch by micro-batch, against plain PyTorch and plain transformers."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tunesmith.config.schema import Task
from tunesmith.data.batching import TokenDataset, plan_epoch
from tunesmith.data.class_weights import class_weights, weighed
from tunesmith.data.samples import Samples
from tunesmith.data.tokenization import IGNORED, Tokens, end_to_end
from tunesmith.models.objectives import MultiLabelObjective, Objective, RegressionObjective, TagObjective

NUM_ROWS, NUM_LABELS = 19, 3
NAMES = ["a", "b", "c"]


def samples_with(labels, seed=0):
    random = np.random.default_rng(seed)
    tokens = end_to_end([random.integers(1, 50, size=random.integers(2, 9)) for _ in range(NUM_ROWS)])
    rows = np.arange(NUM_ROWS)
    return Samples(tokens, rows, labels, np.ones(NUM_ROWS, np.int64))


def windows(samples, batch_size=8, micro=3):
    """The batches of each optimizer step of an epoch."""
    dataset = TokenDataset(samples, 0)
    batch_size, micro = (batch_size // micro) * micro, micro
    plan = plan_epoch(
        dataset.lengths,
        batch_size=batch_size,
        micro_batch_size=micro,
        order="bucketed",
        seed=0,
        epoch=0,
        weights=samples.weights,
    )
    per_step = batch_size // micro
    return [[dataset[part] for part in plan[start : start + per_step]] for start in range(0, len(plan), per_step)]


def step_loss(objective, window, logits):
    """What `training_step` adds up over the micro-batches of a step."""
    return sum((objective.losses(logits(batch), batch).sum() / batch["window"]).item() for batch in window)


@pytest.mark.parametrize("weights", [None, "balanced", [0.5, 2.0, 1.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_weighted_step_is_pytorch_s_over_the_whole_window(weights, smoothing):
    """The mean of a window is over the weights of all its rows, the short last window's too."""
    random = np.random.default_rng(1)
    labels = random.choice(3, p=[0.7, 0.2, 0.1], size=NUM_ROWS)
    samples = samples_with(labels)
    given = class_weights(Task(name="classification", class_weights=weights), labels, NAMES)
    tensor = None if given is None else torch.from_numpy(given)
    samples = samples if given is None else weighed(samples, given)
    table = torch.from_numpy(random.normal(size=(NUM_ROWS, NUM_LABELS)).astype(np.float32))
    objective = Objective(label_smoothing=smoothing, class_weights=tensor)
    steps = windows(samples)
    assert len({sum(len(batch["rows"]) for batch in step) for step in steps}) == 2, "the last window is short"
    for step in steps:
        rows = torch.cat([batch["rows"] for batch in step])
        plain = cross_entropy(table[rows], torch.from_numpy(labels)[rows], weight=tensor, label_smoothing=smoothing)
        assert step_loss(objective, step, lambda batch: table[batch["rows"]]) == pytest.approx(plain.item(), abs=1e-6)


def test_balanced_weights_are_scikit_learn_s():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.asarray([0] * 12 + [1] * 5 + [2] * 2)
    ours = class_weights(Task(name="classification", class_weights="balanced"), labels, NAMES)
    assert ours == pytest.approx(compute_class_weight("balanced", classes=np.arange(3), y=labels))


def test_several_labels_are_pytorch_s_mean_over_rows_and_labels():
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, size=(NUM_ROWS, NUM_LABELS)).astype(np.float32)
    table = torch.from_numpy(random.normal(size=(NUM_ROWS, NUM_LABELS)).astype(np.float32))
    for step in windows(samples_with(labels)):
        rows = torch.cat([batch["rows"] for batch in step])
        plain = torch.nn.BCEWithLogitsLoss()(table[rows], torch.from_numpy(labels)[rows])
        assert step_loss(MultiLabelObjective(), step, lambda batch: table[batch["rows"]]) == pytest.approx(
            plain.item(), abs=1e-6
        )


def test_a_number_is_pytorch_s_squared_error():
    random = np.random.default_rng(1)
    labels = random.normal(size=NUM_ROWS).astype(np.float32)
    table = torch.from_numpy(random.normal(size=(NUM_ROWS, 1)).astype(np.float32))
    for step in windows(samples_with(labels)):
        rows = torch.cat([batch["rows"] for batch in step])
        plain = torch.nn.MSELoss()(table[rows][:, 0], torch.from_numpy(labels)[rows])
        assert step_loss(RegressionObjective(), step, lambda batch: table[batch["rows"]]) == pytest.approx(
            plain.item(), abs=1e-6
        )


@pytest.mark.parametrize("weights", [None, "balanced"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_tags_are_pytorch_s_mean_over_the_words_of_the_window(weights, smoothing):
    random = np.random.default_rng(1)
    samples = samples_with(np.zeros(NUM_ROWS, np.int64))
    tags = random.integers(0, 3, size=len(samples.tokens.ids)).astype(np.int32)
    tags[random.random(len(tags)) < 0.3] = IGNORED
    tags = Tokens(tags, samples.tokens.offsets)
    counts = np.asarray([(tags[row] != IGNORED).sum() for row in range(NUM_ROWS)])
    samples = Samples(samples.tokens, samples.rows, tags, counts)
    given = class_weights(Task(name="token_classification", class_weights=weights), tags, NAMES)
    samples = samples if given is None else weighed(samples, given)
    tensor = None if given is None else torch.from_numpy(given)
    table = torch.from_numpy(random.normal(size=(50, NUM_LABELS)).astype(np.float32))
    objective = TagObjective(label_smoothing=smoothing, class_weights=tensor)
    for step in windows(samples):
        logits = torch.cat([table[batch["input_ids"]].flatten(0, 1) for batch in step])
        labels = torch.cat([batch["labels"].flatten() for batch in step])
        plain = cross_entropy(logits, labels, weight=tensor, label_smoothing=smoothing)
        assert step_loss(objective, step, lambda batch: table[batch["input_ids"]]) == pytest.approx(
            plain.item(), abs=1e-6
        )
        for batch in step:
            losses, words = objective.measure(table[batch["input_ids"]], batch)
            plain = cross_entropy(table[batch["input_ids"]].flatten(0, 1), batch["labels"].flatten())
            assert (losses.sum() / words.sum()).item() == pytest.approx(plain.item(), abs=1e-6), (
                "unweighted, unsmoothed"
            )
