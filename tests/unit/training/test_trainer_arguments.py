"""Every argument of Lightning's Trainer is judged: it has the effect that it says, or it is refused with what to do."""

import inspect
import re
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from tunesmith import compose, train
from tunesmith.config.schema import Trainer
from tunesmith.errors import ConfigError
from tunesmith.tasks.registry import task_of
from tunesmith.training.auto_values import decide
from tunesmith.training.build import build_data, build_module, build_network, build_trainer, objective_on

ARGUMENTS = set(inspect.signature(pl.Trainer.__init__).parameters) - {"self"}
STEPS_PER_EPOCH = 8
"""Of the 59 training rows of `tiny`, in batches of 8."""


class Probe(pl.Callback):
    """What is switched on while the Trainer works."""

    def __init__(self):
        self.seen = {}

    def on_train_batch_start(self, *args):
        self.seen |= {
            "anomaly": torch.is_anomaly_enabled(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
        }

    def on_validation_batch_start(self, *args):
        self.seen["inference"] = torch.is_inference_mode_enabled()


@pytest.fixture
def fit(tiny):
    """Fit a tiny network; answers with the Trainer, what the probe saw, and by how much each parameter changed."""

    def run(*overrides):
        config = decide(compose([*tiny, "callbacks=none", *overrides])).config
        data = build_data(config)
        network = build_network(config, data.labels)
        before = {name: item.detach().clone() for name, item in network.named_parameters()}
        probe = Probe()
        trainer = build_trainer(config, data, ".", [], [probe])
        trainer.fit(
            build_module(config, network, data.labels, objective_on(data, task_of(config.task))), datamodule=data
        )
        changes = torch.cat([(item.detach() - before[name]).flatten() for name, item in network.named_parameters()])
        return trainer, probe.seen, changes

    return run


def validated_at(record):
    return [point["step"] for point in record.curves() if "val/loss" in point]


def trained_at(record):
    return [point["step"] for point in record.curves() if "train/loss" in point]


def accelerator(fit, ran):
    assert isinstance(
        fit("trainer.accelerator=cpu", "trainer.max_steps=1")[0].accelerator, pl.accelerators.CPUAccelerator
    )


def devices(fit, ran):
    assert fit("trainer.devices=1", "trainer.max_steps=1")[0].num_devices == 1


def precision(fit, ran):
    _, _, full = fit("trainer.max_steps=1")
    trainer, _, mixed = fit("trainer.precision=bf16-mixed", "trainer.max_steps=1")
    assert trainer.precision == "bf16-mixed"
    assert not torch.equal(full, mixed)


def max_epochs(fit, ran):
    assert ran("trainer.max_epochs=1").results["steps"] == STEPS_PER_EPOCH


def max_steps(fit, ran):
    assert ran("trainer.max_steps=3").results["steps"] == 3


def min_epochs(fit, ran):
    still = ["optimizer.lr=1e-12", "callbacks=default", "callbacks.early_stopping.patience=1", "trainer.max_epochs=6"]
    assert ran(*still).results["steps"] == 2 * STEPS_PER_EPOCH
    assert ran(*still, "+trainer.min_epochs=4").results["steps"] == 4 * STEPS_PER_EPOCH


def min_steps(fit, ran):
    still = ["optimizer.lr=1e-12", "callbacks=default", "callbacks.early_stopping.patience=1", "trainer.max_epochs=6"]
    assert ran(*still, "+trainer.min_steps=20").results["steps"] >= 20


def max_time(fit, ran):
    assert ran("+trainer.max_time=00:00:00:00").results["steps"] < 2 * STEPS_PER_EPOCH


def val_check_interval(fit, ran):
    """In optimizer steps, whatever the micro-batches: a memory setting does not move a validation."""
    for interval, steps in ((3, [3, 6, 11, 14, 16]), (0.5, [4, 8, 12, 16]), (8, [8, 16])):
        for size in (8, 2):
            record = ran(f"trainer.val_check_interval={interval}", f"data.micro_batch_size={size}")
            assert validated_at(record) == steps
    odd = [
        "data.batch_size=9",
        "trainer.val_check_interval=7",
        "trainer.max_epochs=1",
    ]  # 59 rows: the 7th step is short
    assert validated_at(ran(*odd, "data.micro_batch_size=3")) == validated_at(ran(*odd)) == [7]


def check_val_every_n_epoch(fit, ran):
    assert validated_at(ran("+trainer.check_val_every_n_epoch=2", "trainer.max_epochs=3")) == [16, 24]
    over_epochs = ["+trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=5"]
    assert validated_at(ran(*over_epochs, "data.micro_batch_size=2")) == [5, 10, 15, 16]


def log_every_n_steps(fit, ran):
    assert trained_at(ran("trainer.log_every_n_steps=5", "data.micro_batch_size=4")) == [5, 10, 15]


def gradient_clip_val(fit, ran):
    plain = ["optimizer=sgd", "optimizer.momentum=0", "optimizer.lr=1.0", "scheduler=constant", "trainer.max_steps=1"]
    plain.append("scheduler.warmup_fraction=0")
    assert fit(*plain, "trainer.gradient_clip_val=1e-3")[2].norm().item() == pytest.approx(1e-3, rel=0.01)
    assert fit(*plain, "trainer.gradient_clip_val=null")[2].norm().item() > 1e-2


def gradient_clip_algorithm(fit, ran):
    plain = ["optimizer=sgd", "optimizer.momentum=0", "optimizer.lr=1.0", "scheduler=constant", "trainer.max_steps=1"]
    plain += ["scheduler.warmup_fraction=0", "trainer.gradient_clip_val=1e-3"]
    changes = fit(*plain, "+trainer.gradient_clip_algorithm=value")[2]
    assert changes.abs().max().item() == pytest.approx(1e-3, rel=0.01)
    assert changes.norm().item() > 1e-2


def deterministic(fit, ran):
    assert fit("trainer.max_steps=1")[1]["deterministic"]
    assert not fit("trainer.max_steps=1", "trainer.deterministic=false")[1]["deterministic"]


def inference_mode(fit, ran):
    """Of the looks outside of a fit; within one Lightning never uses it."""
    for words, on in ((), True), (("+trainer.inference_mode=false",), False):
        trainer, seen, _ = fit("trainer.max_steps=1", *words)
        trainer.validate(trainer.lightning_module, trainer.datamodule, verbose=False)
        assert seen["inference"] is on


def profiler(fit, ran):
    assert "Profiler Report" in (ran("+trainer.profiler=simple", "trainer.max_steps=1").directory.log).read_text()


def detect_anomaly(fit, ran):
    assert fit("trainer.max_steps=1", "+trainer.detect_anomaly=true")[1]["anomaly"]
    assert not fit("trainer.max_steps=1")[1]["anomaly"]


EFFECTS = {
    check.__name__: check
    for check in (
        *(accelerator, devices, precision, max_epochs, max_steps, min_epochs, min_steps, max_time, val_check_interval),
        *(check_val_every_n_epoch, log_every_n_steps, gradient_clip_val, gradient_clip_algorithm, deterministic),
        *(inference_mode, profiler, detect_anomaly),
    )
}


@pytest.fixture
def ran(tiny):
    return lambda *overrides: train(compose([*tiny, "callbacks=none", "evaluation.test=false", *overrides]))


def test_every_argument_is_judged():
    assert set(EFFECTS) | set(Trainer.SUPPLIED) == ARGUMENTS
    assert not set(EFFECTS) & set(Trainer.SUPPLIED)


LONG = {"val_check_interval"}
"""Shown by many runs."""


@pytest.mark.slow
@pytest.mark.parametrize("argument", [pytest.param(a, marks=pytest.mark.slow) if a in LONG else a for a in EFFECTS])
def test_an_accepted_argument_has_its_effect(argument, fit, ran):
    EFFECTS[argument](fit, ran)


@pytest.mark.parametrize("argument", sorted(Trainer.SUPPLIED))
def test_any_other_argument_is_refused_with_what_to_do(argument, tiny):
    with pytest.raises(ConfigError) as caught:
        compose([*tiny, f"+trainer.{argument}=true"])
    (problem,) = caught.value.problems
    assert problem.where == f"trainer.{argument}"
    assert "is supplied by the run" in problem.rule
    assert problem.hint


WRONG = {
    "trainer.gradient_clip_val=0": "trainer.gradient_clip_val=null",
    "+trainer.gradient_clip_algorithm=most": "norm or value",
    "trainer.gradient_clip_val=null +trainer.gradient_clip_algorithm=norm": "trainer.gradient_clip_val=1.0",
    "+trainer.check_val_every_n_epoch=0": "at least 1, or null",
    "+trainer.check_val_every_n_epoch=null": "trainer.val_check_interval=100",
    "+trainer.check_val_every_n_epoch=3": "At most trainer.check_val_every_n_epoch=2",
    "+trainer.check_val_every_n_epoch=2 scheduler=plateau": "trainer.check_val_every_n_epoch=1",
    "trainer.val_check_interval=9": "an epoch has 8 optimizer steps (received 9). At most trainer.val_check_interval=8",
    "trainer.val_check_interval=17 +trainer.check_val_every_n_epoch=null": "At most trainer.val_check_interval=16",
    "trainer.val_check_interval=1.5": "a fraction of an epoch greater than 0 and at most 1.0",
    "+trainer.min_epochs=3": "At most trainer.min_epochs=2",
    "+trainer.min_steps=17": "At most trainer.min_steps=16",
    "+trainer.min_steps=0": "at least 1",
    "+trainer.max_time=soon": "trainer.max_time=00:02:30:00",
    "+trainer.profiler=xla": "debug=profile",
    "trainer.accelerator=mps": "Use trainer=auto",
    "trainer.accelerator=gpu": "Use trainer=cpu",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_value_that_cannot_work_is_refused_before_there_is_a_directory(words, tiny, tmp_path):
    if torch.cuda.is_available() and "gpu" in words:
        pytest.skip("there is one")
    with pytest.raises(ConfigError) as caught:
        train(compose([*tiny, *words.split()]))
    assert WRONG[words] in str(caught.value)
    assert "nothing was started" in str(caught.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_config_saved_before_it_counted_steps_keeps_its_meaning(ran):
    old = ran("schema_version=1", "trainer.val_check_interval=3", "data.micro_batch_size=2", "trainer.max_epochs=1")
    assert validated_at(old) == [0, 1, 2, 3, 3, 4, 5, 6, 6, 8]  # after every third of 30 micro-batches
    assert any("counts micro-batches in this config" in sentence for sentence in old.results["warnings"])


@pytest.mark.slow
def test_curves_that_stay_empty_are_told(ran):
    record = ran("trainer.log_every_n_steps=50")
    assert trained_at(record) == []
    assert "trainer.log_every_n_steps=50 exceeds the steps of the run (16)" in " ".join(record.results["warnings"])


@pytest.mark.slow
def test_a_cluster_is_not_asked_about_one_device(ran, monkeypatch):
    for name, value in {
        "SLURM_NTASKS": "2",
        "SLURM_JOB_NAME": "train",
        "SLURM_JOB_ID": "7",
        "SLURM_PROCID": "1",
        "SLURM_LOCALID": "1",
        "SLURM_NODELIST": "nowhere[1-2]",
        "TORCHELASTIC_RUN_ID": "x",
        "GROUP_RANK": "1",
        "RANK": "1",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "1",
        "LSB_JOBID": "1",
        "KUBERNETES_PORT": "tcp://127.0.0.1:443",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "29500",
    }.items():
        monkeypatch.setenv(name, value)
    assert ran("trainer.max_steps=1").status == "completed"


def test_the_table_of_arguments_is_what_is_accepted_and_refused():
    text = (Path(__file__).parents[3] / "docs" / "trainer.md").read_text(encoding="utf-8")
    accepted, refused = (dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", part, re.M)) for part in text.split("## Refused"))
    assert accepted.keys() == EFFECTS.keys()
    assert refused == Trainer.SUPPLIED
