"""A sweep is judged run by run, and its replicates over their seeds."""

import json
import shutil

import pytest
from synthetic_sweep import write_facts, write_trial

VALUES = (0.9, 0.55, 0.91, 0.5)


def replicate(finished, folder, seed, value):
    """A run like a finished one, with another seed and another accuracy."""
    folder.mkdir(parents=True)
    for name in ("config.yaml", "metrics.jsonl", "predictions.jsonl"):
        shutil.copy(finished.path / name, folder / name)
    config = (folder / "config.yaml").read_text().replace("\nseed: 0\n", f"\nseed: {seed}\n")
    (folder / "config.yaml").write_text(config)
    metrics = finished.metrics | {"val/accuracy": value}
    about = {"seed": seed, "metrics": metrics, "intervals": {"val/accuracy": [value - 0.02, value + 0.02]}}
    (folder / "results.json").write_text(json.dumps(finished.results | about))
    return folder


@pytest.fixture
def runs(finished, tmp_path):
    return [replicate(finished, tmp_path / f"run-{seed}", seed, value) for seed, value in enumerate(VALUES)]


def test_runs_that_differ_in_their_seeds_are_judged_together(runs, inside, tmp_path):
    done = inside("diagnose", *runs, "--json", tmp_path / "verdicts.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"4 seeds of {runs[0]}"
    assert "unstable over seeds: 4 seeds give 0.5000 to 0.9100" in done.stdout
    assert f"try next: tunesmith train --from {runs[0]} optimizer.lr=0.001" in done.stdout
    (verdict,) = json.loads((tmp_path / "verdicts.json").read_text())
    assert (verdict["kind"], verdict["runs"]) == ("unstable_over_seeds", [str(run) for run in runs])


def test_two_seeds_and_different_configs_are_not_judged_together(runs, inside):
    config = runs[3] / "config.yaml"
    config.write_text(config.read_text().replace("max_length: 32", "max_length: 16"))
    assert inside("diagnose", *runs[:2]).stdout == "2 runs or sweeps: nothing is sure to be wrong\n"
    assert "3 seeds of" in inside("diagnose", *runs).stdout


def test_the_trials_of_a_sweep_are_judged_and_pruned_ones_left_out(runs, inside, tmp_path):
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    write_facts(sweep)
    values = [[value] for value in VALUES]
    folder = write_trial(sweep, 0, state="completed", values=[0.715], repeat_values=values, params={})
    for seed, run in enumerate(runs):
        shutil.move(run, folder / f"seed-{seed}")
    write_trial(sweep, 1, state="pruned", params={})
    write_trial(sweep, 2, state="failed", reason="out of memory", params={})
    told = inside("diagnose", sweep)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0] == f"4 seeds of {folder / 'seed-0'}"


def test_what_is_no_run_is_refused(tmp_path, inside):
    done = inside("diagnose", tmp_path)
    assert (done.returncode, "is not a run directory" in done.stderr) == (5, True)
