"""Exports a finished run's model to a folder for sharing."""

from __future__ import annotations

import shutil
from pathlib import Path

from tunesmith.config.methods import is_prompt
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.models.merging import merge_adapter
from tunesmith.models.probe import probe
from tunesmith.reporting.run.model_card import model_card
from tunesmith.runs.record import Record
from tunesmith.storage import write_text
from tunesmith.training.ends import save_ends
from tunesmith.training.networks import base_is_saved, load_model
from tunesmith.training.saved import verify_merged


def export(record: Record, folder: Path, *, merge: bool) -> Path:
    """Write the model or adapter, the tokenizer and a model card.

    Args:
        record: The run.
        folder: The folder to write; must be missing or empty.
        merge: Merge an adapter into its base, so plain transformers can load the model.

    Raises:
        ConfigError: The adapter cannot be merged, or its base is saved nowhere.
        FilesError: The run has no model, or the folder cannot be written.
    """
    model = record.best_weights()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FilesError(f"{folder} already exists: name another with --output")
    adapter = (model / "adapter_config.json").is_file()
    if adapter and not base_is_saved(record.config["model"]):
        _refuse_alone(record, merge=merge)
    if adapter and not merge:
        _refuse_random_start(record)
    try:
        if adapter and merge:
            _merged(record, folder)
        else:
            shutil.copytree(model, folder, dirs_exist_ok=True)
        write_text(folder / "README.md", model_card(record, adapter=adapter and not merge))
    except OSError as error:
        raise FilesError(f"cannot write {error.filename or folder}: {error.strerror or error}") from error
    return folder


def _refuse_alone(record: Record, *, merge: bool) -> None:
    """Refuse to export an adapter without its base; plain peft would find none, or use a wrong one.

    Raises:
        ConfigError: The adapter is not to be merged, or cannot be.
    """
    rule = "the weights under this adapter are saved nowhere (they are random, or hold an earlier run's adapter)"
    if is_prompt(record.config["method"].get("_target_")):
        rule = f"{rule}, and a prompt cannot be merged into them"
        hint = f"Use the run itself: tunesmith predict {record.argument} INPUT, or tunesmith.load_model"
        raise ConfigError([Problem("RUN", rule, str(record.path), hint)])
    if not merge:
        hint = f"Merge it into them: tunesmith export {record.argument} --merge"
        raise ConfigError([Problem("--merge", f"is required: {rule}", None, hint)])


def _refuse_random_start(record: Record) -> None:
    """Refuse to export an adapter that plain peft would apply to a base other than the one it was trained on.

    Raises:
        ConfigError: Its initialisation removed a random approximation from the base, which depends on the run's seed.
    """
    start = str(record.config["method"].get("init_lora_weights"))
    if start.startswith("pissa_niter"):
        rule = f"is required: {start} removed a random approximation from the base, and peft would remove another one"
        raise ConfigError([Problem("--merge", rule, None, f"tunesmith export {record.argument} --merge")])


def _merged(record: Record, folder: Path) -> None:
    trained = load_model(record)
    hint = "Export it without --merge"
    if not base_is_saved(record.config["model"]):
        hint = f"Use the run itself: tunesmith predict {record.argument} INPUT, or tunesmith.load_model"
    expected = probe(trained.network)
    merge_adapter(trained.network, "--merge", hint).save_pretrained(folder)  # type: ignore[operator]
    trained.tokenizer.save_pretrained(folder)
    save_ends(trained.network, folder)
    if record.directory.calibration.is_file():  # the merged model answers alike, so its temperature is the same
        shutil.copy(record.directory.calibration, folder)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors writes files that only their owner can read
    verify_merged(folder, trained.config, trained.labels, expected)
