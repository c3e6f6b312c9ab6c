"""What `train` refuses, `check --model` refuses too: the same exit code, the same words, and no directory."""

import pytest

BAD = (
    "trainer.val_check_interval=100",
    "task.class_weights=[1,2,3]",
    "optimizer._target_=torch.optim.Muon",
    "optimizer.betas=[0.9,1.5]",
    "scheduler._target_=transformers.get_cosine_with_min_lr_schedule_with_warmup",
    "+callbacks.mine._target_=pytorch_lightning.callbacks.ModelCheckpoint",
    "callbacks.early_stopping.mode=most",
    "+trainer.max_time=soon",
    "+trainer.plugins=mine",
)


@pytest.mark.slow
@pytest.mark.parametrize("bad", BAD)
def test_both_refuse_it_alike(bad, tiny, inside, tmp_path):
    checked, trained = inside("check", "--model", *tiny, bad), inside("train", *tiny, bad)
    assert checked.returncode == trained.returncode == 2
    assert checked.stderr == trained.stderr
    assert "nothing was started" in trained.stderr
    assert not (tmp_path / "runs").exists()


def test_both_say_before_a_fault_of_the_data_what_may_have_caused_it(tiny, inside, tmp_path):
    rows = [f"film {number},{'good' if number % 2 else 'bad'}" for number in range(40)]
    (tmp_path / "slips.csv").write_text("\n".join(["review,verdict", *rows, "one more,Good", ""]))
    for verb in ("check", "train"):
        refused = inside(verb, *tiny, f"data.path={tmp_path / 'slips.csv'}")
        assert refused.returncode == 3
        assert "differ from another only in case" in refused.stderr.partition("single row left to split")[0]
        assert "single row left to split" in refused.stderr, refused.stderr
