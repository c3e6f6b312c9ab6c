"""An interrupted run that is resumed ends as if it had never been interrupted."""

import os
import random
import signal

import pytest
import pytorch_lightning as pl
import torch

from tunesmith import compose, load_run, train
from tunesmith.errors import ConfigError, FilesError
from tunesmith.training import run as story
from tunesmith.training.checkpoints import LastCheckpoint, atomically
from tunesmith.training.interruption import Interrupted
from tunesmith.training.resume import newest_unfinished, resume

LENGTH = ["trainer.max_epochs=3", "callbacks.early_stopping.patience=9"]
KINDS = {
    "plain": [],
    "accumulation": ["data.micro_batch_size=2"],
    "lora and cosine": ["method=lora", "scheduler=cosine", "scheduler.warmup_fraction=0.3"],
    "validation inside the epoch": ["trainer.val_check_interval=0.5"],
    "plateau": ["scheduler=plateau", "scheduler.patience=0"],
}


class SignalAt(pl.Callback):
    """Sends this process SIGTERM after so many micro-batches, and draws random numbers of its own."""

    def __init__(self):
        self.at = None

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        torch.rand(3)
        if self.at is not None:
            self.at -= 1
            if self.at == 0:
                self.at = None
                os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def interrupted(tiny, tmp_path, monkeypatch):
    """Train until a micro-batch and be interrupted there; answers with the record."""
    stopper = SignalAt()
    build = story.build_trainer
    monkeypatch.setattr(
        story, "build_trainer", lambda *given: build(*given[:4], [*given[4], stopper] if given[4] else [])
    )

    def run(at, *overrides):
        directory = tmp_path / f"interrupted-{random.getrandbits(40)}"
        stopper.at = at
        with pytest.raises(Interrupted) as caught:
            train(compose([*tiny, *LENGTH, *overrides, f"run.dir={directory}"]))
        assert caught.value.exit_code == 143
        return load_run(directory)

    return run


def what_counts(record):
    """All that a run found out, but for the time that it took."""
    curves = [{name: value for name, value in point.items() if name != "time_s"} for point in record.curves()]
    keys = ("weights_sha256", "best_step", "steps", "metrics", "status")
    return {key: record.results[key] for key in keys}, curves, record.predictions()


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_ends_with_the_same_bits(kind, tiny, interrupted):
    whole = train(compose([*tiny, *LENGTH, *KINDS[kind]]))
    micro_batches = 3 * 8 * (4 if kind == "accumulation" else 1)
    for at in (random.Random(kind).randrange(1, micro_batches), micro_batches // 3):
        broken = interrupted(at, *KINDS[kind])
        assert (broken.status, broken.results["exit_code"]) == ("interrupted", 143)
        assert what_counts(resume(broken)) == what_counts(whole), at


def test_the_provenance_of_the_start_stays_and_the_resume_is_added(interrupted):
    broken = interrupted(5)
    start = broken.provenance
    resumed = resume(broken)
    assert len(resumed.provenance["resumed"]) == 1
    assert {key: value for key, value in resumed.provenance.items() if key != "resumed"} == start


def test_a_complete_run_and_one_without_a_checkpoint_are_refused(finished, interrupted):
    with pytest.raises(FilesError, match="nothing to resume"):
        resume(finished)
    broken = interrupted(3)
    (broken.directory.checkpoints / "last.ckpt").write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(FilesError, match="cannot be read"):
        resume(broken)
    (broken.directory.checkpoints / "last.ckpt").unlink()
    with pytest.raises(FilesError, match="before its first checkpoint"):
        resume(broken)


def test_a_change_that_matters_is_refused_key_by_key(interrupted):
    broken = interrupted(3)
    with pytest.raises(ConfigError) as caught:
        resume(broken, ["optimizer.lr=0.5", "trainer.max_epochs=7", "run.tags=[again]"])
    assert [problem.where for problem in caught.value.problems] == ["optimizer.lr", "trainer.max_epochs"]
    assert "0.5, the run has" in str(caught.value)


def test_the_newest_unfinished_run_of_a_config_is_found(tiny, interrupted):
    from tunesmith.training.decide import decide

    broken = interrupted(3)
    root = broken.path.parent
    day = root / "runs" / "2026-01-01"
    day.mkdir(parents=True)
    os.rename(broken.path, day / "00-00-00_broken")
    same = decide(compose([*tiny, *LENGTH, f"run.root={root / 'runs'}"]))
    other = decide(compose([*tiny, *LENGTH, f"run.root={root / 'runs'}", "seed=5"]))
    assert newest_unfinished(same).path == day / "00-00-00_broken"
    assert newest_unfinished(other) is None


def test_the_same_command_goes_on_with_its_own_unfinished_run(tiny, interrupted):
    whole = train(compose([*tiny, *LENGTH]))
    broken = interrupted(6)
    day = broken.path.parent / "mine" / "2026-01-01"
    day.mkdir(parents=True)
    os.rename(broken.path, day / "00-00-00_broken")
    again = compose([*tiny, *LENGTH, f"run.root={day.parent}", "run.resume=auto"])
    resumed = train(again)
    assert resumed.path == day / "00-00-00_broken"
    assert what_counts(resumed) == what_counts(whole)
    assert train(again).path != resumed.path, "a complete run is not gone on with"


def test_checkpoints_between_epochs_lose_no_bit(tiny, interrupted):
    whole = train(compose([*tiny, *LENGTH]))
    kept = {}
    keep = LastCheckpoint._save

    def spy(self, trainer):
        keep(self, trainer)
        kept[trainer.global_step] = self.path.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LastCheckpoint, "_save", spy)
        broken = interrupted(14, "trainer.checkpoint_every_steps=5")
    assert set(kept) >= {5, 8, 13}
    (broken.directory.checkpoints / "last.ckpt").write_bytes(kept[13])  # as after a SIGKILL
    resumed = resume(broken)
    assert what_counts(resumed) == what_counts(whole)


def test_a_checkpoint_of_an_adapter_leaves_the_base_out_and_knows_it(tiny, interrupted):
    broken = interrupted(5, "method=lora")
    checkpoint = torch.load(broken.directory.checkpoints / "last.ckpt", weights_only=True)
    trained = {name for name in checkpoint["state_dict"] if "lora_" in name or "classifier" in name}
    assert trained
    assert not any("word_embeddings" in name for name in checkpoint["state_dict"])
    checkpoint["frozen_sha256"] = "0" * 64
    torch.save(checkpoint, broken.directory.checkpoints / "last.ckpt")
    with pytest.raises(FilesError, match="other frozen weights"):
        resume(broken)


def test_what_a_crash_left_half_written_is_cleared_away(tiny, interrupted):
    broken = interrupted(5)
    stale = broken.directory.checkpoints / ".last.ckpt.123.tmp"
    stale.write_bytes(b"half")
    resume(broken)
    assert not stale.exists()


def test_the_verb_goes_on_and_ends_with_the_directory(interrupted, inside):
    broken = interrupted(5)
    done = inside("resume", broken.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(broken.path)
    assert load_run(broken.path).status == "completed"
    again = inside("resume", broken.path)
    assert (again.returncode, "nothing to resume" in again.stderr) == (5, True)


def test_a_write_that_fails_leaves_the_previous_file_and_nothing_else(tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"good")

    def fail(temporary):
        temporary.write_bytes(b"half")
        raise RuntimeError("unexpected pos 64 vs 0")

    with pytest.raises(FilesError, match="is the disk full"):
        atomically(path, fail)
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_failed_after_its_training_only_does_the_rest(tiny, tmp_path, monkeypatch):
    whole = train(compose([*tiny, *LENGTH]))
    with monkeypatch.context() as patch:
        patch.setattr(story, "save_model", lambda *given: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(FilesError, match="No space left"):
            train(compose([*tiny, *LENGTH, f"run.dir={tmp_path / 'full'}"]))
    resumed = resume(load_run(tmp_path / "full"))
    assert what_counts(resumed) == what_counts(whole)
    assert [path.name for path in resumed.directory.checkpoints.iterdir()] == ["last.ckpt"]
