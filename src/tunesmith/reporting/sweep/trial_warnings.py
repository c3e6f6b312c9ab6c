"""Collects the warnings of a sweep's runs, each kind once."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from tunesmith.errors import FilesError
from tunesmith.runs.directory import RunDirectory
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord
from tunesmith.storage import read_mapping

NUMBER = re.compile(r"\d[\d.,]*")
"""Numbers, which may differ between two warnings of the same kind."""


def trial_warnings(record: SweepRecord) -> list[str]:
    """Return the first warning of each kind with the number of trials that have it, the most frequent first.

    Args:
        record: The sweep.
    """
    first: dict[str, str] = {}
    trials: dict[str, set[int]] = {}
    for trial in record.trials:
        for sentence in _sentences(trial):
            kind = NUMBER.sub("#", sentence)
            first.setdefault(kind, sentence)
            trials.setdefault(kind, set()).add(trial.number)
    ordered = sorted(trials, key=lambda kind: -len(trials[kind]))
    return [f"{len(trials[kind])} of {len(record.trials)} trials: {first[kind]}" for kind in ordered]


def _sentences(trial: TrialRecord) -> list[str]:
    """Return the warnings of a trial's run, or of its repeats."""
    sentences: list[str] = []
    for folder in trial.runs:
        with suppress(FilesError):
            results = read_mapping(RunDirectory(folder).results, json.loads)
            sentences += map(str, results.get("warnings", []))
    return sentences
