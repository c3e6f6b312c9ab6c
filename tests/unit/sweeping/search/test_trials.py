"""What a search knows of a trial outlives its session, beside what it does not know."""

import json
from pathlib import Path

from tunesmith.runs.trial_record import TrialRecord
from tunesmith.sweeping.search.trials import Trial

TRIAL = Trial(
    number=4,
    point={"optimizer.lr": 1e-3, "model.name": "a b"},
    state="completed",
    values=[0.625, 3.0],
    reason="why",
    exit_code=0,
    attempt=2,
    rungs={0: 0.25, 1: 0.5},
    curve=[(10, 0.25), (20, 0.5)],
    replicates={1: [0.75, 3.0], 0: [0.5, 3.0]},
    decision="continue",
)


def test_a_trial_comes_back_from_its_record():
    assert all(getattr(TRIAL, name) != getattr(Trial(0, {}), name) for name in Trial.__dataclass_fields__)
    record = TRIAL.recorded(TrialRecord(4, "waiting"))
    read = TrialRecord.from_json(json.loads(json.dumps(record.to_json())))
    assert Trial.restored(read, TRIAL.point) == TRIAL
    assert record.overrides == ("optimizer.lr=0.001", "model.name='a b'")


def test_what_was_measured_and_what_is_foreign_stay():
    kept = {"steps": 7, "seconds": 1.5, "peak_memory_mb": 9.0, "extra": {"later": 1}, "directory": Path("here")}
    record = TRIAL.recorded(TrialRecord(4, "waiting", **kept))
    assert {name: getattr(record, name) for name in kept} == kept


def test_a_record_stays_as_it_is_while_the_search_goes_on():
    trial = Trial.restored(TRIAL.recorded(TrialRecord(4, "waiting")), TRIAL.point)
    record = trial.recorded(TrialRecord(4, "waiting"))
    before = json.dumps(record.to_json())
    trial.curve.append((30, 0.9))
    trial.rungs[2] = 0.9
    trial.replicates[0].append(0.0)
    trial.values.append(0.0)
    assert json.dumps(record.to_json()) == before
