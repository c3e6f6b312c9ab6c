"""Every file in sweeps/ is read, judged and composed as it would be before its first trial."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from tunesmith.config.folders import shipped
from tunesmith.sweeping.prepare import Sweep

NAMES = sorted(path.stem for path in shipped("sweeps").glob("*.yaml"))
Prepared = Callable[..., Sweep]
POINTS = {"lr_grid": 5, "lora_rank": 4, "batch_size_dropout": 12, "model_selection": 10, "seeds": 2}
"""Grids, with the number of their points."""


def test_there_are_nine() -> None:
    assert len(NAMES) == 9
    assert set(POINTS) < set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_is_judged_and_composed(name: str, prepared: Prepared) -> None:
    sweep = prepared(name)
    assert sweep.is_grid == (name in POINTS)
    if name in POINTS:
        assert len(sweep.space.points()) == sweep.n_trials == POINTS[name]
    else:
        assert sweep.n_trials >= 8
    assert bool(sweep.rungs) == (sweep.pruner[0] != "none") == (name in ("quickstart", "tpe_asha"))


@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_takes_another_model_and_data_set(name: str, prepared: Prepared) -> None:
    sweep = prepared(name, "model=bert_base", "data=imdb", "data.num_rows=null", check=False)
    assert "model" not in sweep.space.parameters
    assert sweep.run.choices is not None
    assert sweep.run.choices["model"] == "bert_base"
    assert sweep.run.config.data.num_rows is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_ends_in_minutes(name: str, prepared: Prepared) -> None:
    config = prepared(name).run.config
    assert (config.data.num_rows or 0) in range(1, 8531)
    assert config.trainer.max_epochs == 1 or config.trainer.max_steps in range(1, 41)


@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_opens_with_its_command_and_holds_deltas_only(name: str) -> None:
    lines = (shipped("sweeps") / f"{name}.yaml").read_text().splitlines()
    assert shlex.split(lines[0]) == ["#", "tunesmith", "sweep", name]
    assert lines[1].startswith("# ")
    assert next(line for line in lines if not line.startswith("#")).startswith("defaults:")


def test_the_model_selection_has_an_untuned_model(prepared: Prepared) -> None:
    points = prepared("model_selection").space.points()
    untuned = [point for point in points if point["trainer.max_steps"] == 1]
    assert [(point["model"], point["method"]) for point in untuned] == [
        ("minilm", "head_only"),
        ("tiny_encoder", "head_only"),
    ]
    assert len({point["trainer.max_steps"] for point in points if point not in untuned}) == 1
