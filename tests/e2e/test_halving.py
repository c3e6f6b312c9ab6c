"""Successive halving on real trainings: what it saves and what it costs, over three seeds of the sampler."""

import statistics

import pytest
from conftest import tiny_overrides, write_reviews

from tunesmith.runs.sweep_record import load_sweep

SEEDS = range(3)
TRIALS = 8


@pytest.mark.slow
def test_half_the_steps_find_what_all_find(tmp_path, command):
    common = tiny_overrides(write_reviews(tmp_path / "reviews.csv", 427), tmp_path / "cache", tmp_path / "runs")
    common = [text for text in common if not text.startswith("optimizer.lr=")]  # 256 rows to train on: 64 steps
    space = [
        "optimizer.lr=tag(log,interval(1e-5,3e-2))",
        "model.dropout=interval(0.0,0.3)",
        "data.split.val_fraction=0.3",
    ]
    space += ["hydra.sweeper.sampler=random", f"hydra.sweeper.n_trials={TRIALS}"]
    steps, best = {}, {}
    for seed in SEEDS:
        for pruner in ("none", "asha"):
            chosen = [f"hydra.sweeper.seed={seed}", f"hydra.sweeper.pruner={pruner}"]
            done = command("train", "-m", *common, *space, *chosen)
            assert done.returncode == 0, done.stderr
            trials = load_sweep(done.stdout.splitlines()[-1]).trials
            assert len(trials) == TRIALS
            steps[seed, pruner] = {trial.number: trial.steps for trial in trials}
            best[seed, pruner] = max(trial.values[0] for trial in trials if trial.state == "completed")
            points = {trial.number: trial.params for trial in trials}
            assert points == steps.setdefault((seed, "points"), points), "the same points, pruned or not"
            if pruner == "none":
                assert {trial.state for trial in trials} == {"completed"}
                continue
            for trial in trials:
                whole = steps[seed, "none"][trial.number]
                stops = [-(-whole // 4), -(-whole // 2), whole]
                assert trial.steps in stops, "a trial ends at a rung or at its end"
                assert (trial.state == "completed") == (trial.steps == whole)
    total = {pruner: sum(sum(steps[seed, pruner].values()) for seed in SEEDS) for pruner in ("none", "asha")}
    assert total["asha"] <= total["none"] / 2
    assert len({str(steps[seed, "points"]) for seed in SEEDS}) == len(SEEDS)
    medians = {pruner: statistics.median(best[seed, pruner] for seed in SEEDS) for pruner in ("none", "asha")}
    assert medians["none"] > 0.8, "there is something to find"
    assert medians["asha"] >= medians["none"] - 0.01
