"""What changes a training's course is written down with its reason."""

from types import SimpleNamespace

import pytest
import torch

from tunesmith import compose, train
from tunesmith.config.composing.compose import compose_from
from tunesmith.errors import NotFiniteError, TunesmithError
from tunesmith.models.module import FineTuner
from tunesmith.tracking.guarded import Guarded
from tunesmith.tracking.tracker import TrackedRun
from tunesmith.tracking.wandb.run import WandbTracker
from tunesmith.training.callbacks.divergence import StopOnDivergence

FEW = ["evaluation.test=false", "evaluation.baselines=false"]


def told(callback, losses, start=0):
    """The first step after which the callback asks to stop, None if it never does."""
    trainer = SimpleNamespace(global_step=start, should_stop=False)
    module = FineTuner(torch.nn.Linear(1, 1), optimizer=torch.optim.SGD)
    for loss in losses:
        trainer.global_step += 1
        module._step_loss, module._step = loss, {"train/lr": 0.1}
        callback.on_train_batch_end(trainer, module, None, None, 0)
        if trainer.should_stop:
            return trainer.global_step
    return None


def test_the_mean_loss_of_some_steps_has_to_exceed_a_multiple_of_the_first():
    assert told(StopOnDivergence(factor=2, steps=4), [1.0, 1.9, 1.9, 1.9, 1.9, 1.9]) is None
    assert told(StopOnDivergence(factor=2, steps=4), [1.0, 3.0, 3.0, 3.0]) == 4
    assert told(StopOnDivergence(factor=2, steps=4), [1.0, 9.0, 0.5, 0.5, 0.5, 0.5, 9.0]) == 4
    assert told(StopOnDivergence(factor=3, steps=4), [1.0, 9.0, 0.5, 0.5, 0.5, 0.5, 8.0]) is None


def test_it_goes_on_from_a_checkpoint_as_if_it_had_not_stopped():
    losses = [1.0, 0.9, 0.8, 2.5, 2.5, 2.5, 2.5]
    whole = told(StopOnDivergence(factor=2, steps=3), losses)
    first, second = StopOnDivergence(factor=2, steps=3), StopOnDivergence(factor=2, steps=3)
    assert told(first, losses[:4]) is None
    second.load_state_dict(first.state_dict())
    assert told(second, losses[4:], start=4) == whole == 6


@pytest.mark.parametrize("wrong", ["factor=1", "steps=0"])
def test_what_could_never_or_always_stop_is_refused(wrong, tiny):
    with pytest.raises(TunesmithError, match="factor must be above 1 and steps at least 1"):
        train(compose([*tiny, "callbacks=stop_on_divergence", f"callbacks.divergence.{wrong}"]))


@pytest.mark.parametrize(("asked", "count"), [(True, 1), (False, 0)])
def test_an_alert_reaches_the_client_if_asked_for(asked, count, tmp_path, monkeypatch):
    sent = []
    tracker = WandbTracker(alert=asked)
    monkeypatch.setattr(tracker, "open", lambda run: None)
    monkeypatch.setattr(tracker, "_run", SimpleNamespace(alert=lambda **message: sent.append(message)))
    guarded = Guarded(tracker)
    guarded.open(TrackedRun(tmp_path, "a run", {}))
    guarded.alert("a run failed", "because")
    assert sent == [{"title": "a run failed", "text": "because"}] * count


@pytest.mark.slow
def test_a_plateau_and_an_early_stop_are_noted(tiny, inside):
    slow = ["optimizer.lr=1e-7", "scheduler=plateau", "scheduler.patience=0", "trainer.max_epochs=9"]
    run = train(compose([*tiny, *FEW, *slow, "callbacks.early_stopping.patience=2"]))
    assert [(note["kind"], note["step"]) for note in run.notes] == [("plateau", 16), ("early_stopping", 24)]
    assert "lowered from 1e-07 to 5e-08 at step 16: val/accuracy was no better than 0." in run.notes[0]["sentence"]
    assert "did not improve in the last 2 records" in run.notes[1]["sentence"]
    shown = inside("show", run.path).stdout
    assert all(f"  - {note['sentence']}\n" in shown for note in run.notes)


@pytest.mark.slow
def test_a_training_that_diverges_is_stopped_and_says_so(tiny):
    wild = ["optimizer.lr=1", "callbacks=stop_on_divergence", "callbacks.divergence.steps=3", "trainer.max_epochs=4"]
    run = train(compose([*tiny, *FEW, *wild]))
    assert [note["kind"] for note in run.notes] == ["divergence"]
    assert run.results["steps"] == run.notes[0]["step"] < 32
    assert run.status == "completed"


@pytest.mark.slow
def test_the_best_weights_of_before_are_kept_if_a_loss_is_no_number(tiny, monkeypatch):
    step_of = FineTuner.training_step

    def broken(self, batch, batch_idx):
        if self.global_step == 20:
            raise self._not_finite(float("nan"), "train", batch["rows"][:1])
        return step_of(self, batch, batch_idx)

    monkeypatch.setattr(FineTuner, "training_step", broken)
    whole = [*tiny, *FEW, "trainer.max_epochs=4"]
    with pytest.raises(NotFiniteError):
        train(compose(whole))
    run = train(compose([*whole, "callbacks=stop_on_divergence"]))
    assert run.results["best_step"] in (8, 16)
    assert [note["kind"] for note in run.notes] == ["divergence"]
    assert run.notes[0]["sentence"].startswith("stopped at step 20 as the loss diverged: the loss is nan at step 20")
    assert [verdict["kind"] for verdict in run.diagnosis] == ["divergence"]
    assert (run.directory.model / "config.json").is_file()
    best = [point for point in run.curves() if "val/loss" in point and point["step"] == run.results["best_step"]]
    assert run.metrics["val/loss"] == pytest.approx(best[0]["val/loss"], rel=1e-6)  # curves are in fp32


@pytest.mark.slow
def test_a_best_validation_that_was_the_last_is_noted(tiny):
    run = train(compose([*tiny, *FEW, "evaluation.monitor=val/loss", "trainer.max_epochs=2"]))
    (note,) = run.notes
    assert (note["kind"], note["step"]) == ("best_was_last", run.results["steps"])
    override = note["sentence"].rpartition(", ")[2]
    assert override == "trainer.max_epochs=4"
    assert compose_from(run.path, [override]).config.trainer.max_epochs == 4
