"""`trial.json` is written and read by one class, and nothing in the file is lost on the way."""

import json
import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import FilesError
from tunesmith.runs.trial_record import STATES, TRIAL_FILE, TrialRecord, read_trial, replicate_directory, write_trial

REPEATED = """{
  "number": 1,
  "state": "completed",
  "values": [
    0.75
  ],
  "reason": null,
  "exit_code": 0,
  "params": {
    "optimizer.lr": 0.001,
    "model.name": "größer"
  },
  "attempt": 2,
  "rungs": {
    "0": 0.375
  },
  "curve": [
    [
      16,
      0.375
    ],
    [
      32,
      null
    ]
  ],
  "decision": "continue",
  "replicates": {
    "0": [
      1.0
    ],
    "1": [
      0.5
    ]
  },
  "repeat_values": [
    [
      1.0
    ],
    [
      0.5
    ]
  ],
  "spread": 0.3535533905932738,
  "overrides": [
    "optimizer.lr=0.001",
    "model.name='größer'"
  ],
  "steps": 192,
  "full_steps": 1920,
  "seconds": 11.079,
  "started": "2026-11-27T00:35:15.850+00:00",
  "ended": "2026-11-27T00:41:17.376+00:00",
  "num_trainable_parameters": 1011426,
  "peak_memory_mb": 527.3,
  "replicate_steps": {
    "1": 64,
    "0": 128
  }
}
"""
"""As the driver wrote it when it built the file by hand."""
PRUNED = (
    '{"number": 3, "state": "pruned", "values": null, "reason": "not among the best 1/2 at its rung", '
    '"exit_code": null, "params": {"optimizer.lr": 6.145483866225522e-06}, "attempt": 1, "rungs": {"0": 0.5}, '
    '"curve": [[10, 0.5]], "decision": "pause", "overrides": ["optimizer.lr=6.145483866225522e-06"], "steps": 10, '
    '"full_steps": 32, "seconds": 1.155, "started": "2026-11-27T00:32:27.874+00:00", '
    '"ended": "2026-11-27T00:32:29.029+00:00", "num_trainable_parameters": 1011426, "peak_memory_mb": 521.4, '
    '"replicate_steps": {"0": 10}}'
)

floats = st.floats()  # NaN and the infinities included
counts = st.integers(0, 2**40)
values = st.lists(floats, min_size=1, max_size=3).map(tuple)
texts = st.none() | st.text()
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
json_values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
KNOWN = set(TrialRecord.__dataclass_fields__) | {"repeat_values", "spread"}
records = st.builds(
    TrialRecord,
    number=counts,
    state=st.sampled_from(STATES),
    values=st.none() | values,
    reason=texts,
    params=st.dictionaries(st.text(), json_values, max_size=3),
    overrides=st.lists(st.text(), max_size=3).map(tuple),
    curve=st.lists(st.tuples(counts, floats), max_size=4).map(tuple),
    steps=counts,
    full_steps=st.none() | counts,
    seconds=st.none() | st.floats(0, 1e6).map(lambda value: round(value, 3)),
    started=texts,
    ended=texts,
    exit_code=st.none() | st.integers(-64, 255),
    attempt=st.integers(1, 99),
    rungs=st.dictionaries(st.integers(0, 9), floats, max_size=3),
    decision=st.sampled_from([None, "continue", "pause", "stop"]),
    replicates=st.dictionaries(st.integers(0, 12), values, max_size=4),
    replicate_steps=st.dictionaries(st.integers(0, 12), counts, max_size=4),
    num_trainable_parameters=st.none() | counts,
    peak_memory_mb=st.none() | st.floats(0, 1e6),
    extra=st.dictionaries(st.text().filter(lambda key: key not in KNOWN), json_values, max_size=2),
)


def nan_for_infinite(value):
    """The record's numbers as JSON can tell them: null stands for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else "not finite"
    if isinstance(value, dict):
        return {key: nan_for_infinite(item) for key, item in value.items()}
    return tuple(map(nan_for_infinite, value)) if isinstance(value, tuple) else value


@given(records)
def test_what_is_written_is_read_back(record):
    text = json.dumps(record.to_json(), allow_nan=False)
    read = TrialRecord.from_json(json.loads(text))
    for name in TrialRecord.__dataclass_fields__:
        assert nan_for_infinite(getattr(read, name)) == nan_for_infinite(getattr(record, name)), name
    assert json.dumps(read.to_json(), allow_nan=False) == text


def test_a_file_of_before_is_read_and_written_to_the_byte(tmp_path):
    (tmp_path / TRIAL_FILE).write_text(REPEATED, encoding="utf-8")
    record = read_trial(tmp_path / TRIAL_FILE)
    assert record.replicates == {0: (1.0,), 1: (0.5,)}
    assert record.repeat_values == ((1.0,), (0.5,))
    assert record.spread == statistics.stdev([1.0, 0.5])
    assert record.replicate_steps == {0: 128, 1: 64}
    assert record.rungs == {0: 0.375}
    assert record.curve[0] == (16, 0.375)
    assert math.isnan(record.curve[1][1])
    assert record.finite_curve == ((16, 0.375),)
    assert record.directory == tmp_path
    write_trial(record)
    assert (tmp_path / TRIAL_FILE).read_text(encoding="utf-8") == REPEATED
    assert json.dumps(TrialRecord.from_json(json.loads(PRUNED)).to_json()) == PRUNED


def test_keys_of_a_later_version_are_written_back(tmp_path):
    later = json.loads(PRUNED) | {"energy_kwh": 0.25, "nodes": ["a", {"b": None}]}
    (tmp_path / TRIAL_FILE).write_text(json.dumps(later), encoding="utf-8")
    record = read_trial(tmp_path / TRIAL_FILE)
    write_trial(replace(record, state="waiting"))
    assert json.loads((tmp_path / TRIAL_FILE).read_text()) == later | {"state": "waiting"}


def test_repeats_without_their_numbers_are_read():
    record = TrialRecord.from_json({"number": 0, "state": "completed", "repeat_values": [[0.5], [0.75]]})
    assert record.replicates == {0: (0.5,), 1: (0.75,)}


@pytest.mark.parametrize(
    "replicates", [{}, {0: (0.5,)}, {0: (0.5,), 1: (math.nan,)}, {0: (), 1: ()}, {0: (0.5,), 1: (math.inf,)}]
)
def test_there_is_no_spread_without_several_numbers(replicates):
    assert TrialRecord(0, "running", replicates=replicates).spread is None


@pytest.mark.parametrize(
    "damage",
    [
        {"rungs": [0.5]},
        {"rungs": {"first": 0.5}},
        {"replicates": [[0.5]]},
        {"replicates": {"0": None}},
        {"replicate_steps": {"0": "many"}},
        {"curve": [[1, "x"]]},
        {"attempt": "x"},
    ],
)
def test_damage_is_named(tmp_path, damage):
    (tmp_path / TRIAL_FILE).write_text(json.dumps({"number": 0, "state": "running"} | damage), encoding="utf-8")
    with pytest.raises(FilesError, match=r"trial\.json is damaged: "):
        read_trial(tmp_path / TRIAL_FILE)


def test_the_runs_of_a_trial_are_found_where_they_were_put(tmp_path):
    trial = TrialRecord(0, "running", directory=tmp_path)
    assert trial.runs == (tmp_path,) == (replicate_directory(tmp_path, 0, 1),)
    folders = tuple(replicate_directory(tmp_path, replicate, 2) for replicate in range(2))
    for folder in reversed(folders):
        folder.mkdir()
    assert trial.runs == folders == (tmp_path / "seed-0", tmp_path / "seed-1")
