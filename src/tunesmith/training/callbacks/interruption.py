"""Handle signals: stop at the end of a step with a checkpoint, and reflect it in the exit code."""

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
    """A signal asked the run to stop. Not an Exception: only the run's own ending may catch it."""

    status: Literal["interrupted", "pruned"] = "interrupted"

    def __init__(self, signum: int) -> None:
        super().__init__(f"received {signal.Signals(signum).name}")
        self.exit_code = 130 if signum == signal.SIGINT else 143


class Pruned(Interrupted):
    """A sweep ended the run early; it may continue from its last checkpoint."""

    status = "pruned"

    def __init__(self, reason: str) -> None:
        BaseException.__init__(self, reason)
        self.exit_code = 0


class StopAtStep(pl.Callback):
    """On SIGINT, SIGTERM or SIGUSR1, writes a checkpoint at the next optimizer step and ends the run.

    Checkpoints do not hold partial gradients, so a stop inside an accumulation window could not be resumed exactly. A
    validation that is due first is completed: a resume would not repeat it. A second signal ends the run at once.

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
        if threading.current_thread() is not threading.main_thread():  # Python delivers signals only to the main thread
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
        """From here on, a signal waits for the end of the step; replaces Lightning's own handlers."""
        if threading.current_thread() is threading.main_thread():
            self._install()
        self.training = True

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, idx: int) -> None:
        """Stop here after a signal if no step is in progress: the last one is logged, and validated if due."""
        if self.requested is not None and between_steps(trainer, idx):
            trainer.save_checkpoint(self.checkpoint)
            self._stop()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop after an epoch and its validation; the callback before this one has written its checkpoint."""
        self._stop()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop waiting for a next step, as there is none."""
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
