"""Signals: stop at a step's end with a checkpoint, and say so in the exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import pytorch_lightning as pl

from tunesmith.training.callbacks.checkpoints import between_steps


class Interrupted(BaseException):
    """A signal asked the run to stop. Not an Exception: nothing but the run's own end may catch it."""

    status: Literal["interrupted", "pruned"] = "interrupted"

    def __init__(self, signum: int) -> None:
        super().__init__(f"received {signal.Signals(signum).name}")
        self.exit_code = 130 if signum == signal.SIGINT else 143


class Pruned(Interrupted):
    """A sweep ends the run early; it may go on from its last checkpoint."""

    status = "pruned"

    def __init__(self, reason: str) -> None:
        BaseException.__init__(self, reason)
        self.exit_code = 0


class StopAtStep(pl.Callback):
    """On SIGINT, SIGTERM or SIGUSR1, writes a checkpoint at the next optimizer step and ends the run.

    Partial gradients are in no checkpoint, so that a stop inside an accumulation window could not be continued exactly.
    A validation that comes first is waited for: a resume would not repeat it. A second signal ends the run at once.

    Args:
        checkpoint: Where to write the checkpoint.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.training = False
        self.requested: int | None = None

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Handle signals inside the block; outside the training loop they end the block at once."""
        if threading.current_thread() is not threading.main_thread():  # Python hands signals to the main thread alone
            yield
            return
        before = {signum: signal.getsignal(signum) for signum in self.SIGNALS}
        self._install()
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """From here a signal waits for the step's end; Lightning's own handlers are put aside."""
        if threading.current_thread() is threading.main_thread():
            self._install()
        self.training = True

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, idx: int) -> None:
        """Stop here if a signal came and no step is under way: the last is logged, and validated if that was due."""
        if self.requested is not None and between_steps(trainer, idx):
            trainer.save_checkpoint(self.checkpoint)
            self._stop()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop after an epoch and its validation; its checkpoint was written by the callback before this one."""
        self._stop()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """There is no next step to wait for."""
        self.training = False
        self._stop()

    def _stop(self) -> None:
        if self.requested is not None:
            raise Interrupted(self.requested)

    def _install(self) -> None:
        for signum in self.SIGNALS:
            signal.signal(signum, self._handle)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.training and self.requested is None:
            self.requested = signum
            return
        raise Interrupted(signum)
