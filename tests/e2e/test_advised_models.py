"""Advice on a model, with real models in processes of their own, and the sweep that it advises, typed."""

import json
import shlex

import pytest
from conftest import tiny_overrides

from tunesmith.runs.sweep_record import load_sweep


@pytest.fixture(scope="module")
def told(finished, reviews_csv, cache_dir, tmp_path_factory):
    """What `tunesmith advise` says of a tiny model, a folder that holds none, and a model that is not there."""
    from warm import run_warm

    folder = tmp_path_factory.mktemp("advise")
    chosen = ("model=", "optimizer.lr=")
    words = [word for word in tiny_overrides(reviews_csv, cache_dir, folder / "runs") if not word.startswith(chosen)]
    words.append("data.split.val_fraction=0.4")
    models = [finished.path / "model", finished.path, "org/absent"]
    done = run_warm("advise", *words, "--rows", 60, "--steps", 2, "--time", "10m", "--models", *models, cwd=folder)
    return done, folder


@pytest.mark.slow
def test_models_are_measured_and_others_left_out_with_the_reason(told, finished):
    done, _ = told
    assert done.returncode == 0, done.stderr
    advice = json.loads((done_folder(done) / "advice.json").read_text())
    (model,) = advice["models"]
    assert model["name"] == str(finished.path / "model")
    assert model["num_parameters"] == finished.results["num_parameters"]
    assert model["family"] == "encoder"
    assert len(model["step_s"]) == 2
    assert 0 <= model["interval"][0] <= model["probe"] <= model["interval"][1] <= 1
    assert 50 < model["peak_memory_mb"] < 4000
    assert set(advice["refused"]) == {str(finished.path), "org/absent"}
    assert advice["baselines"]["majority, all 37 training rows"] == pytest.approx(0.5, abs=0.1)
    for name, why in advice["refused"].items():
        assert f"  - {name}: {why}" in done.stdout
    for word in ("found: named", "tokenizer: ", "probe: val/accuracy", "time: ", "memory: ", "2 steps of 8 took"):
        assert word in done.stdout


@pytest.mark.slow
def test_the_advised_sweep_runs_as_typed(told, command):
    done, folder = told
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("next, about")]
    _, *words = shlex.split(line.partition(" trials: ")[2])
    short = ["hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", "trainer.max_epochs=1"]
    swept = command(*words, *short, cwd=folder)
    assert swept.returncode == 0, swept.stderr
    sweep = load_sweep(swept.stdout.splitlines()[-1])
    assert sweep.keys == ("optimizer.lr",)
    assert len(sweep.trials) == 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["model=minilm"], "the model is what an advice chooses"),
        (["model.path=x"], "Name the models to compare: --models MODEL"),
        (["--rows", "3"], "looks at 50 rows or more"),
        (["--from", "x.yaml"], "an advice starts from groups"),
        (["--models", "minilmm"], "minilm"),
        (["--time", "30"], "takes a time such as 90s, 30m, 2h or 1d"),
    ],
)
def test_what_an_advice_cannot_take_is_refused(words, part, tiny, inside):
    data = [word for word in tiny if not word.startswith("model=")]
    done = inside("advise", *data, *words)
    assert done.returncode == 2
    assert part in done.stderr


def done_folder(done):
    from pathlib import Path

    return Path(done.stdout.splitlines()[-1])
