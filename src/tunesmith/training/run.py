"""The story of a run."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, Trainer

from tunesmith.config.composing.compose import Composed
from tunesmith.data.datamodule import TextDataModule
from tunesmith.data.splits import fingerprint as data_fingerprint
from tunesmith.errors import DataError
from tunesmith.models.methods import count_parameters
from tunesmith.models.module import FineTuner, Outputs
from tunesmith.models.trust import trusting
from tunesmith.models.weights import weights_sha256
from tunesmith.provenance.collect import origin
from tunesmith.provenance.compare import differences, in_words
from tunesmith.redaction import redact_argv, redact_config
from tunesmith.runs.directory import RunDirectory
from tunesmith.runs.ledger import record_look
from tunesmith.runs.record import Record
from tunesmith.storage import write_json, write_lines
from tunesmith.tasks.registry import task_of
from tunesmith.tasks.task import Task
from tunesmith.training.build import build_data, build_module, build_network, build_trainer, objective_on
from tunesmith.training.callbacks.checkpoints import BestWeights, LastCheckpoint, forget_after, place_of
from tunesmith.training.callbacks.progress import RunProgress
from tunesmith.training.ends import check_template, save_ends
from tunesmith.training.logs import Warnings
from tunesmith.training.predictions import prediction_rows
from tunesmith.training.remarks import remarks
from tunesmith.training.saved import hold_saved
from tunesmith.training.session import Session, open_session
from tunesmith.training.warm_start import announce_start

log = logging.getLogger("tunesmith")


@dataclass(frozen=True)
class Ready:
    """What is known of a run before its directory is opened."""

    data: TextDataModule
    warnings: Warnings


def execute(
    run: Composed,
    directory: RunDirectory,
    name: str,
    trust: Sequence[str] = (),
    checkpoint: Path | None = None,
    observers: Sequence[Callback] = (),
    ready: Ready | None = None,
) -> Record:
    """The run itself, in its open directory: from the start, or on from a checkpoint.

    Args:
        run: The config, with its decisions made.
        directory: The run's directory.
        name: The run's name for people.
        trust: Modules of the user's own that `_target_`s may name, and models whose own code may run.
        checkpoint: Where to go on from.
        observers: Callbacks that watch the run without changing its result.
        ready: The data where it is read already, with what was warned of then; None reads it now.

    Returns:
        The finished run.

    Raises:
        TunesmithError: The run failed; its directory says how.
        Interrupted: A signal ended it.
    """
    config = run.config
    with open_session(run, directory, name, ready.warnings if ready is not None else None) as session, trusting(trust):
        data = build_data(config) if ready is None else ready.data
        data.encode_all()
        task = task_of(config.task)
        network = build_network(config, data.labels)
        module = build_module(config, network, data.labels, objective_on(data, task))
        describe(session, run, data, network, trust, checkpoint)
        if checkpoint is not None:
            forget_after(Record(directory.path), place_of(checkpoint)[0])

        best = BestWeights(directory.checkpoints, config.evaluation.monitor, config.evaluation.mode)
        progress = RunProgress(config.evaluation.monitor)
        every = (config.trainer.checkpoint_every_steps, config.trainer.checkpoint_every_minutes)
        callbacks = [LastCheckpoint(directory.checkpoints, *every), progress, *observers, session.stop]
        trainer = build_trainer(config, data, directory.path, session.loggers, callbacks, first=[best])
        announce(session, run, data, network)
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        outputs = [take_best(best, trainer, module, data, run)]
        save_model(network, data, directory, task)
        gap = hold_saved(Record(directory.path), config, module, data, trainer, outputs[0])
        session.add(
            saved_difference=gap,
            best_step=best.step if best.step is not None else trainer.global_step,
            steps=trainer.global_step,
            train_samples_per_s=round(progress.samples_per_s, 2),
            weights_sha256=weights_sha256(network),
        )
        if config.evaluation.test and data.splits["test"].ids:
            look_at_test(session, data)
            trainer.test(module, datamodule=data, verbose=False)
            outputs.append(module.outputs["test"])
        report(session, data, outputs, task)
        best.discard()
    return Record(directory.path)


def take_best(best: BestWeights, trainer: Trainer, module: FineTuner, data: TextDataModule, run: Composed) -> Outputs:
    """Put the best weights into the network; what they answer on validation data."""
    if best.seen_step != trainer.global_step:
        trainer.validate(module, datamodule=data, verbose=False)  # max_steps ended between two validations
    if best.step is not None:
        best.restore(module.network)
    else:
        monitor = run.config.evaluation.monitor
        log.warning("%s had no value at any validation: nothing tells the best weights, and the last are kept", monitor)
    if best.outputs is None:  # they were computed before the checkpoint, which does not hold them
        alone = build_trainer(run.config, data, Path(trainer.default_root_dir), [], [])
        alone.validate(module, datamodule=data, verbose=False)
        best.outputs = module.outputs["val"]
    return best.outputs


def describe(
    session: Session, run: Composed, data: TextDataModule, network: Any, trust: Sequence[str], checkpoint: Path | None
) -> None:
    """Write what goes into the run before the first step: provenance, data, size of the model.

    The provenance of a resumed run stays that of its start; how it was resumed is added under `resumed`.

    Raises:
        DataError: A resumed run would go on with other rows than it started with.
    """
    total, trainable = count_parameters(network)
    found = origin(run, data.splits, network, data.tokenizer, trust)
    start = Record(session.directory.path).provenance if checkpoint is not None else {}
    if start:
        hold_against(start, found, session.directory.path)
        found = start | {"resumed": [*start.get("resumed", []), found]}
    write_json(session.directory.provenance, found)
    session.add(
        labels=data.labels,
        data_fingerprint=data_fingerprint(data.splits),
        num_rows={name: len(rows) for name, rows in data.splits.items()},
        **data.lengths,
        num_parameters=total,
        num_trainable_parameters=trainable,
    )


def hold_against(start: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """Refuse to go on with other data than a run started with; say what else is not as it was.

    Raises:
        DataError: The data differs.
    """
    found = [item for item in differences(start, now) if item.matters and item.name != "config_fingerprint"]
    data = [item for item in found if item.name.partition(".")[0] == "data"]
    if data:
        raise DataError(
            f"the data is not that of the run's start: {in_words(data)}. Put it back and resume, or start a run on it: "
            f"tunesmith train --from {shlex.quote(str(path))}"
        )
    if found:
        log.warning("not as at the run's start, so that the end may not be the same bits: %s", in_words(found))


def announce(session: Session, run: Composed, data: TextDataModule, network: Any) -> None:
    """Say what is about to happen: the derived quantities, and what differs from the defaults."""
    results, trainer = session.results, run.config.trainer
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
    announce_start(run.config, data.labels, getattr(network, "head_start", None))
    if run.overrides:
        log.info("overridden: %s", " ".join(redact_argv(run.overrides)))


def save_model(network: Any, data: TextDataModule, directory: RunDirectory, task: Task) -> None:
    """Write weights (or the adapter alone) and tokenizer in the Hugging Face layout."""
    network.save_pretrained(directory.model)
    data.tokenizer.save_pretrained(directory.model)
    save_ends(network, directory.model)
    if task.learns_answers(data.data, data.family):
        check_template(data.splits["train"], data.tokenizer, directory.model)
    (directory.model / "README.md").unlink(missing_ok=True)  # peft's form of a model card, with nothing filled in
    for file in directory.model.iterdir():
        file.chmod(0o644)  # safetensors makes files that only their owner can read


def look_at_test(session: Session, data: TextDataModule) -> None:
    """Enter the look into the ledger before it is taken."""
    number = record_look(
        Path(session.config.run.root),
        data_fingerprint=session.results["data_fingerprint"],
        run=session.directory.path,
        reason="train",
    )
    if number > 1:
        log.info("look number %d at this test set; choose by validation, not by this number", number)


def report(session: Session, data: TextDataModule, outputs: Sequence[Outputs], task: Task) -> None:
    """Write metrics and predictions, to disk and to the tracker."""
    rows = [row for output in outputs for row in prediction_rows(output, data.splits[output.split], data.labels, task)]
    write_lines(session.directory.predictions, rows)
    metrics = {name: value for output in outputs for name, value in output.defined_metrics.items()}
    for sentence in remarks(outputs, data.splits, data.labels, task, len(data.tokenizer)):
        log.warning("%s", sentence)
    tables = {name: table for output in outputs for name, table in output.tables.items()}
    session.add(metrics=metrics, **({"tables": tables} if tables else {}))
    if session.tracker is not None:
        session.tracker.summarise(metrics)
        if task.traits.pools and task.traits.weighs_labels:
            texts = [text for output in outputs for text in data.splits[output.split].texts]
            session.tracker.log_predictions(
                [row | {"text": text} for row, text in zip(rows, texts, strict=True)], data.labels
            )
        session.tracker.log_model(session.directory.model)
