import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.batching import MicroBatch, PlannedSampler, TokenDataset, plan_epoch, plan_evaluation
from tunesmith.data.samples import Samples
from tunesmith.data.tokenization import Tokens

lengths_of_rows = st.lists(st.integers(1, 100), min_size=1, max_size=200).map(lambda items: np.asarray(items, np.int64))
# batch_size with a micro_batch_size that divides it
sizes = st.tuples(st.integers(1, 8), st.integers(1, 8)).map(lambda pair: (pair[0] * pair[1], pair[0]))
orders = st.sampled_from(["bucketed", "random"])
seeds = st.integers(0, 2**32 - 1)


def plan(lengths, sizes, order="bucketed", seed=0, epoch=0):
    batch_size, micro = sizes
    return plan_epoch(lengths, batch_size=batch_size, micro_batch_size=micro, order=order, seed=seed, epoch=epoch)


def flat(lists):
    return [item for part in lists for item in part]


def rows_in_order(batches):
    return np.concatenate([batch.rows for batch in batches]).tolist()


@given(lengths_of_rows, sizes, orders, seeds, st.integers(0, 50))
def test_every_row_comes_once_and_windows_are_whole(lengths, sizes, order, seed, epoch):
    batch_size, micro = sizes
    batches = plan(lengths, sizes, order, seed, epoch)
    assert sorted(rows_in_order(batches)) == list(range(len(lengths)))

    per_step = batch_size // micro
    steps = [batches[start : start + per_step] for start in range(0, len(batches), per_step)]
    samples = [sum(len(batch.rows) for batch in step) for step in steps]
    assert samples[:-1] == [batch_size] * (len(samples) - 1), "only the last step may be short"
    assert 0 < samples[-1] <= batch_size
    for step, count in zip(steps, samples, strict=True):
        assert [batch.window for batch in step] == [count] * len(step), "each knows the samples of its whole step"
        assert [len(batch.rows) for batch in step[:-1]] == [micro] * (len(step) - 1)


@given(lengths_of_rows, sizes, orders, seeds, st.integers(0, 50))
def test_a_plan_is_a_pure_function(lengths, sizes, order, seed, epoch):
    first = plan(lengths, sizes, order, seed, epoch)
    np.random.seed(1)
    torch.manual_seed(1)
    assert rows_in_order(first) == rows_in_order(plan(lengths.copy(), sizes, order, seed, epoch))


@pytest.mark.parametrize("order", ["bucketed", "random"])
def test_epochs_and_seeds_have_orders_of_their_own(order):
    lengths = np.random.default_rng(0).integers(1, 60, size=300)
    plans = {tuple(rows_in_order(plan(lengths, (8, 4), order, seed, epoch))) for seed in range(4) for epoch in range(4)}
    assert len(plans) == 16


@given(lengths_of_rows, seeds)
def test_micro_batches_do_not_change_what_a_step_consists_of(lengths, seed):
    whole = [batch.rows.tolist() for batch in plan(lengths, (8, 8), seed=seed)]
    parts = [batch.rows.tolist() for batch in plan(lengths, (8, 2), seed=seed)]
    steps = [flat(parts[start : start + 4]) for start in range(0, len(parts), 4)]
    assert steps == whole


def padded(lengths, batches):
    """Tokens that the batches occupy, padding included."""
    return sum(len(batch.rows) * lengths[batch.rows].max() for batch in batches)


def test_buckets_waste_far_less_than_random_order():
    lengths = np.minimum(np.random.default_rng(0).lognormal(3, 0.8, size=2000).astype(np.int64) + 2, 256)
    bucketed, shuffled = (padded(lengths, plan(lengths, (32, 32), order)) for order in ("bucketed", "random"))
    assert bucketed < 1.2 * lengths.sum()
    assert shuffled > 2 * lengths.sum()


def test_buckets_are_visited_in_random_order():
    lengths = np.arange(1, 1601)
    means = [lengths[batch.rows].mean() for batch in plan(lengths, (32, 32))]
    trend = np.corrcoef(means, np.arange(len(means)))[0, 1]
    assert abs(trend) < 0.5


@given(lengths_of_rows, st.integers(1, 20))
def test_evaluation_takes_every_row_once_longest_first(lengths, batch_size):
    batches = plan_evaluation(lengths, batch_size)
    order = rows_in_order(batches)
    assert sorted(order) == list(range(len(lengths)))
    assert (np.diff(lengths[order]) <= 0).all()
    assert all(len(batch.rows) == batch_size for batch in batches[:-1])


def test_a_sampler_makes_its_plan_when_the_first_batch_is_asked_for():
    epochs = iter([["a", "b"], ["c"]])
    sampler = PlannedSampler(lambda: next(epochs), 2)
    iterator = iter(sampler)
    assert list(sampler) == ["a", "b"]
    assert list(iterator) == ["c"]
    assert len(sampler) == 2


def samples_of(tokens, labels):
    return Samples(tokens, np.arange(len(tokens)), labels, np.ones(len(tokens), np.int64))


texts_of_tokens = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=6)


@given(texts_of_tokens, st.sampled_from(["right", "left"]), st.data())
def test_a_batch_holds_its_rows_padded_on_the_right_side(texts, side, data):
    offsets = np.cumsum([0, *map(len, texts)])
    tokens = Tokens(np.asarray(flat(texts), dtype=np.int32), offsets)
    labels = np.arange(len(texts)) % 3
    rows = np.asarray(data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, unique=True)))
    batch = TokenDataset(samples_of(tokens, labels), pad_token_id=0, padding_side=side)[MicroBatch(rows, 17)]

    width = max(len(texts[row]) for row in rows)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (len(rows), width)
    for i, row in enumerate(rows):
        padding = [0] * (width - len(texts[row]))
        ones = [1] * len(texts[row])
        expected = texts[row] + padding if side == "right" else padding + texts[row]
        assert batch["input_ids"][i].tolist() == expected
        assert batch["attention_mask"][i].tolist() == (ones + padding if side == "right" else padding + ones)
    assert batch["labels"].tolist() == labels[rows].tolist()
    assert batch["rows"].tolist() == rows.tolist()
    assert batch["window"].item() == 17


def test_padding_is_that_of_the_plain_tokenizer(tokenizer):
    texts = ["a quiet masterpiece", "dull", "one two three four five six"]
    encoded = tokenizer(texts)["input_ids"]
    tokens = Tokens(np.asarray(flat(encoded), dtype=np.int32), np.cumsum([0, *map(len, encoded)]))
    dataset = TokenDataset(samples_of(tokens, np.zeros(3, np.int64)), tokenizer.pad_token_id, tokenizer.padding_side)
    batch = dataset[MicroBatch(np.arange(3), 3)]
    plain = tokenizer(texts, padding=True, return_tensors="pt")
    assert torch.equal(batch["input_ids"], plain["input_ids"])
    assert torch.equal(batch["attention_mask"], plain["attention_mask"])
