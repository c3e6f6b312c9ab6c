"""What a trial makes of a test split that is unlike the rest."""

import csv

import pytest
from conftest import reviews

from tunesmith import compose
from tunesmith.errors import DataError
from tunesmith.training.build import build_data


@pytest.mark.slow
def test_labels_of_test_rows_are_looked_at_only_where_the_test_split_is(tiny, tmp_path):
    rows = [(*row, "val" if number % 6 > 3 else "train") for number, row in enumerate(reviews(60))]
    rows += [("\x07 ???", "poison", "test")] * 5
    with (tmp_path / "poisoned.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("review", "verdict", "part"), *rows])
    overrides = [*tiny, f"data.path={tmp_path / 'poisoned.csv'}", "data.split.method=column", "data.split.column=part"]
    data = build_data(compose([*overrides, "evaluation.test=false"]).config)
    assert data.labels == ["bad", "good"]
    assert len(data.dataset("train")) + len(data.dataset("val")) == 60
    with pytest.raises(DataError, match="'poison' occurs in test but never in train"):
        build_data(compose(overrides).config)
