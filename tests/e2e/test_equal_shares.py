"""A search whose methods share it equally gives them equal trials and steps, also if it is killed and resumed."""

import signal
import time

import pytest
from warm import run_warm, start_warm

from tunesmith.runs.sweep_record import load_sweep


@pytest.mark.slow
def test_methods_get_the_same_budget_also_of_a_killed_and_resumed_sweep(tiny, tmp_path):
    path = tmp_path / "sweep"
    line = [text for text in tiny if not text.startswith(("optimizer.lr=", "trainer.max_epochs="))]
    line += ["trainer.max_epochs=1", "optimizer.lr=tag(log,interval(1e-4,1e-2))", "method=full,lora"]
    line += ["hydra.sweeper.equal=method", "hydra.sweeper.n_trials=4", "hydra.sweeper.executor=inprocess"]
    process = start_warm("train", "-m", *line, f"run.dir={path}")
    for _ in range(6000):
        if process.poll() is not None or len(list(path.glob("trials/*/trial.json"))) >= 3:
            break
        time.sleep(0.02)
    assert process.returncode is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.wait()
    refused = run_warm("resume", path, "hydra.sweeper.n_trials=5")
    assert refused.returncode == 2
    assert "cannot be shared equally by the 2 values of method" in refused.stderr
    assert "Set hydra.sweeper.n_trials=4 or 6" in refused.stderr
    changed = run_warm("resume", path, "hydra.sweeper.equal=null")
    assert (changed.returncode, "hydra.sweeper.equal: cannot change on resume" in changed.stderr) == (2, True)
    done = run_warm("resume", path)
    assert done.returncode == 0, done.stderr
    record = load_sweep(path)
    assert record.facts["equal"] == "method"
    own = {method: [t for t in record.trials if t.params["method"] == method] for method in ("full", "lora")}
    assert [trial.params["method"] for trial in record.trials] == ["full", "lora", "full", "lora"]
    spent = {method: sorted((trial.state, trial.steps) for trial in trials) for method, trials in own.items()}
    assert spent["full"] == spent["lora"]
    assert [state for state, _ in spent["full"]] == ["completed", "pruned"]
    runs = [next(t.directory for t in trials if t.state == "completed") for trials in own.values()]
    compared = run_warm("compare", *runs)
    assert compared.returncode == 0, compared.stderr
    assert "tuned alike" not in compared.stdout
