"""Converts a sweep's records to an in-memory Optuna study, for importances and figures."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from tunesmith.reporting.formatting import Label, label, short_names, value_text
from tunesmith.reporting.sweep.advice import distribution_of
from tunesmith.runs.sweep_record import SweepRecord
from tunesmith.runs.trial_record import TrialRecord

MIN_TRIALS_FOR_IMPORTANCES = 20
"""Completed trials: PED-ANOVA compares the best quarter with all, and its authors advise at least 5 in it."""
TARGET_QUANTILE = 0.25
LOG_RATIO = 8
"""Ratio of the largest to the smallest number in a list, from which its axis is logarithmic."""


def axis_labels(record: SweepRecord) -> dict[str, Label]:
    """Map each swept key to its name in figures."""
    return {key: label(name) for key, name in zip(record.keys, short_names(record.keys), strict=True)}


@contextlib.contextmanager
def quiet_optuna() -> Iterator[None]:
    """Silence Optuna's messages about new studies and about parameters that few trials have."""
    logger = optuna.logging.get_logger("optuna")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


@quiet_optuna()
def build_study(record: SweepRecord, *, numbers_as_range: bool = False) -> optuna.Study:
    """Build a study whose trials have the numbers, states, values and curves of the records.

    Args:
        record: The sweep.
        numbers_as_range: Treat a list of at least three numbers as a range, which contour plots need.
    """
    study = optuna.create_study(directions=[StudyDirection[direction.upper()] for direction in record.directions])
    study.set_metric_names([label(metric) for metric in record.metrics])
    names = axis_labels(record)
    tried = {key for trial in record.trials for key in trial.params}
    known = {key: _distribution(record, key, numbers_as_range) for key in tried}
    by_number = {trial.number: trial for trial in record.trials}
    for number in range(max(by_number, default=-1) + 1):
        # Optuna numbers trials consecutively: a number without a record needs a placeholder.
        trial = by_number.get(number)
        study.add_trial(_frozen(trial, known, names) if trial else create_trial(state=TrialState.FAIL))
    return study


@quiet_optuna()
def importances(record: SweepRecord) -> dict[str, float] | None:
    """Compute each swept key's share in reaching the best quarter of completed trials (PED-ANOVA), largest first.

    Keys that only some trials have are weighted by their number. None if too few trials completed.
    """
    if sum(trial.completed for trial in record.trials) < MIN_TRIALS_FOR_IMPORTANCES:
        return None
    study = build_study(record)
    keys: dict[str, str] = {name: key for key, name in axis_labels(record).items()}
    evaluator = PedAnovaImportanceEvaluator(target_quantile=TARGET_QUANTILE)
    by_name = get_param_importances(study, evaluator=evaluator)
    return {keys[name]: float(value) for name, value in by_name.items()}


def _frozen(trial: TrialRecord, known: Mapping[str, BaseDistribution], names: Mapping[str, Label]) -> FrozenTrial:
    states = {"pruned": TrialState.PRUNED, "running": TrialState.RUNNING, "paused": TrialState.RUNNING}
    state = TrialState.COMPLETE if trial.completed else states.get(trial.state, TrialState.FAIL)
    return create_trial(
        state=state,
        values=list(trial.values or ()) if state == TrialState.COMPLETE else None,
        params={names[key]: _value(value, known[key]) for key, value in trial.params.items()},
        distributions={names[key]: known[key] for key in trial.params},
        intermediate_values=dict(trial.finite_curve),
    )


def _value(value: Any, distribution: BaseDistribution) -> Any:
    return _choice(value) if isinstance(distribution, CategoricalDistribution) else value


def _distribution(record: SweepRecord, key: str, numbers_as_range: bool) -> BaseDistribution:
    """Return the searched distribution, widened to all values tried: manual points may lie outside."""
    tried = [trial.params[key] for trial in record.trials if key in trial.params]
    name, attributes = distribution_of(record, key) or ("", {})
    if name in ("FloatDistribution", "IntDistribution") and all(map(_is_number, tried)):
        ends = [attributes["low"], attributes["high"], *tried]
        return _range(ends, log=bool(attributes.get("log")) and min(ends) > 0)
    choices = list(dict.fromkeys(map(_choice, [*attributes.get("choices", ()), *tried])))
    numbers = [choice for choice in choices if _is_number(choice)]
    if numbers_as_range and len(numbers) == len(choices) > 2:
        return _range(numbers, log=min(numbers) > 0 and max(numbers) / min(numbers) >= LOG_RATIO)
    return CategoricalDistribution(sorted(choices) if len(numbers) == len(choices) else choices)


def _range(ends: Sequence[Any], *, log: bool) -> BaseDistribution:
    if all(isinstance(end, int) for end in ends):
        return IntDistribution(min(ends), max(ends), log=log)
    return FloatDistribution(float(min(ends)), float(max(ends)), log=log)


def _choice(value: Any) -> Any:
    """Convert a choice for Optuna: numbers stay numbers, anything else becomes text."""
    return value if _is_number(value) else label(value_text(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
