"""An interrupted run that is resumed ends as if it had never been interrupted."""

import json
import os
import random
import shlex
import shutil
import signal

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from tunesmith import compose, load_run, train
from tunesmith.errors import ConfigError, DataError, FilesError
from tunesmith.storage import locked, write_json
from tunesmith.training import run as story
from tunesmith.training.callbacks.checkpoints import BEST, AtomicCheckpointIO, BestWeights, LastCheckpoint
from tunesmith.training.callbacks.interruption import Interrupted
from tunesmith.training.resume import newest_unfinished, resume

LENGTH = ["trainer.max_epochs=3", "callbacks.early_stopping.patience=9"]
KINDS = {
    "gradual": ["method=gradual", "method.unfrozen_by=0.8", "optimizer.layer_decay=0.9"],
    "a head of ours": ["model=tiny_causal", "method=last_layers", "method.layers=1", "model.head.pooling=last"],
    "validation inside the epoch": ["trainer.val_check_interval=0.5"],
    "validation at steps": ["trainer.val_check_interval=3", "data.micro_batch_size=2"],
    "validation over epochs": [
        "trainer.val_check_interval=5",
        "+trainer.check_val_every_n_epoch=null",
        "data.micro_batch_size=2",
    ],
    "language modeling": ["task=language_modeling", "model=tiny_causal", "data.micro_batch_size=4"],
    "an average": ["+callbacks.a._target_=pytorch_lightning.callbacks.WeightAveraging", "data.micro_batch_size=4"],
    "an average of adapters": [
        *("method=lora", "+callbacks.a._target_=pytorch_lightning.callbacks.EMAWeightAveraging"),
        *("+callbacks.a.decay=0.8", "+callbacks.a.update_every_n_steps=0", "+callbacks.a.update_starting_at_epoch=0"),
    ],
    "plateau": ["scheduler=plateau", "scheduler.patience=0"],
}


class SignalAt(pl.Callback):
    """Sends this process SIGTERM after so many micro-batches, and draws random numbers of its own."""

    def __init__(self):
        self.at = None

    def draw(self, *args):
        random.random(), np.random.rand(3), torch.rand(3)

    on_train_start = on_train_epoch_start = on_train_batch_start = on_validation_batch_end = on_train_epoch_end = draw

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.draw()
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
        story,
        "build_trainer",
        lambda *given, **more: build(*given[:4], [*given[4], stopper] if given[4] else [], **more),
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_ends_with_the_same_bits(kind, tiny, interrupted):
    whole = train(compose([*tiny, *LENGTH, *KINDS[kind]]))
    per_step = {"validation at steps": 4, "validation over epochs": 4, "language modeling": 2, "an average": 2}
    at = random.Random(kind).randrange(1, 3 * 8 * per_step.get(kind, 1))
    broken = interrupted(at, *KINDS[kind])
    assert (broken.status, broken.results["exit_code"]) == ("interrupted", 143)
    assert what_counts(resume(broken)) == what_counts(whole), at


WARM = ["scheduler=linear", "scheduler.warmup_fraction=0.3"]
ANYWHERE = {
    "plain": (8, WARM),
    "accumulation": (30, [*WARM, "data.micro_batch_size=2"]),
    "lora": (15, [*WARM, "method=lora", "data.micro_batch_size=4"]),
    "lora in bf16": (8, ["scheduler=cosine", "method=lora", "trainer.precision=bf16-mixed"]),
}
"""Micro-batches per epoch of 59 rows, and overrides."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ANYWHERE)
def test_three_points_anywhere_with_any_number_of_loading_processes(kind, tiny, request):
    """Twelve in all, at an epoch's and the run's last micro-batch too; the whole run alone has nothing that draws."""
    epoch, overrides = ANYWHERE[kind]
    whole = train(compose([*tiny, *LENGTH, *overrides]))
    interrupted = request.getfixturevalue("interrupted")  # from here on a callback draws random numbers
    draw = random.Random(kind)
    for at in (draw.randrange(1, 3 * epoch), draw.choice((epoch, 2 * epoch)), 3 * epoch):
        before, after = draw.choice((0, 1, 2)), draw.choice((0, 1, 2))
        broken = interrupted(at, *overrides, f"data.num_workers={before}")
        resumed = resume(broken, [f"data.num_workers={after}"])
        assert what_counts(resumed) == what_counts(whole), (at, before, after)


@pytest.mark.slow
def test_the_provenance_of_the_start_stays_and_the_resume_is_added(interrupted):
    broken = interrupted(5)
    start = broken.provenance
    resumed = resume(broken)
    assert len(resumed.provenance["resumed"]) == 1
    assert {key: value for key, value in resumed.provenance.items() if key != "resumed"} == start


@pytest.mark.slow
def test_the_whole_run_counts_in_start_time_and_memory(interrupted):
    broken = interrupted(5)
    first = {"started": "2026-01-01T00:00:00+00:00", "duration_s": 1000.5, "peak_memory_mb": 1e6}
    write_json(broken.directory.results, broken.results | first)
    results = resume(broken).results
    assert results["started"] == first["started"]
    assert 1000.5 < results["duration_s"] < 2000
    assert results["peak_memory_mb"] == 1e6


@pytest.mark.slow
def test_a_complete_run_and_one_without_a_checkpoint_are_refused(finished, interrupted):
    with pytest.raises(FilesError, match="nothing to resume"):
        resume(finished)
    broken = interrupted(3)
    (broken.directory.checkpoints / "last.ckpt").write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(FilesError, match="cannot be read"):
        resume(broken)
    for content, said in [(b"nothing", r"it is not a checkpoint \(7 bytes\)"), (b"", "it is empty")]:
        (broken.directory.checkpoints / "last.ckpt").write_bytes(content)
        with pytest.raises(FilesError, match=f"cannot be read: {said}.* tunesmith train --from {broken.path}$"):
            resume(broken)
    (broken.directory.checkpoints / "last.ckpt").unlink()
    with pytest.raises(FilesError, match="before its first checkpoint"):
        resume(broken)


@pytest.mark.slow
def test_a_change_that_matters_is_refused_key_by_key(interrupted):
    broken = interrupted(3)
    with pytest.raises(ConfigError) as caught:
        resume(broken, ["optimizer.lr=0.5", "trainer.max_epochs=7", "run.tags=[again]"])
    assert [problem.where for problem in caught.value.problems] == ["optimizer.lr", "trainer.max_epochs"]
    assert "0.5, the run has" in str(caught.value)


@pytest.mark.slow
def test_a_run_that_another_process_has_is_left_alone(interrupted):
    broken = interrupted(3)
    before = broken.directory.results.read_bytes()
    with locked(broken.path), pytest.raises(FilesError, match="is in use by another process"):
        resume(broken)
    assert broken.directory.results.read_bytes() == before
    assert resume(broken).status == "completed"
    with pytest.raises(FilesError, match="is completed: there is nothing to resume"):
        resume(broken)  # a record that was read before the other process had ended it


def test_a_forked_child_holds_nothing(tmp_path):
    said, say = os.pipe()
    with locked(tmp_path):
        child = os.fork()
        if child == 0:
            os.write(say, b"here")
            signal.pause()
    os.read(said, 4)
    try:
        with locked(tmp_path), pytest.raises(FilesError, match="in use"), locked(tmp_path):
            pass  # the first is had while the child lives, and the second not while this process has the first
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.slow
def test_other_data_or_an_edited_config_is_refused(tiny, reviews_csv, tmp_path, interrupted):
    data = tmp_path / "mine.csv"
    data.write_bytes(reviews_csv.read_bytes())
    broken = interrupted(11, f"data.path={data}")
    curves = broken.curves()
    data.write_text(data.read_text("utf-8").replace("lovely", "dismal"), "utf-8")
    with pytest.raises(
        DataError,
        match=r"data has changed since the run started: data\.test .*, data\.train .*tunesmith train --from /",
    ):
        resume(broken)
    assert load_run(broken.path).curves() == curves
    data.write_bytes(reviews_csv.read_bytes())
    saved = broken.directory.config.read_text("utf-8")
    broken.directory.config.write_text(saved.replace("lr: 0.003", "lr: 0.004"), "utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml: was edited since the run started"):
        resume(load_run(broken.path))
    broken.directory.config.write_text(saved, "utf-8")
    whole = train(compose([*tiny, *LENGTH, f"data.path={data}"]))
    assert what_counts(resume(load_run(broken.path))) == what_counts(whole)


@pytest.mark.slow
def test_keys_without_effect_and_observers_may_change(tiny, interrupted):
    whole = train(compose([*tiny, *LENGTH]))
    broken = interrupted(6)
    observer = "+callbacks.rates._target_=pytorch_lightning.callbacks.LearningRateMonitor"
    resumed = resume(broken, ["data.num_workers=1", "trainer.checkpoint_every_steps=2", observer])
    assert resumed.results["weights_sha256"] == whole.results["weights_sha256"]
    with pytest.raises(ConfigError, match=r"callbacks\.timer"):
        resume(
            interrupted(6), ["+callbacks.timer={_target_: pytorch_lightning.callbacks.Timer, duration: '00:01:00:00'}"]
        )


@pytest.mark.slow
def test_another_end_is_a_variation_and_says_so(tiny, interrupted, inside):
    broken = interrupted(6)
    refused = inside("resume", broken.path, "trainer.max_epochs=4")
    assert refused.returncode == 2
    assert f"tunesmith resume {broken.path} --continue trainer.max_epochs=4" in refused.stderr
    behind = inside("resume", broken.path, "--continue", "trainer.max_steps=5")
    assert (behind.returncode, "the run has already completed 6 steps" in behind.stderr) == (2, True)
    refused = inside("resume", broken.path, "--continue", "trainer.max_epochs=4", "seed=3")
    assert (refused.returncode, "seed: would change" in refused.stderr) == (2, True)

    done = inside("resume", broken.path, "--continue", "trainer.max_epochs=4")
    assert done.returncode == 0, done.stderr
    assert "a variation from here on: trainer.max_epochs is 4, and was 3 until step 6" in done.stderr
    resumed = load_run(broken.path)
    assert (resumed.results["steps"], resumed.config["trainer"]["max_epochs"]) == (4 * 8, 4)
    assert resumed.provenance["continued"] == [{"key": "trainer.max_epochs", "then": 3, "now": 4, "step": 6}]
    rates = [point["train/lr"] for point in resumed.curves() if "train/lr" in point]
    from_the_start = train(compose([*tiny, *LENGTH, "trainer.max_epochs=4"]))
    new = [point["train/lr"] for point in from_the_start.curves() if "train/lr" in point]
    assert rates[:6] != new[:6], "the schedule of the old end"
    assert rates[7:] == new[7:], "then that of the new one"

    checked = inside("reproduce", resumed.path, "--check-only")
    assert checked.returncode == 4
    assert f"a variation of {resumed.path} in trainer.max_epochs (3 until step 6 then, 4 now)" in checked.stdout
    again = inside("resume", resumed.path, "--continue", "trainer.max_epochs=9")
    assert (again.returncode, f"train --from {resumed.path} trainer.max_epochs=9" in again.stderr) == (5, True)


@pytest.mark.slow
def test_a_schedule_that_carries_its_length_cannot_be_given_another_end(interrupted):
    schedule = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 1e-3, "warmup_fraction": 0.0}
    one_cycle = [f"scheduler.{key}={value}" for key, value in schedule.items()]
    with pytest.raises(ConfigError, match="takes its length from the checkpoint"):
        resume(interrupted(6, *one_cycle), ["trainer.max_epochs=4"], new_end=True)


@pytest.mark.slow
def test_the_newest_unfinished_run_of_a_config_is_found(tiny, interrupted):
    from tunesmith.training.auto_values import decide

    broken = interrupted(3)
    root = broken.path.parent
    day = root / "runs" / "2026-01-01"
    day.mkdir(parents=True)
    os.rename(broken.path, day / "00-00-00_broken")
    same = decide(compose([*tiny, *LENGTH, f"run.root={root / 'runs'}"]))
    other = decide(compose([*tiny, *LENGTH, f"run.root={root / 'runs'}", "seed=5"]))
    elsewhere = ["data.num_workers=1", "data.eval_batch_size=5", "trainer.checkpoint_every_steps=2", "run.name=other"]
    faster = decide(compose([*tiny, *LENGTH, f"run.root={root / 'runs'}", f"data.cache_dir={root}", *elsewhere]))
    damaged = day / "00-00-01_damaged"
    damaged.mkdir()
    for name, text in (("config.yaml", "- no\n"), ("results.json", "{")):
        (damaged / name).write_text(text, encoding="utf-8")
    assert newest_unfinished(same).path == day / "00-00-00_broken"
    assert newest_unfinished(faster).path == day / "00-00-00_broken", "none of these keys changes the result"
    assert newest_unfinished(other) is None


@pytest.mark.slow
def test_the_same_command_goes_on_with_its_own_unfinished_run(tiny, interrupted):
    whole = train(compose([*tiny, *LENGTH]))
    broken = interrupted(6)
    day = broken.path.parent / "mine" / "2026-01-01"
    day.mkdir(parents=True)
    os.rename(broken.path, day / "00-00-00_broken")
    again = compose([*tiny, *LENGTH, f"run.root={day.parent}", "run.resume=auto", "trainer.checkpoint_every_steps=2"])
    resumed = train(again)
    assert resumed.path == day / "00-00-00_broken"
    assert what_counts(resumed) == what_counts(whole)
    assert train(again).path != resumed.path, "a complete run is not gone on with"


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_checkpoint_of_an_adapter_leaves_the_base_out_and_knows_it(tiny, interrupted):
    broken = interrupted(5, "method=lora")
    checkpoint = torch.load(broken.directory.checkpoints / "last.ckpt", weights_only=True)
    trained = {name for name in checkpoint["state_dict"] if "lora_" in name or "classifier" in name}
    assert trained
    assert not any("word_embeddings" in name for name in checkpoint["state_dict"])
    checkpoint["frozen_sha256"] = "0" * 64
    torch.save(checkpoint, broken.directory.checkpoints / "last.ckpt")
    with pytest.raises(FilesError, match="frozen weights that differ"):
        resume(broken)


@pytest.mark.slow
def test_what_a_crash_left_half_written_is_cleared_away(tiny, interrupted):
    broken = interrupted(5)
    folders = broken.directory
    stale = [folders.checkpoints / ".last.ckpt.123.tmp", folders.checkpoints / ".tmpA1b2C3"]
    stale += [broken.path / ".results.json.x7_.tmp", folders.model / ".tmpD4e5F6"]
    folders.model.mkdir()
    for path in stale:
        path.write_bytes(b"half")
    resume(broken)
    assert [path.name for path in broken.path.rglob("*") if path.name.startswith(".")] == [".lock"]


def test_the_previous_checkpoint_stays_until_the_next_is_verified(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    checkpoints = AtomicCheckpointIO()
    state = {"weights": torch.arange(1000.0)}
    checkpoints.save_checkpoint(state, path)
    good = path.read_bytes()
    save = torch.save

    def flipping_a_bit(place):
        def damaged(value, file):
            save(value, file)
            content = bytearray(file.read_bytes())
            content[int(place * len(content))] ^= 4
            file.write_bytes(content)

        return damaged

    def cut(value, file):
        save(value, file)
        os.truncate(file, 1000)

    for damage in (flipping_a_bit(0.5), flipping_a_bit(0.99), cut):
        monkeypatch.setattr(torch, "save", damage)
        with pytest.raises(FilesError, match=r"cannot write .*last\.ckpt"):
            checkpoints.save_checkpoint({"weights": torch.zeros(1000)}, path)
        assert path.read_bytes() == good
        assert list(tmp_path.iterdir()) == [path]


def test_the_verb_goes_on_and_ends_with_the_directory(interrupted, inside):
    broken = interrupted(5)
    done = inside("resume", broken.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(broken.path)
    assert load_run(broken.path).status == "completed"
    again = inside("resume", broken.path)
    assert (again.returncode, "nothing to resume" in again.stderr) == (5, True)
    longer = inside("resume", broken.path, "trainer.max_epochs=9")
    _, _, advice = longer.stderr.strip().partition("tunesmith train ")
    assert inside("check", *shlex.split(advice)).returncode == 0


@pytest.mark.slow
def test_a_run_that_failed_after_its_training_only_does_the_rest(tiny, tmp_path, monkeypatch):
    whole = train(compose([*tiny, *LENGTH]))
    with monkeypatch.context() as patch:
        patch.setattr(story, "save", lambda *given: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(FilesError, match="No space left"):
            train(compose([*tiny, *LENGTH, f"run.dir={tmp_path / 'full'}"]))
    resumed = resume(load_run(tmp_path / "full"))
    assert what_counts(resumed) == what_counts(whole)
    assert [path.name for path in resumed.directory.checkpoints.iterdir()] == ["last.ckpt"]


def test_the_command_of_an_advice_can_be_typed_where_a_path_has_spaces(finished, tmp_path, inside):
    copied = tmp_path / "my runs" / "one"
    shutil.copytree(finished.path, copied)
    done = inside("resume", copied, "--continue", "trainer.max_epochs=3")
    assert done.returncode == 5
    advised = shlex.split(done.stderr.partition("from the start: tunesmith ")[2])
    assert advised == ["train", "--from", str(copied), "trainer.max_epochs=3"]
    assert inside("check", *advised[1:]).returncode == 0


@pytest.mark.slow
def test_the_best_weights_stay_until_the_run_is_recorded_as_completed(tiny, monkeypatch):
    """Killed in between, a run without them could not be resumed."""
    seen = []
    discard = BestWeights.discard

    def observed(best):
        status = json.loads((best.path.parent.parent / "results.json").read_text())["status"]
        seen.append((best.path.is_file(), status))
        discard(best)

    monkeypatch.setattr(BestWeights, "discard", observed)
    record = train(compose([*tiny, "trainer.max_epochs=1"]))
    assert seen == [(True, "completed")]
    assert not (record.directory.checkpoints / BEST).exists()
