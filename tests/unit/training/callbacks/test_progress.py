"""What a person sees while a run trains: nothing that is not known yet."""

import io
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from tunesmith.training.callbacks import progress
from tunesmith.training.callbacks.progress import RunProgress


@pytest.mark.parametrize("terminal", [True, False])
def test_there_is_no_loss_before_the_first_optimizer_step(terminal, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    shown = io.StringIO()
    bar = RunProgress("val/accuracy", Console(file=shown, force_terminal=terminal, width=200))
    trainer = SimpleNamespace(
        callback_metrics={}, global_step=0, current_epoch=0, max_epochs=2, estimated_stepping_batches=4
    )
    batch = {"labels": torch.zeros(3)}

    def micro_batch(number):
        before = len(shown.getvalue())
        bar.on_train_batch_start(trainer, None, batch, number)
        bar.on_train_batch_end(trainer, None, None, batch, number)
        if terminal:
            bar._bar.refresh()
        return shown.getvalue()[before:]

    bar.on_train_start(trainer, None)
    early = [micro_batch(number) for number in range(3)]
    trainer.callback_metrics, trainer.global_step = {"train/loss": torch.tensor(0.6931)}, 1
    late = micro_batch(3)
    bar.on_train_end(trainer, None)
    assert all("samples/s" in text for text in early), "it is alive"
    assert not any("loss" in text for text in early)
    assert "loss 0.6931" in late
    assert "nan" not in shown.getvalue()
