import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.tracking.wandb.hardest import by_split, cross_entropy, worst_table

LABELS = ["a", "b", "c"]


def row(logits, label="a", **values):
    return {"id": 1, "split": "test", "label": label, "prediction": "b", "logits": logits, **values}


@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), st.sampled_from(LABELS))
def test_the_loss_is_torch_s(logits, label):
    expected = torch.nn.functional.cross_entropy(
        torch.tensor([logits], dtype=torch.float64), torch.tensor([LABELS.index(label)])
    )
    assert cross_entropy(row(logits, label), LABELS) == pytest.approx(expected.item(), abs=1e-9)


def test_the_worst_come_first_and_unknown_losses_lead():
    rows = [row([0.0, float(n), 0.0], id=n) for n in range(5)] + [row([math.nan, 0.0, 0.0], id="nan", text="t")]
    table = worst_table(rows, LABELS, 3)
    assert [line[0] for line in table] == ["nan", "4", "3"]
    assert table[0][1:4] == ["t", "a", "b"]
    assert table[1][1] is None


def test_rows_without_a_label_are_left_out():
    rows = [row([1, 0, 0]), row([1, 0, 0], None), row([1, 0, 0], split="val")]
    assert {split: len(rows) for split, rows in by_split(rows).items()} == {"test": 1, "val": 1}
