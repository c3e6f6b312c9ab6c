"""Show progress while a run trains."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 10.0
"""Seconds between two lines if the output is not a terminal."""


class RunProgress(pl.Callback):
    """Shows epoch, step, samples per second, loss, monitored metric and time left: a bar, or lines without a terminal.

    Args:
        monitor: The metric to show.
        console: Where to write; standard error by default, to keep standard output clean.
    """

    def __init__(self, monitor: str, console: Console | None = None) -> None:
        self.monitor = monitor
        self.console = console or Console(stderr=True)
        self.samples = 0
        self.train_s = 0.0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._loss: float | None = None
        self._batch_start = 0.0
        self._last_line = 0.0

    @property
    def samples_per_s(self) -> float:
        """Training samples per second of training time, excluding validation."""
        return self.samples / self.train_s if self.train_s else 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar."""
        self._last_line = time.monotonic()
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self.console)
            self._task = self._bar.add_task("train", total=self._total(trainer), completed=trainer.global_step)
            self._bar.start()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, idx: int) -> None:
        """Start the clock."""
        self._batch_start = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar."""
        now = time.monotonic()
        self.train_s += now - self._batch_start
        self.samples += len(batch["labels"])
        if "train/loss" in trainer.callback_metrics:  # available from the first optimizer step on
            self._loss = float(trainer.callback_metrics["train/loss"])
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=trainer.global_step, description=self._describe(trainer))
        elif now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            left = (self._total(trainer) - trainer.global_step) * self.train_s / max(1, trainer.global_step)
            line = f"{self._describe(trainer)}  step {self._step(trainer)}  about {left:.0f} s left"
            self.console.print(line, soft_wrap=True)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the result of a validation."""
        if self.monitor in trainer.callback_metrics:
            loss = float(trainer.callback_metrics["val/loss"])
            value = float(trainer.callback_metrics[self.monitor])
            shown = "" if self.monitor == "val/loss" else f"  {self.monitor} {value:.4f}"
            self.console.print(f"step {self._step(trainer)}  val/loss {loss:.4f}{shown}", soft_wrap=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the bar."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the error is readable."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _describe(self, trainer: pl.Trainer) -> str:
        epochs = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        loss = [] if self._loss is None else [f"loss {self._loss:.4f}"]
        parts = [f"epoch {trainer.current_epoch + 1}{epochs}", *loss, f"{self.samples_per_s:.0f} samples/s"]
        if self.monitor in trainer.callback_metrics:
            parts.append(f"{self.monitor} {float(trainer.callback_metrics[self.monitor]):.4f}")
        return "  ".join(parts)

    def _step(self, trainer: pl.Trainer) -> str:
        return f"{trainer.global_step}/{self._total(trainer)}"

    @staticmethod
    def _total(trainer: pl.Trainer) -> int:
        return int(trainer.estimated_stepping_batches)
