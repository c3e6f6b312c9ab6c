"""Save the last state of a run, to resume from, and its best weights, to keep."""

from __future__ import annotations

import logging
import shlex
import time
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import WeightAveraging
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tunesmith.errors import FilesError
from tunesmith.evaluation.metrics import better
from tunesmith.models.module import FineTuner, Outputs
from tunesmith.runs.record import Record
from tunesmith.storage import replace_file, write_points

log = logging.getLogger("tunesmith")

LAST = "last.ckpt"
BEST = "best.safetensors"


def verify(checkpoint: Path) -> None:
    """Read a checkpoint back: first every byte against its checksum, then its structure.

    Raises:
        RuntimeError: It differs from what was to be written.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise RuntimeError(f"the file just written cannot be read back: {error}") from error
    if damaged is not None:
        raise RuntimeError(f"the file just written is damaged: {damaged}")
    torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes Lightning's checkpoint files so that a crash never destroys the previous one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint atomically, in the target's own folder; it replaces the previous one once verified."""

        def write(temporary: Path) -> None:
            torch.save(checkpoint, temporary)
            verify(temporary)

        Path(path).parent.mkdir(exist_ok=True)
        replace_file(Path(path), write, failures=(RuntimeError,))  # torch raises it for a full disk


def between_steps(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Whether no optimizer step is in progress before this micro-batch: checkpoints do not hold partial gradients."""
    return batch_idx % trainer.accumulate_grad_batches == 0


class LastCheckpoint(pl.Callback):
    """Keeps `last.ckpt`: the state at the end of each epoch, and in between at the configured interval.

    Args:
        folder: Where the file is kept.
        every_steps: Optimizer steps between checkpoints.
        every_minutes: Minutes between checkpoints.
    """

    def __init__(self, folder: Path, every_steps: int | None = None, every_minutes: float | None = None) -> None:
        self.path = folder / LAST
        self.every_steps = every_steps
        self.every_minutes = every_minutes
        self._step = 0
        self._time = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start counting."""
        self._step, self._time = trainer.global_step, time.monotonic()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, idx: int) -> None:
        """Write a checkpoint if one is due."""
        if between_steps(trainer, idx) and self._due(trainer.global_step):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoint of the epoch."""
        self._save(trainer)

    def _due(self, step: int) -> bool:
        by_steps = self.every_steps is not None and step - self._step >= self.every_steps
        minutes = (time.monotonic() - self._time) / 60
        return by_steps or (self.every_minutes is not None and step > self._step and minutes >= self.every_minutes)

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.path)
        self._step, self._time = trainer.global_step, time.monotonic()


class BestWeights(pl.Callback):
    """Keeps the weights with the best value of the monitor, with their predictions.

    Args:
        folder: Where the weights are kept.
        monitor: `val/<name>`.
        mode: `max` or `min`.
    """

    def __init__(self, folder: Path, monitor: str, mode: str) -> None:
        self.path = folder / BEST
        self.monitor = monitor
        self.mode = mode
        self.value: float | None = None
        self.step: int | None = None
        self.outputs: Outputs | None = None
        self.seen_step: int | None = None
        self._measured: dict[str, torch.Tensor] | None = None

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep frozen weights out of an average, which rounds them; this runs before the averaging callback."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, WeightAveraging) and callback._average_model is not None:
                pairs = zip(callback._average_model.module.parameters(), pl_module.parameters(), strict=True)
                for average, own in pairs:
                    if not own.requires_grad:
                        average.data.copy_(own.data)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Do the same, and warn if an average received no weights."""
        self.on_validation_epoch_start(trainer, pl_module)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            average = callback._average_model if isinstance(callback, WeightAveraging) else None
            if average is not None and int(average.n_averaged) == 0:
                log.warning(
                    "%s averaged no weights in %d steps: the weights measured and saved are those that the training "
                    "started from. Start it earlier, or train for more steps",
                    type(callback).__name__,
                    trainer.global_step,
                )

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Store the measured weights if a callback swaps its average into the network for validation only.

        This callback runs before such a callback, which puts the last step's weights back in the same hook.
        """
        assert isinstance(pl_module, FineTuner)
        if any(isinstance(callback, WeightAveraging) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            self._measured = {name: tensor.clone() for name, tensor in trained_tensors(pl_module.network).items()}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights if they are the best so far."""
        if trainer.sanity_checking:
            return
        assert isinstance(pl_module, FineTuner)
        self.seen_step = trainer.global_step
        value = float(trainer.callback_metrics[self.monitor])
        if better(self.mode, value, self.value):
            self.value, self.step = value, trainer.global_step
            self.outputs = pl_module.outputs["val"]
            tensors = trained_tensors(pl_module.network) if self._measured is None else self._measured
            self.path.parent.mkdir(exist_ok=True)
            replace_file(self.path, lambda temporary: save_file(tensors, temporary), failures=(SafetensorError,))
        self._measured = None

    def restore(self, network: torch.nn.Module) -> None:
        """Load the best weights into the network.

        Raises:
            FilesError: The file is missing or damaged.
        """
        try:
            saved = load_file(self.path)
        except (OSError, ValueError, SafetensorError) as error:
            raise FilesError(f"cannot read the best weights {self.path}: {error}") from error
        with torch.no_grad():
            for name, tensor in trained_tensors(network).items():
                tensor.copy_(saved[name])

    def discard(self) -> None:
        """Delete the file, which the run's saved model makes redundant."""
        self.path.unlink(missing_ok=True)

    def state_dict(self) -> dict[str, Any]:
        """Value and step of the best weights, for a checkpoint."""
        return {"value": self.value, "step": self.step, "seen_step": self.seen_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.value, self.step, self.seen_step = (state_dict[name] for name in ("value", "step", "seen_step"))


def trained_tensors(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The tensors that training changes: trainable parameters (tied ones once) and buffers, by name."""
    tensors = {name: p.data for name, p in network.named_parameters() if p.requires_grad}
    persistent = network.state_dict().keys()
    return tensors | {name: buffer for name, buffer in network.named_buffers() if name in persistent}


def steps_of_checkpoint(checkpoint: Path) -> tuple[int, int]:
    """The optimizer step at which a checkpoint was written, and the number of completed epochs.

    Raises:
        FilesError: The checkpoint is missing or unreadable.
    """
    if not checkpoint.is_file():
        raise FilesError(f"{checkpoint} does not exist: the run ended before its first checkpoint. Train it again")
    size = checkpoint.stat().st_size
    anew = f"Start again from its config: tunesmith train --from {shlex.quote(str(checkpoint.parent.parent))}"
    if not zipfile.is_zipfile(checkpoint):
        fault = "is empty" if size == 0 else f"is not a checkpoint ({size:,} bytes)"
        raise FilesError(f"{checkpoint} cannot be read: it {fault}. {anew}")
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        progress = state["loops"]["fit_loop"]["epoch_progress"]["current"]
        return int(state["global_step"]), int(progress["processed"])
    except Exception as error:  # torch raises various errors for a damaged file, with advice for its author
        raise FilesError(
            f"{checkpoint} cannot be read: it is damaged, or not a run's checkpoint ({size:,} bytes). {anew}"
        ) from error


def forget_after(record: Record, step: int) -> None:
    """Drop the curves' points after a step; a resumed run produces them again."""
    kept = [point for point in record.curves() if isinstance(point.get("step"), int) and point["step"] <= step]
    write_points(record.directory.metrics, kept)
    if not any("val/loss" in point for point in kept):
        (record.directory.checkpoints / BEST).unlink(missing_ok=True)
