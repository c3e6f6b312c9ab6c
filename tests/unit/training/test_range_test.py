"""A range test suggests a rate at which the loss falls, and leaves nothing behind but its table and plot."""

import csv
import math
from itertools import pairwise

import pytest

from tunesmith.training.range_test import RangeTest, smooth


def synthetic(level, steps=100):
    rates = [1e-7 * 1e7 ** (step / (steps - 1)) for step in range(steps)]
    losses = [level(rate) for rate in rates]
    return RangeTest(rates, losses, smooth(losses))


def test_the_smoothed_loss_is_a_weighted_mean_of_those_so_far():
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth([1.0, 3.0])[1] == pytest.approx((0.9 * 1 + 3) / 1.9)


def test_the_suggestion_is_on_the_slope_and_well_below_the_lowest_loss():
    """The loss falls around 1e-4 and explodes above 1e-2."""
    result = synthetic(lambda rate: 0.3 + 0.4 / (1 + (rate / 1e-4) ** 1.5) + (rate / 1e-2) ** 2)
    assert 3e-5 < result.suggestion < 1e-3


@pytest.mark.parametrize("level", [lambda rate: 0.7, lambda rate: 0.7 + rate])
def test_no_rate_is_suggested_where_the_loss_never_fell(level):
    assert synthetic(level).suggestion is None


@pytest.mark.parametrize("words", [["--low", "1", "--high", "0.1"], ["--steps", "5"], ["--low", "0"]])
def test_a_test_of_nothing_is_refused(words, tiny, inside):
    done = inside("lr-test", *tiny, *words)
    assert (done.returncode, "20 steps or more" in done.stderr) == (2, True)


@pytest.mark.slow
def test_a_range_test_of_a_tiny_model(tiny, inside, tmp_path):
    done = inside("lr-test", *tiny, "--low", "1e-5", "--high", "10", "--steps", "60")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").glob("*/*")
    assert done.stdout.splitlines()[-1] == str(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["lr_test.csv", "lr_test.svg"]
    rows = list(csv.DictReader((folder / "lr_test.csv").open()))
    rates = [float(row["rate"]) for row in rows]
    factors = [later / earlier for earlier, later in pairwise(rates)]
    assert factors == pytest.approx([1e6 ** (1 / 59)] * len(factors))
    losses = [float(row["loss"]) for row in rows]
    assert losses[0] == pytest.approx(math.log(2), abs=0.1)
    assert losses[-1] > losses[0], "it ends where the loss has risen"
