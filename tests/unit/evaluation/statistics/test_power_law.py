"""What a power law foretells holds for simulated learning curves."""

import numpy as np
import pytest

from tunesmith.evaluation.statistics.power_law import fit_power_law

SIZES = [100, 200, 400, 800, 1600]


def test_more_rows_lie_in_the_interval_of_nine_curves_in_ten():
    """Of curves drawn from the same family; the interval is to hold 95% of measurements."""
    draw = np.random.default_rng(0)
    inside = []
    for _ in range(150):
        floor, scale, exponent = draw.uniform(0, 0.2), draw.uniform(0.5, 3), draw.uniform(0.15, 0.8)
        noise = draw.uniform(0.003, 0.02)

        def error(rows, floor=floor, scale=scale, exponent=exponent):
            return floor + scale * rows**-exponent

        measured = [max(0, error(rows) + draw.normal(0, noise)) for rows in SIZES]
        bounds = fit_power_law(SIZES, measured, [noise] * len(SIZES)).predicted(3200, noise)
        inside.append(bounds.low <= error(3200) + draw.normal(0, noise) <= bounds.high)
    assert np.mean(inside) >= 0.9


def test_a_curve_without_noise_is_recovered():
    errors = [0.1 + 2 * rows**-0.5 for rows in SIZES]
    law = fit_power_law(SIZES, errors, [1e-4] * len(SIZES))
    assert law.error(6400) == pytest.approx(0.1 + 2 * 6400**-0.5, abs=2e-3)
    assert law.gain(1600, 3200) == pytest.approx([2 * (1600**-0.5 - 3200**-0.5)] * 2, abs=2e-4)


def test_errors_that_do_not_fall_foretell_no_gain():
    law = fit_power_law(SIZES, [0.3, 0.302, 0.299, 0.301, 0.3], [0.002] * 5)
    assert law.gain(1600, 3200).high < 0.005


@pytest.mark.parametrize(("rows", "noise"), [([1, 2, 2], [1, 1, 1]), ([1, 2, 3], [1, 0, 1])])
def test_too_little_is_refused(rows, noise):
    with pytest.raises(ValueError, match="three different numbers of rows, and standard errors above 0"):
        fit_power_law(rows, [0.3, 0.2, 0.1], noise)
