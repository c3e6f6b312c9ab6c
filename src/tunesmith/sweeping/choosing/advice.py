"""An advice on which model to train: samples the data, measures the models one by one, ranks them, writes the sweep."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tunesmith.config.checking.directions import mode_of
from tunesmith.config.composing.compose import Composed
from tunesmith.config.fingerprint import fingerprint
from tunesmith.config.folders import expand
from tunesmith.config.schema import RunConfig
from tunesmith.config.trust import trusting
from tunesmith.data.prepared import read_prepared
from tunesmith.data.rows import Rows
from tunesmith.data.splitting.part import nested_order
from tunesmith.errors import DataError
from tunesmith.machine import usable_cores
from tunesmith.reporting.blocks import Block
from tunesmith.reporting.formatting import duration_text
from tunesmith.runs.directory import open_directory
from tunesmith.storage import write_json
from tunesmith.sweeping.choosing.candidates import Candidate
from tunesmith.sweeping.choosing.measuring import Gauged, Gauging
from tunesmith.sweeping.choosing.ranking import Ranked, Score, rank, score_of, trivial_scores
from tunesmith.sweeping.choosing.shown import advice_blocks
from tunesmith.sweeping.choosing.sweep_file import FILE, SweepPlanned, planned_sweep, write_sweep
from tunesmith.sweeping.execution.executors.local import Local
from tunesmith.sweeping.execution.trial_process import ENTRY
from tunesmith.tasks.registry import task_of
from tunesmith.tasks.task import Task
from tunesmith.training.logs import Warnings, log_to

MEASURE = "tunesmith.sweeping.choosing.measuring:gauge"
RESULTS = "advice.json"
LENGTHS = ("trainer.max_", "experiment", "debug")
"""Beginnings of overrides that say how long a run is."""
BUSY = 1.7
"""Processes that wait or run for each core, over the last minute, from which the times are doubted."""
log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class Advice:
    """What was found."""

    ranked: Sequence[Ranked]
    blocks: Sequence[Block]
    """The same, to be shown."""
    refused: dict[str, str]
    """Models that cannot be trained so, and why."""
    warnings: Sequence[str]
    """About the data."""
    next: str
    """What to type next."""
    folder: Path
    """Where it was written."""


def advise_on(
    composed: Composed,
    typed: Sequence[str],
    found: Sequence[Candidate],
    *,
    rows: int,
    steps: int,
    time: float | None,
    memory: float | None,
    config_dirs: Sequence[Path] = (),
    trust: Sequence[str] = (),
) -> Advice:
    """Measure models on a sample of the data, rank them, and write the sweep to run next.

    Args:
        composed: The config, with any model.
        typed: The overrides of the command line.
        found: The models.
        rows: Rows of train and of val that are looked at.
        steps: Optimizer steps that are measured.
        time: Seconds that the sweep may take.
        memory: Bytes that a run may take.
        config_dirs: Folders with the user's own options.
        trust: The user's own modules and models whose code may run.

    Raises:
        DataError: The data cannot be used, or has no validation rows.
        FilesError: The advice cannot be written.
    """
    warnings = Warnings()
    with log_to(warnings=warnings, told_later=True), trusting(trust):
        sample = _sampled(composed, rows)
    folder = open_directory(expand(composed.config.run.root), "advise", fingerprint(composed.saved)).path
    may_adapt = not any(word.lstrip("+~").startswith(("method=", "method.")) for word in typed)
    shared = (steps, memory, may_adapt, folder, config_dirs, trust)
    measured, refused = measure_each([Gauging(each, typed, sample.train, sample.val, *shared) for each in found])
    with log_to(told_later=True), trusting(trust):
        scores, trivial = _scored(composed.config, sample, measured)
    may_shorten = not any(word.lstrip("+~").startswith(LENGTHS) for word in typed)
    num_rows = len(sample.every)
    ranked = rank(measured, composed.config, scores, num_rows, time, may_shorten=may_shorten)
    sweep = planned_sweep(ranked, composed.config, num_rows, time, may_shorten=may_shorten)
    flags = [word for name in trust for word in ("--trust", name)]
    flags += [word for path in config_dirs for word in ("--config-dir", str(path))]
    following = _next(sweep, composed.config, folder, typed, flags)
    if (busy := os.getloadavg()[0] / usable_cores()) > BUSY:
        warnings.sentences.append(
            f"this machine is busy ({busy:.1f} processes for each of its cores): alone, runs would be faster than this"
        )
    counts = (num_rows, len(sample.train), len(sample.val))
    write_json(folder / RESULTS, advice_json(ranked, trivial, refused, following, counts))
    evaluation = composed.config.evaluation
    maximize = mode_of(evaluation.monitor, evaluation) == "max"
    blocks = list(advice_blocks(ranked, trivial, evaluation.monitor, maximize, counts)) if ranked else []
    return Advice(ranked, blocks, refused, warnings.sentences, following, folder)


@dataclass(frozen=True)
class _Sample:
    task: Task
    labels: list[str]
    every: Rows
    """All training rows."""
    train: Rows
    val: Rows


def _sampled(composed: Composed, most: int) -> _Sample:
    """Read the data, and draw what is looked at."""
    data, task = composed.config.data, task_of(composed.config.task)
    splits = read_prepared(data, task).splits
    labels = task.label_names({name: splits[name] for name in ("train", "val")}, data.label_column)
    if not len(splits["val"]):
        raise DataError("there are no validation rows to measure a probe on. Set data.split.val_fraction=0.1")
    train, val = (sample_of(splits[name], task, data.split.seed, most) for name in ("train", "val"))
    return _Sample(task, labels, splits["train"], train, val)


def _scored(
    config: RunConfig, sample: _Sample, measured: Sequence[Gauged]
) -> tuple[dict[str, Score], dict[str, Score]]:
    """Return the scores of probes by the names of their models, and those of trivial models."""
    task, labels = sample.task, sample.labels
    scores: dict[str, Score] = {}
    for gauged in measured:
        if gauged.answers is not None:
            score = score_of(gauged.answers, config, task, labels, sample.val)
            scores |= {gauged.candidate.name: score} if score is not None else {}
    if not scores:
        return {}, {}
    return scores, trivial_scores(config, task, labels, sample.train, sample.every, sample.val)


def _next(
    sweep: SweepPlanned | None, config: RunConfig, folder: Path, typed: Sequence[str], flags: Sequence[str]
) -> str:
    """Write the sweep, and say what to type next."""
    if sweep is None:
        return "no run goes into --time: give it more time, or fewer rows with data.num_rows=NUMBER"
    command = write_sweep(sweep, config, folder, typed, flags)
    trials = f", about {duration_text(sweep.seconds)} for {sweep.n_trials} trials"
    return f"next{trials * (folder / FILE).is_file()}: {command}"


def sample_of(rows: Rows, task: Task, seed: int, most: int) -> Rows:
    """Return some rows with labels in their proportions, and a row of each label, in the order of the file, as lists.

    Args:
        rows: The rows.
        task: The task.
        seed: Seed of the choice.
        most: How many, but for those that are there for their label.
    """
    strata = task.strata(rows.labels) or [""] * len(rows)
    chosen = set(nested_order(strata, seed)[:most])
    labels = [label if isinstance(label, tuple) else (label,) for label in rows.labels]
    seen = {item for row in chosen for item in labels[row]} if task.traits.output == "labels" else None
    for row, own in enumerate(labels):
        if seen is not None and not seen.issuperset(own):
            chosen.add(row)
            seen.update(own)
    taken = rows.take(sorted(chosen))
    columns = (getattr(taken, column.name) for column in fields(Rows))
    return Rows(*(None if column is None else list(column) for column in columns))  # type: ignore[arg-type]


def measure_each(jobs: Sequence[Gauging]) -> tuple[list[Gauged], dict[str, str]]:
    """Measure models one after another, each in a process of its own: what it takes and how it ends is its own."""
    executor = Local(1, ENTRY)
    measured, refused = [], {}
    for number, job in enumerate(jobs, 1):
        with log_to():
            log.info("%d of %d: %s", number, len(jobs), job.candidate.name)
        try:
            result = executor.call(MEASURE, job)
        except EOFError:
            result = "its process was ended, as the system does when memory runs out"
        if isinstance(result, str):
            refused[job.candidate.name] = result
        else:
            measured.append(result)
    return measured, refused


def advice_json(
    ranked: Sequence[Ranked],
    trivial: dict[str, Score],
    refused: dict[str, str],
    following: str,
    counts: tuple[int, int, int],
) -> dict[str, Any]:
    """Return an advice as JSON has it."""
    return {
        "num_rows": {"train": counts[0], "train sampled": counts[1], "val sampled": counts[2]},
        "models": [
            {
                "name": item.gauged.candidate.name,
                "overrides": list(item.gauged.words),
                "origin": item.gauged.candidate.origin,
                "family": item.gauged.family,
                "method": item.gauged.method,
                "num_parameters": item.gauged.num_parameters,
                "num_trainable_parameters": item.gauged.num_trainable,
                "tokens": item.gauged.tokens,
                "probe": None if item.score is None else item.score.value,
                "interval": None if item.score is None or item.score.bounds is None else list(item.score.bounds),
                "tied": item.is_tied,
                "bits_per_character": item.gauged.bits,
                "step_s": list(item.gauged.seconds),
                "epoch_s": item.epoch_s,
                "run_s": item.run_s,
                "peak_memory_mb": item.gauged.peak_mb,
            }
            for item in ranked
        ],
        "baselines": {name: score.value for name, score in trivial.items()},
        "refused": refused,
        "next": following,
    }
