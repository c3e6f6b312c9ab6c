"""The default search needs less compute than random search, on real curves and a simulated clock."""

from __future__ import annotations

import runpy
import statistics
from pathlib import Path

import pytest

BENCH = runpy.run_path(str(Path(__file__).resolve().parents[2] / "scripts" / "bench_search"))


def test_the_table_is_whole() -> None:
    table = BENCH["Table"]()
    assert len(table.curves) == 60
    assert all(sorted(curve) == list(range(1, 9)) for curve in table.curves.values())
    assert table.best == 0.811
    assert len(table.space().points()) == 60


@pytest.mark.slow
def test_the_default_finds_a_good_configuration_with_less_compute_than_random_search() -> None:
    found = {name: [run.found_after for run in runs] for name, runs in BENCH["compare"](20, grid=False).items()}
    random, _, default = (statistics.fmean(costs) for costs in found.values())
    assert max(found["tpe, asha (the default)"]) < BENCH["MAX_TRIALS"]
    assert random / default >= 1.2


def test_a_grid_finds_its_winner_at_half_its_compute() -> None:
    table = BENCH["Table"]()
    runs = [BENCH["search"](table, table.space(), "grid", seed, whole=True) for seed in range(10)]
    assert all(run.won for run in runs)
    assert all(run.compute <= 30 for run in runs)
