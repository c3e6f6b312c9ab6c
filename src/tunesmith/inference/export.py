"""A finished run's model as a folder of its own, to be given away."""

from __future__ import annotations

import shutil
from pathlib import Path

from tunesmith.config.methods import is_prompt
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.models.merging import put_into_base
from tunesmith.models.probe import probe
from tunesmith.reporting.run.model_card import model_card
from tunesmith.runs.record import Record
from tunesmith.storage import write_text
from tunesmith.training.ends import save_ends
from tunesmith.training.networks import base_is_saved, load_model
from tunesmith.training.saved import hold_merged


def export(record: Record, folder: Path, *, merge: bool) -> Path:
    """Write model or adapter, tokenizer and model card.

    Args:
        record: The run.
        folder: Where to; must not exist, or be empty.
        merge: Put an adapter into its base, so that plain transformers loads the whole.

    Raises:
        ConfigError: The adapter is of a kind that cannot be merged, or stands on a base that nobody else has.
        FilesError: The run has no model, or the folder cannot be written.
    """
    model = record.best_weights()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FilesError(f"{folder} exists already: name another with --output")
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
    """Refuse to give an adapter away without its base; plain peft would find none, or take another for it.

    Raises:
        ConfigError: It is to stay an adapter.
    """
    rule = "the weights under this adapter are saved nowhere (they are random, or hold an earlier run's adapter)"
    if is_prompt(record.config["method"].get("_target_")):
        rule = f"{rule}, and a prompt cannot be put into them"
        hint = f"Answer with the run itself: tunesmith predict {record.argument} INPUT, or tunesmith.load_model"
        raise ConfigError([Problem("RUN", rule, str(record.path), hint)])
    if not merge:
        hint = f"Put it into them: tunesmith export {record.argument} --merge"
        raise ConfigError([Problem("--merge", f"is required: {rule}", None, hint)])


def _refuse_random_start(record: Record) -> None:
    """Refuse to give an adapter away that plain peft would put on another base than it was trained on.

    Raises:
        ConfigError: Its start took a random approximation out of the base, which only the run's seed gives again.
    """
    start = str(record.config["method"].get("init_lora_weights"))
    if start.startswith("pissa_niter"):
        rule = f"is required: {start} took a random approximation out of the base, and peft would take another one"
        raise ConfigError([Problem("--merge", rule, None, f"tunesmith export {record.argument} --merge")])


def _merged(record: Record, folder: Path) -> None:
    trained = load_model(record)
    hint = "Export it without --merge"
    if not base_is_saved(record.config["model"]):
        hint = f"Answer with the run itself: tunesmith predict {record.argument} INPUT, or tunesmith.load_model"
    expected = probe(trained.network)
    put_into_base(trained.network, "--merge", hint).save_pretrained(folder)  # type: ignore[operator]
    trained.tokenizer.save_pretrained(folder)
    save_ends(trained.network, folder)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors makes files that only their owner can read
    hold_merged(folder, trained.config, trained.labels, expected)
