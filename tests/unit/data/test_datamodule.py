import pytest
import torch

from tunesmith import compose
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.rows import Rows
from tunesmith.tasks.registry import task_of


@pytest.fixture
def make(tiny, tokenizer):
    def data(*overrides, seed=0, **arguments):
        config = compose([*tiny, *overrides]).config
        return TextDataModule(config.data, tokenizer, task_of(config.task), seed=seed, **arguments)

    return data


def rows_of(loader):
    return torch.cat([batch["rows"] for batch in loader]).tolist()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_loaders_hand_out_every_row_of_their_split_once(make, num_workers):
    data = make(f"data.num_workers={num_workers}", "data.eval_batch_size=3")
    for split, loader in {
        "train": data.train_dataloader(),
        "val": data.val_dataloader(),
        "test": data.test_dataloader(),
    }.items():
        assert sorted(rows_of(loader)) == list(range(len(data.splits[split])))


@pytest.mark.slow
def test_workers_and_seeds_of_others_do_not_change_the_order(make):
    plain = rows_of(make().train_dataloader())
    torch.manual_seed(99)
    assert rows_of(make("data.num_workers=2").train_dataloader()) == plain
    assert rows_of(make(seed=1).train_dataloader()) != plain


def test_a_batch_holds_text_and_label_of_its_rows(make, tokenizer):
    data = make()
    for batch in data.val_dataloader():
        for row, ids, mask, label in zip(
            batch["rows"], batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True
        ):
            text = data.splits["val"].texts[row]
            assert ids[mask.bool()].tolist() == tokenizer(text, truncation=True, max_length=32)["input_ids"]
            assert data.labels[label] == data.splits["val"].labels[row]


def test_only_the_split_that_is_asked_for_is_tokenised(make, tokenizer, monkeypatch, tmp_path):
    seen = []
    from tunesmith.data import datamodule

    original = datamodule.encode
    monkeypatch.setattr(datamodule, "encode", lambda rows, *rest: seen.append(rows.texts) or original(rows, *rest))
    data = make(f"data.cache_dir={tmp_path}")
    rows_of(data.train_dataloader())
    rows_of(data.val_dataloader())
    assert seen == [data.splits["train"].texts, data.splits["val"].texts]


def test_accumulation_follows_from_the_two_batch_sizes(make):
    assert make("data.batch_size=8").accumulate_grad_batches == 1
    data = make("data.batch_size=12", "data.micro_batch_size=3")
    assert (data.micro_batch_size, data.accumulate_grad_batches) == (3, 4)
    assert len(data.train_dataloader()) == len(data.plan(0))


def test_the_run_s_seed_moves_no_row_between_splits(make):
    one, other = make(seed=1), make(seed=2)
    assert one.splits == other.splits


def test_labels_may_be_given_so_that_a_model_s_order_holds(make):
    rows = Rows(["0", "1"], ["a", "b"], ["good", "bad"])
    data = make(splits={"val": rows, "train": rows, "test": rows}, labels=["good", "bad"])
    assert data.dataset("val").samples.labels.tolist() == [0, 1]


def test_an_empty_split_has_a_loader_without_batches(make):
    rows = Rows(["0", "1"], ["a", "b"], ["good", "bad"])
    data = make(splits={"train": rows, "val": rows.take([]), "test": rows})
    assert list(data.val_dataloader()) == []
