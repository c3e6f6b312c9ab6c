"""The steps of a run, in order."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer

from tunesmith.config.checking.directions import mode_of
from tunesmith.config.composing.compose import Composed
from tunesmith.config.schema import RunConfig
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.label_counts import rows_by_label
from tunesmith.data.rows import Rows
from tunesmith.data.splits import data_fingerprint as data_fingerprint
from tunesmith.errors import DataError, FilesError, NotFiniteError
from tunesmith.evaluation.metrics import better
from tunesmith.evaluation.reliability import measure_calibration
from tunesmith.evaluation.statistics.headline import headline_intervals
from tunesmith.models.groundwork import Groundwork, read_groundwork
from tunesmith.models.methods import count_parameters
from tunesmith.models.module import FineTuner, Outputs
from tunesmith.models.weights import weights_sha256
from tunesmith.provenance.collect import origin
from tunesmith.provenance.compare import differences, in_words
from tunesmith.redaction import redact_argv, redact_config
from tunesmith.reporting.run.report import write_run_report
from tunesmith.runs.directory import RunDirectory
from tunesmith.runs.record import Record
from tunesmith.tasks.registry import task_of
from tunesmith.tasks.task import Task
from tunesmith.training.adaptation import measure_adaptation
from tunesmith.training.baselines import measure_baselines
from tunesmith.training.build import build_data, build_module, build_network, build_trainer, longest_text, objective_on
from tunesmith.training.callbacks.checkpoints import BestWeights, LastCheckpoint, forget_after, steps_of_checkpoint
from tunesmith.training.callbacks.divergence import StopOnDivergence
from tunesmith.training.callbacks.notes import CourseNotes, callbacks_of
from tunesmith.training.callbacks.progress import RunProgress
from tunesmith.training.course import twice_as_long
from tunesmith.training.ends import check_template
from tunesmith.training.evaluation_sets import measure_set, read_evaluation_sets
from tunesmith.training.logs import Warnings
from tunesmith.training.predictions import prediction_rows
from tunesmith.training.remarks import remarks
from tunesmith.training.saved import verify_saved
from tunesmith.training.session import Session, open_session
from tunesmith.training.slices import measure_slices
from tunesmith.training.untuned import UNTUNED, measure_untuned, probe_answers
from tunesmith.training.warm_start import announce_start

log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class Ready:
    """What is known about a run before its directory is opened."""

    data: TextDataModule
    ground: Groundwork
    warnings: Warnings


def execute(
    run: Composed,
    directory: RunDirectory,
    name: str,
    checkpoint: Path | None = None,
    observers: Sequence[Callback] = (),
    ready: Ready | None = None,
) -> Record:
    """Execute a run in its open directory, from the start or from a checkpoint.

    Args:
        run: The config, with its decisions made.
        directory: The run's directory.
        name: The run's display name.
        checkpoint: The checkpoint to continue from.
        observers: Callbacks that watch the run without changing its result.
        ready: The data if already read, with the warnings so far; if None, it is read now.

    Returns:
        The finished run.

    Raises:
        TunesmithError: The run failed; its directory has the reason.
        Interrupted: A signal ended it.
    """
    with open_session(run, directory, name, ready.warnings if ready is not None else None) as session:
        parts = build(run.config, ready)
        record_start(session, run, parts, checkpoint)
        if checkpoint is not None:
            forget_after(Record(directory.path), steps_of_checkpoint(checkpoint)[0])
        notes = CourseNotes(run.config.evaluation.monitor)
        best, progress, trainer = watch(session, run.config, parts, [*observers, notes])
        announce(session, run, parts)
        probed = before_training(session, run.config, parts, checkpoint)
        whole = train_until_end(session, trainer, parts, best, checkpoint)
        outputs = [take_best(best, trainer, run.config, parts, whole=whole)]
        notes.take(callbacks_of(trainer), best.step, best.seen_step, twice_as_long(run.config.trainer))
        session.add(notes=notes.notes)
        save(session, parts, trainer, outputs[0])
        session.add(
            best_step=best.step if best.step is not None else trainer.global_step,
            steps=trainer.global_step,
            train_samples_per_s=round(progress.samples_per_s, 2),
            weights_sha256=weights_sha256(parts.network),
        )
        if run.config.evaluation.test and parts.data.splits["test"].ids:
            outputs.append(look_at_test(session, trainer, parts))
        outputs += [look_at_set(session, parts, name) for name in parts.data.sets]
        report(session, parts, outputs, probed)
        if run.config.model.from_run is not None and run.config.evaluation.forgetting and session.sweep is None:
            session.add(adaptation=measure_adaptation(run.config, parts.module, parts.data, parts.task, outputs))
        session.diagnose()
    best.discard()  # not before the run is recorded as completed: killed in between, it could not be resumed
    record = Record(directory.path)
    if session.sweep is None:  # a sweep has a page of its own
        write_finished(record)
    return record


def write_finished(record: Record) -> None:
    """Write the report of a finished run; the run is complete without it."""
    try:
        write_run_report(record)
    except FilesError as error:
        log.warning("the report is missing: %s", error)


@dataclass(frozen=True)
class Parts:
    """The parts of a run."""

    task: Task
    data: TextDataModule
    network: torch.nn.Module
    module: FineTuner

    @property
    def rows(self) -> dict[str, Rows]:
        """The rows of each split, and of each set of `evaluation.sets`."""
        return self.data.splits | {name: own.splits[name] for name, own in self.data.sets.items()}


def build(config: RunConfig, ready: Ready | None) -> Parts:
    """Read and encode the data, unless already done, and build the network and what trains it."""
    ground = read_groundwork(config.model) if ready is None else ready.ground
    data = build_data(config, ground=ground) if ready is None else ready.data
    if ready is None:
        data.sets = read_evaluation_sets(config, data, longest_text(config, ground))
    data.encode_all()
    task = task_of(config.task)
    network = build_network(config, data.labels, ground)
    return Parts(task, data, network, build_module(config, network, data.labels, objective_on(data, task)))


def watch(
    session: Session, config: RunConfig, parts: Parts, observers: Sequence[Callback]
) -> tuple[BestWeights, RunProgress, Trainer]:
    """Build the trainer, and return it with those of its callbacks that provide results afterwards."""
    directory, monitor = session.directory, config.evaluation.monitor
    best, progress = BestWeights(directory.checkpoints, monitor, config.evaluation.mode), RunProgress(monitor)
    every = (config.trainer.checkpoint_every_steps, config.trainer.checkpoint_every_minutes)
    callbacks = [LastCheckpoint(directory.checkpoints, *every), progress, *observers, session.stop]
    trainer = build_trainer(config, parts.data, directory.path, session.loggers, callbacks, first=[best])
    return best, progress, trainer


def train_until_end(
    session: Session, trainer: Trainer, parts: Parts, best: BestWeights, checkpoint: Path | None
) -> bool:
    """Train; return False if a loss was no number and the config asks to keep the best weights of before.

    Raises:
        NotFiniteError: A loss was no number, and nothing is to be kept.
    """
    try:
        trainer.fit(parts.module, datamodule=parts.data, ckpt_path=checkpoint, weights_only=True)
    except NotFiniteError as error:
        step = trainer.global_step
        watching = [item for item in callbacks_of(trainer) if isinstance(item, StopOnDivergence)]
        if not any(item.forgives(error, step, best.step) for item in watching):
            raise
        session.add(not_finite=True)
        return False
    return True


def take_best(best: BestWeights, trainer: Trainer, config: RunConfig, parts: Parts, *, whole: bool = True) -> Outputs:
    """Load the best weights into the network, and return their outputs on the validation data.

    Args:
        best: Keeps them.
        trainer: The run's trainer.
        config: The run's config.
        parts: The run's parts.
        whole: Whether the weights of the last step can be measured.
    """
    module, data = parts.module, parts.data
    if whole and best.seen_step != trainer.global_step:
        trainer.validate(module, datamodule=data, verbose=False)  # max_steps ended between two validations
    if best.step is not None:
        best.restore(module.network)
    else:
        monitor = config.evaluation.monitor
        log.warning("%s had no value at any validation: the best weights are unknown, the last are kept", monitor)
    if best.outputs is None:  # computed before the checkpoint, which does not hold them
        alone = build_trainer(config, data, Path(trainer.default_root_dir), [], [])
        alone.validate(module, datamodule=data, verbose=False)
        best.outputs = module.outputs["val"]
    return best.outputs


def record_start(session: Session, run: Composed, parts: Parts, checkpoint: Path | None) -> None:
    """Record provenance, data and model size before the first step.

    A resumed run keeps the provenance of its start; how it was resumed is added under `resumed`.

    Raises:
        DataError: A resumed run would continue with different rows.
    """
    data = parts.data
    total, trainable = count_parameters(parts.network)
    now = origin(run, data.splits, parts.network, data.tokenizer)
    start = Record(session.directory.path).provenance if checkpoint is not None else {}
    if start:
        compare_with_start(start, now, session.directory.path)
    session.write_provenance(start | {"resumed": [*start.get("resumed", []), now]} if start else now)
    session.write_split(data.split_record)
    session.add(
        labels=data.labels,
        data_fingerprint=data_fingerprint(data.splits),
        num_rows={name: len(rows) for name, rows in parts.rows.items()},
        **rows_by_label(data.splits, data.labels, unseen=() if run.config.evaluation.test else ("test",)),
        **data.lengths,
        num_parameters=total,
        num_trainable_parameters=trainable,
    )


def compare_with_start(start: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """Refuse to resume with different data; warn about other changes since the run's start.

    Raises:
        DataError: The data differs.
    """
    changed = [item for item in differences(start, now) if item.matters and item.name != "config_fingerprint"]
    data = [item for item in changed if item.name.partition(".")[0] == "data"]
    if data:
        raise DataError(
            f"the data has changed since the run started: {in_words(data)}. Restore it and resume, or start a new run: "
            f"tunesmith train --from {shlex.quote(str(path))}"
        )
    if changed:
        log.warning("changed since the run started, so results may not be bit-identical: %s", in_words(changed))


def announce(session: Session, run: Composed, parts: Parts) -> None:
    """Log what is about to happen: the derived quantities, and the differences from the defaults."""
    data, results, trainer = parts.data, session.results, run.config.trainer
    rows = ", ".join(f"{count:,} {split}" for split, count in results["num_rows"].items())
    labels = ", ".join(data.labels[:10]) + (", ..." if len(data.labels) > 10 else "")
    log.info("%s rows%s", rows, f"; labels: {labels}" if labels else "")
    log.info(
        "%s parameters, %s trained; %d samples per step (%d x %d), %d steps per epoch; %s, %s, %s threads",
        f"{results['num_parameters']:,}",
        f"{results['num_trainable_parameters']:,}",
        data.data.batch_size,
        data.accumulate_grad_batches,
        data.micro_batch_size,
        -(-len(data.training_dataset) // data.data.batch_size),
        trainer.accelerator,
        trainer.precision,
        trainer.threads,
    )
    if redact_config(run.saved) != run.saved:
        log.warning("a secret is left out of the saved config; write it as ${oc.env:NAME} to repeat the run from there")
    announce_start(run.config, data.labels, getattr(parts.network, "head_start", None))
    if run.overrides:
        log.info("overridden: %s", " ".join(redact_argv(run.overrides)))


def save(session: Session, parts: Parts, trainer: Trainer, measured: Outputs) -> None:
    """Write the model and load it as a user would: it must answer as measured.

    Raises:
        TrainingError: It does not, or its tokenizer formats conversations differently than in training.
    """
    data, directory = parts.data, session.directory
    session.write_model(parts.network, data.tokenizer)
    if parts.task.learns_answers(data.data, data.family):
        check_template(data.splits["train"], data.tokenizer, directory.model)
    gap = verify_saved(Record(directory.path), session.config, parts.module, data, trainer, measured)
    session.add(saved_difference=gap)


def look_at_test(session: Session, trainer: Trainer, parts: Parts) -> Outputs:
    """Evaluate on the test rows, after recording the look in the ledger."""
    session.record_look()
    trainer.test(parts.module, datamodule=parts.data, verbose=False)
    return parts.module.outputs["test"]


def look_at_set(session: Session, parts: Parts, name: str) -> Outputs:
    """Evaluate on a set of `evaluation.sets`, after recording the look in the ledger."""
    session.record_look(parts.data.sets[name].splits[name].sha256(), name)
    return measure_set(session.config, parts.module, parts.data.sets, name, session.directory.path)


Probed = Mapping[str, Mapping[str, Any]]
"""Baseline to split to what a linear probe answers."""


def before_training(session: Session, config: RunConfig, parts: Parts, checkpoint: Path | None) -> Probed:
    """Measure the untuned model, if asked for; a resumed run has done so, but for the probe."""
    evaluation = config.evaluation
    if evaluation.at_start and checkpoint is None:
        metrics = measure_untuned(config, parts.module, parts.data, session.directory.path)
        for logger in session.loggers:
            logger.log_metrics({**metrics, "epoch": 0}, 0)
    if not (evaluation.probe and evaluation.baselines) or session.sweep is not None:
        return {}
    return probe_answers(config, parts.module, parts.data, parts.task)


def beside_the_untuned(session: Session, metrics: Mapping[str, float]) -> dict[str, float]:
    """The metric that decides, of the untuned model; warn if the run is no better."""
    evaluation = session.config.evaluation
    points = Record(session.directory.path).curves() if evaluation.at_start else []
    value = next((p[evaluation.monitor] for p in points if p.get("step") == 0 and evaluation.monitor in p), None)
    if value is None:
        return {}
    mine = metrics.get(evaluation.monitor)
    if mine is not None and not better(mode_of(evaluation.monitor, evaluation), mine, value):
        log.warning("%s %.4f is no better than %.4f, that of the untuned model", evaluation.monitor, mine, value)
    return {UNTUNED: float(value)}


def report_slices(session: Session, parts: Parts, outputs: Sequence[Outputs], rows: Sequence[dict[str, Any]]) -> None:
    """Record the metrics of each slice, and warn about slices that are left out."""
    slices: list[dict[str, Any]] = []
    for output in outputs:
        own = [row for row in rows if row["split"] == output.split]
        measured, sentences = measure_slices(session.config, parts.task, parts.data.labels, output, own)
        slices += measured
        for sentence in sentences:
            log.warning("%s", sentence)
    session.add(slices=slices)


def report(session: Session, parts: Parts, outputs: Sequence[Outputs], probed: Probed) -> None:
    """Write metrics and predictions to disk and to the tracker, and warn about what could mislead."""
    task, data = parts.task, parts.data
    kept = session.config.evaluation.texts
    answered = (prediction_rows(output, parts.rows[output.split], data.labels, task, texts=kept) for output in outputs)
    rows = [row for of_split in answered for row in of_split]
    session.write_predictions(rows)
    for sentence in remarks(outputs, parts.rows, data.labels, task, len(data.tokenizer)):
        log.warning("%s", sentence)
    tables = {name: table for output in outputs for name, table in output.tables.items()}
    metrics = {name: value for output in outputs for name, value in output.defined_metrics.items()}
    intervals = headline_intervals(session.config.evaluation, rows, data.labels, metrics)
    session.add(metrics=metrics, intervals=intervals, **({"tables": tables} if tables else {}))
    calibration = measure_calibration(rows, data.labels)
    if calibration is not None:
        session.write_calibration(calibration)
    if session.config.evaluation.slices and session.sweep is None:
        report_slices(session, parts, outputs, rows)
    baselines: dict[str, dict[str, float]] = {}
    if session.config.evaluation.baselines and session.sweep is None:
        baselines, sentences = measure_baselines(
            *(session.config.evaluation, data, task, parts.module.metrics),
            *([output for output in outputs if output.split in data.splits], rows, probed),
        )
        for sentence in sentences:
            log.warning("%s", sentence)
        session.add(baselines=baselines)
    untuned = beside_the_untuned(session, metrics)
    if untuned:
        monitor = session.config.evaluation.monitor
        session.add(baselines={**baselines, monitor: baselines.get(monitor, {}) | untuned})
    shown = []
    if task.traits.pools and task.traits.weighs_labels:
        texts = [text for output in outputs for text in parts.rows[output.split].texts]
        shown = [row | {"text": text} for row, text in zip(rows, texts, strict=True)]
    session.track(metrics, shown, data.labels)
