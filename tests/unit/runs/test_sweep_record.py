import itertools
import json
import math
import statistics
import subprocess
import sys

import pytest

from tunesmith.errors import FilesError
from tunesmith.runs.record import process_identity
from tunesmith.runs.sweep_record import SweepRecord, is_sweep, load_sweep


@pytest.fixture
def sweep(tmp_path):
    """Write a sweep directory from facts and trials, and read it."""

    def make(*trials, **facts):
        defaults = {"status": "completed", "metrics": ["val/accuracy"], "directions": ["maximize"], "space": {}}
        (tmp_path / "sweep.json").write_text(json.dumps(defaults | facts), encoding="utf-8")
        for number, trial in enumerate(trials):
            folder = tmp_path / "trials" / f"{number:04}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "trial.json").write_text(json.dumps({"number": number} | trial), encoding="utf-8")
        return load_sweep(tmp_path)

    return make


def done(*values, **more):
    return {"state": "completed", "values": list(values)} | more


def numbers(trials):
    return [trial.number for trial in trials]


def test_every_field_of_a_trial_comes_back(sweep, tmp_path):
    trial = {
        "number": 0,
        "state": "completed",
        "values": [0.81],
        "reason": None,
        "params": {"optimizer.lr": 3e-5, "method": "full", "model.layers": [1, 2], "x": {"a": None}},
        "overrides": ["optimizer.lr=3e-05", "method=full"],
        "curve": [[100, 0.62], [200, 0.71]],
        "steps": 200,
        "full_steps": 400,
        "seconds": 35.2,
        "started": "2026-11-23T03:00:00+00:00",
        "ended": "2026-11-23T03:01:00+00:00",
        "exit_code": 0,
        "attempt": 2,
        "repeat_values": [[0.80], [0.82]],
        "spread": statistics.stdev([0.80, 0.82]),
        "num_trainable_parameters": 1234,
        "peak_memory_mb": 512.5,
        "of a later version": 1,
    }
    read = sweep(trial, space={"method": "choice(full, lora)", "optimizer.lr": "interval(0, 1)"})
    (record,) = read.trials
    assert record.curve == ((100, 0.62), (200, 0.71))
    assert record.values == (0.81,)
    assert record.repeat_values == ((0.80,), (0.82,))
    assert record.overrides == ("optimizer.lr=3e-05", "method=full")
    same = {key: trial[key] for key in ("params", "steps", "full_steps", "seconds", "started", "ended", "attempt")}
    assert {key: getattr(record, key) for key in same} == same
    assert (record.spread, record.num_trainable_parameters, record.exit_code) == (trial["spread"], 1234, 0)
    assert record.peak_memory_mb == 512.5
    assert record.extra == {"of a later version": 1}
    assert record.directory == tmp_path.resolve() / "trials" / "0000"
    assert read.keys == ("method", "optimizer.lr", "model.layers", "x"), "the space's order, then what it did not name"


@pytest.mark.parametrize(("directions", "order"), [("maximize", [2, 0, 3, 1]), ("minimize", [1, 0, 3, 2])])
def test_the_best_is_the_best_value_and_the_earliest_of_equals(sweep, directions, order):
    record = sweep(done(0.5), done(0.25), done(0.75), done(0.5), directions=[directions])
    assert record.best().number == order[0]
    assert numbers(record.leaderboard()) == order
    assert numbers(record.pareto()) == order[:1]


def test_a_trial_that_did_not_complete_is_never_the_best_and_comes_after(sweep):
    better = {"values": [0.99], "curve": [[9, 0.99]], "steps": 9}
    unfinished = ["failed", "interrupted", "pruned", "waiting", "paused", "running"]
    record = sweep(
        *({"state": state} | better for state in unfinished),
        done(0.1),
        done(None),
        done(math.nan),
        {"state": "completed", "values": None},
        status="running",
        **process_identity(),
    )
    assert record.best().number == 6
    assert numbers(record.pareto()) == [6]
    assert numbers(record.leaderboard()) == [6, 7, 8, 9, 5, 4, 3, 2, 1, 0]
    assert record.counts == dict(completed=4, running=1, paused=1, waiting=1, pruned=1, interrupted=1, failed=1)


def test_pruned_trials_follow_by_how_far_they_came_and_then_by_their_last_value(sweep):
    def pruned(steps, *values):
        return {"state": "pruned", "steps": steps, "curve": [[n + 1, value] for n, value in enumerate(values)]}

    trials = [pruned(10, 0.9), pruned(20, 0.9, 0.2), pruned(20, 0.1, 0.3), pruned(20), pruned(20, math.nan)]
    assert numbers(sweep(*trials).leaderboard()) == [2, 1, 3, 4, 0]
    assert numbers(sweep(*trials, directions=["minimize"]).leaderboard()) == [1, 2, 3, 4, 0]
    assert sweep(*trials).best() is None


def test_the_pareto_front_is_what_no_other_trial_dominates(sweep):
    """Against the definition, over every pair of a grid with equal points in it."""
    points = [*itertools.product([0.1, 0.2, 0.3], [10, 20, 30]), (0.3, 20), (0.05, 5), (0.2, 7)]
    record = sweep(
        *(done(*point) for point in points), metrics=["val/accuracy", "seconds"], directions=["maximize", "minimize"]
    )

    def surpassed(point):
        return any(other != point and other[0] >= point[0] and other[1] <= point[1] for other in points)

    expected = [number for number, point in enumerate(points) if not surpassed(point)]
    assert sorted(numbers(record.pareto())) == expected
    assert numbers(record.leaderboard())[: len(expected)] == numbers(record.pareto())
    values = [trial.values[0] for trial in record.pareto()]
    assert values == sorted(values, reverse=True)
    assert sorted(numbers(record.leaderboard())) == list(range(len(points)))
    assert record.best() is None, "several objectives have no single winner"


def test_the_steps_are_those_of_trials_whose_end_was_decided(sweep):
    record = sweep(
        done(0.5, steps=100, full_steps=100),
        {"state": "pruned", "steps": 25, "full_steps": 100},
        {"state": "failed", "steps": 3, "full_steps": 100},
        {"state": "pruned", "steps": 7},
    )
    assert record.steps == (125, 200)


def test_a_killed_driver_leaves_a_dead_sweep_whose_running_trials_are_interrupted(sweep):
    program = "import json\nfrom tunesmith.runs.record import process_identity\nprint(json.dumps(process_identity()))\n"
    gone = json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    trials = [{"state": "running", "reason": "of an earlier pause"}, {"state": "paused"}, done(0.5)]
    assert sweep(*trials, status="running", **process_identity()).status == "running"
    assert sweep(*trials, status="running", **process_identity()).counts == {"completed": 1, "running": 1, "paused": 1}
    dead = sweep(*trials, status="running", **gone)
    assert dead.status == "dead"
    assert dead.counts == {"completed": 1, "paused": 1, "interrupted": 1}
    assert dead.trials[0].reason == "the sweep ended while it ran"
    assert dead.best().number == 2


def test_a_sweep_without_trials_and_a_folder_without_a_trial_yet_are_read(sweep, tmp_path):
    assert sweep().leaderboard() == []
    (tmp_path / "trials" / "0000").mkdir(parents=True)
    record = sweep(status="running", **process_identity())
    assert (record.trials, record.best(), record.pareto(), record.counts, record.steps) == ((), None, [], {}, (0, 0))


@pytest.mark.parametrize(
    "content",
    [
        '{"numb',
        "[]",
        "{}",
        '{"number": 0, "state": "happy"}',
        '{"number": 0, "state": "pruned", "curve": [3]}',
        '{"number": 0, "state": "completed", "values": [1, 2]}',
        '{"number": 0, "state": "completed", "values": "x"}',
    ],
)
def test_a_damaged_trial_is_named(sweep, tmp_path, content):
    sweep(done(0.5))
    (tmp_path / "trials" / "0000" / "trial.json").write_text(content)
    with pytest.raises(FilesError, match=r"0000/trial\.json is damaged: "):
        SweepRecord(tmp_path)


def test_what_is_no_sweep_is_said_to_be_none(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 0")
    assert not is_sweep(tmp_path)
    with pytest.raises(FilesError, match=r"is not a sweep directory: it has no sweep\.json"):
        load_sweep(tmp_path)
