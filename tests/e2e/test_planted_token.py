"""Secrets planted wherever a user may have them, and looked for in every byte that a run wrote."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import reviews, write_reviews

from tunesmith import load_run
from tunesmith.config.composing.compose import compose
from tunesmith.config.outline import outline

WANDB_KEY = "0123456789abcdef" * 2 + "fedcba98"
HF_TOKEN = "hf_" + "QrStUvWx" * 4
PASSWORD = "c0rrect-horse-battery"
SHAPED = "ghp_" + "a1B2c3D4e5" * 4
OWN_KEY = "just-a-word-that-nobody-knows"
PLANTED = (WANDB_KEY, HF_TOKEN, PASSWORD, SHAPED, OWN_KEY)

MODULE = f"""
import logging, warnings
import pytorch_lightning as pl

class Chatty(pl.Callback):
    def __init__(self, api_key=None):
        self.api_key = api_key

    def on_train_start(self, trainer, pl_module):
        warnings.warn(f"connecting with {HF_TOKEN}")
        logging.getLogger("pytorch_lightning").warning("using %s", "{WANDB_KEY}")
"""


@pytest.fixture
def project(tmp_path):
    """A project under git, with a login in its remote and a token in what is not committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    write_reviews(folder / "reviews.csv", 60)
    (folder / "chatty_of_mine.py").write_text("")
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["commit", "-q", "-m", "first"],
        ["remote", "add", "origin", f"https://me:{PASSWORD}@example.org/x.git"],
    ):
        subprocess.run([*git, *arguments], check=True)
    (folder / "chatty_of_mine.py").write_text(MODULE)
    return folder


def run(project, line, **more):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WANDB_")},
        "WANDB_API_KEY": WANDB_KEY,
        "WANDB_MODE": "offline",
        "HF_TOKEN": HF_TOKEN,
        "HOME": str(project.parent / "home"),
        "TMPDIR": str(project.parent / "tmp"),
        **more,
    }
    (project.parent / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tunesmith.cli.main", *shlex.split(line)]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)


def holding(folder, secret):
    """Every file below a folder that has the secret in its name or its bytes; as `grep -r` would, and names too."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 3, "there is something to look at"
    return [path for path in files if secret.encode() in path.read_bytes() or secret in str(path)]


BASE = (
    "data=csv data.path=reviews.csv data.text_column=review data.label_column=verdict data.cache_dir=../cache "
    "model=tiny_encoder data.max_length=16 trainer=cpu trainer.threads=1 trainer.max_steps=2 run.root=../runs"
)


@pytest.mark.slow
def test_no_planted_token_is_in_anything_that_a_run_wrote(project):
    line = (
        f"train {BASE} --trust chatty_of_mine +callbacks.chatty._target_=chatty_of_mine.Chatty "
        f"+callbacks.chatty.api_key={OWN_KEY} run.name={HF_TOKEN} 'run.tags=[{SHAPED},a]' logger.group={WANDB_KEY} "
        f"logger.project=p-{SHAPED}"
    )
    done = run(project, line)
    assert done.returncode == 0, done.stderr
    record = load_run(done.stdout.splitlines()[-1])
    (tracked,) = record.path.glob("wandb/offline-run-*/*.wandb")
    assert tracked.read_bytes().count(b"<redacted>") >= 3, "W&B is among what is looked at, and can be read so"
    assert "using <redacted>" in record.directory.log.read_text()
    assert "connecting with <redacted>" in record.directory.log.read_text()
    assert "a secret is left out of the saved config" in done.stderr
    assert record.config["callbacks"]["chatty"]["api_key"] == "<redacted>"
    (state,) = [item for item in record.provenance["repositories"] if "working directory" in item["holds"]]
    assert state["remote"] == "https://<redacted>@example.org/x.git"
    assert "Chatty" in state["diff"], "the diff is there, without its secrets"
    for secret in PLANTED:
        found = [path for path in holding(project.parent, secret) if not path.is_relative_to(project)]
        assert found == [], secret
        assert secret not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_secret_in_a_sweep_s_config_is_refused_before_anything_is_written(project):
    done = run(project, f"train -m {BASE} logger.group={WANDB_KEY} optimizer.lr=1e-3,1e-2")
    assert done.returncode == 2, done.stderr
    assert "logger.group: looks like a secret" in done.stderr
    assert WANDB_KEY not in done.stdout + done.stderr
    assert not (project.parent / "runs").exists()


@pytest.mark.slow
def test_no_planted_token_is_in_anything_that_a_sweep_wrote(project):
    named = "'run.name=${oc.env:HF_TOKEN}' 'logger.group=${oc.env:HF_TOKEN}' 'logger.project=${oc.env:WANDB_API_KEY}'"
    line = f"train -m {BASE} {named} optimizer.lr=1e-3,1e-2"
    done = run(project, line, WANDB_NAME="mine")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("WANDB_NAME: no effect") == 1
    (log,) = (project.parent / "runs").glob("*/*/sweep.log")
    assert "WARNING tunesmith.tracking.wandb.client: WANDB_NAME: no effect" in log.read_text()
    assert list((project.parent / "runs").rglob("*.wandb")), "W&B is among what is looked at"
    written = [path for path in (project.parent / "runs").rglob("*") if path.is_file()]
    assert [path for path in written if path.name == "study.journal"], "Optuna's journal is among what is looked at"
    assert len([path for path in written if path.name == "provenance.json"]) == 2
    for secret in PLANTED:
        found = [path for path in holding(project.parent, secret) if not path.is_relative_to(project)]
        assert found == [], secret
        assert secret not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_failing_run_tells_no_token_either(project):
    (project / "chatty_of_mine.py").unlink()
    early = run(project, f"train {BASE} logger=none model.path=./{HF_TOKEN} run.dir=../early")
    assert early.returncode == 5
    assert "model folder './<redacted>' does not exist" in early.stderr
    assert not (project.parent / "early").exists()
    data = run(project, f"train {BASE} logger=none data.path=./{HF_TOKEN}.csv run.dir=../data")
    assert data.returncode == 3
    assert "<redacted>.csv" in data.stderr
    assert not (project.parent / "data").exists()
    diverging = f"optimizer.lr=1e30 run.name={HF_TOKEN} run.tags=[{SHAPED}] run.dir=../failed"
    done = run(project, f"train {BASE} logger=none {diverging}")
    assert done.returncode == 4, done.stderr
    assert "nan" in load_run(project.parent / "failed").results["reason"]
    for secret in (HF_TOKEN, SHAPED):
        assert holding(project.parent, secret) == []
        assert all(secret not in text for ended in (early, data, done) for text in (ended.stdout, ended.stderr))


def test_a_reference_to_a_variable_stays_one(tiny, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", HF_TOKEN)
    saved = compose([*tiny, "run.name='${oc.env:HF_TOKEN}'"]).saved
    assert saved["run"]["name"] == "${oc.env:HF_TOKEN}"


TOGETHER = {
    "run.name": "{0}",
    "run.tags": "[{0}]",
    "data.path": "../given/{0}.csv",
    "data.text_column": "{0}-text",
    "data.text_pair_column": "{0}-pair",
    "data.label_column": "{0}-label",
    "data.id_column": "{0}-id",
    "data.where": "{{keep: {0}}}",
    "data.missing": "[{0}-missing]",
    "data.split.column": "{0}-split",
    "model.path": "../given/{0}",
    "model.tokenizer": "../given/{0}",
    "callbacks": "{{{0}: {{_target_: pytorch_lightning.callbacks.Timer}}}}",
    "logger.project": "{0}",
    "logger.entity": "{0}",
    "logger.group": "{0}",
    "logger.job_type": "{0}",
}
"""Keys that one run can have a secret in, each with its value."""
REFUSED = {
    **dict.fromkeys(("run.root", "run.dir", "data.cache_dir", "model.cache_dir", "model.from_run"), "./{0}"),
    **dict.fromkeys(("data.delimiter", "data.label_separator", "data.target_column", "data.messages_column"), "{0}"),
    **dict.fromkeys(("data.split.group_column", "data.cleaning"), "{0}"),
    **dict.fromkeys(("data.name", "data.revision", "data.system", "data.template"), "{0}"),
    **dict.fromkeys(("data.columns", "data.roles"), "{{prompt: {0}}}"),
    "data.split.from_run": "./{0}",
    "data.sources": "{{a: {{path: ./{0}}}}}",
    **dict.fromkeys((f"data.path.{split}" for split in ("train", "val", "test")), "./{0}"),
    **dict.fromkeys(("model.revision", "model.head.cue", "evaluation.monitor", "method._target_"), "{0}"),
    **dict.fromkeys(("optimizer._target_", "scheduler._target_", "trainer._target_", "logger._target_"), "{0}"),
    **dict.fromkeys(("data.format._target_", "task._target_"), "{0}"),
    "task.class_weights": "{{{0}: 2.0, bad: 1.0}}",
    "data.label_names": "{{good: {0}}}",
    "model.head.words": "{{good: {0}, bad: bad}}",
    "model.config": "{{name_or_path: {0}}}",
    **dict.fromkeys(("method.frozen", "evaluation.slices"), "[{0}]"),
    "evaluation.sets": "{{a: ./{0}}}",
    "evaluation.metrics": "{{{0}: {{_target_: torchmetrics.classification.MulticlassAccuracy}}}}",
}
"""Keys in which a secret has no effect, is none of the allowed values, or would be seen whatever is masked."""


def text_fields():
    """Every key of the schema that takes text, alone or in a list or a mapping."""
    bare = {path: re.sub(r"Literal\[[^]]*\]", "", key.annotation) for path, key in outline().items() if not key.is_node}
    return {path for path, annotation in bare.items() if re.search(r"\bstr\b", annotation)}


def test_the_walk_below_goes_to_every_field_that_takes_text():
    assert len(text_fields()) == 57
    assert TOGETHER.keys() | REFUSED.keys() == text_fields()
    assert not TOGETHER.keys() & REFUSED.keys()


@pytest.fixture
def planted(tmp_path, finished, monkeypatch):
    """An empty current folder; beside it a model and a file of data with a secret in all of their names."""

    def plant(secret):
        monkeypatch.setenv("MY_API_KEY", OWN_KEY)
        shutil.copytree(finished.directory.model, tmp_path / "given" / secret)
        columns = ("text", "pair", "label", "id", "split")
        with (tmp_path / "given" / f"{secret}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow([*(f"{secret}-{column}" for column in columns), "keep"])
            for number, (text, label) in enumerate(reviews(60)):
                table.writerow([text, text, label, number, ("train", "val", "test")[number // 2 % 3], secret])
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        return tmp_path / "here"

    return plant


SMALL = (
    "data=csv data.cache_dir=cache data.max_length=32 model=encoder trainer=cpu trainer.threads=1 trainer.max_steps=2"
)


@pytest.mark.slow
@pytest.mark.parametrize("secret", [SHAPED, OWN_KEY], ids=["by its shape", "held by a variable"])
def test_a_secret_in_any_text_of_the_config_is_in_nothing_that_is_written(secret, planted, inside):
    here = planted(secret)
    values = [f"{'++' if key == 'callbacks' else ''}{key}={value.format(secret)}" for key, value in TOGETHER.items()]
    done = inside("train", *SMALL.split(), "data.split.method=column", *values)
    assert done.returncode == 0, done.stderr
    assert list(here.rglob("*.wandb")), "W&B is among what is looked at"
    assert holding(here, secret) == []
    assert [path for path in here.rglob("*") if secret in path.name] == []
    assert secret not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("secret", [SHAPED, OWN_KEY], ids=["by its shape", "held by a variable"])
def test_a_secret_that_would_be_seen_is_refused_and_not_told(secret, planted, inside):
    here = planted(secret)
    given = [f"{key}={TOGETHER[f'{key}'].format(secret)}" for key in ("data.path", "model.path", "model.tokenizer")]
    given += [f"data.{name}_column={secret}-{name}" for name in ("text", "label")]
    for key, value in REFUSED.items():
        method = ["method=freeze"] if key == "method.frozen" else []
        line = [*SMALL.split(), "logger=none", *given, *method, f"++{key}={value.format(secret)}"]
        done = inside("train", *line)
        assert done.returncode in (2, 3, 5), (key, done.returncode, done.stderr)
        assert key.rpartition("._")[0] in done.stderr
        assert secret not in done.stdout + done.stderr, key
        assert not (here / "runs").exists(), key
        assert [path for path in here.rglob("*") if secret in path.name] == [], key
    adapter = inside("train", *SMALL.split(), "logger=none", *given, "method=lora")
    assert adapter.returncode == 2
    assert "model.path: looks like it contains a secret, and an adapter's own files name the model" in adapter.stderr
    for key in ("model.path", "model.tokenizer"):
        url = inside("check", *SMALL.split(), *given, f"{key}=https://me:{secret}@huggingface.co/org/name")
        assert url.returncode == 2
        assert f"{key}: is a URL" in url.stderr
        assert f"Write its Hub id: {key}=org/name" in url.stderr
        assert secret not in url.stderr


def test_an_argument_that_is_none_gives_no_orders_and_tells_no_secret(inside):
    for verb in ("train", "sweep", "resume", "show", "predict", "evaluate", "export", "reproduce", "stop", "doctor"):
        done = inside(verb, "--none=\x1b[2J", f"--nor={SHAPED}")
        assert done.returncode == 2
        assert "\x1b" not in done.stderr
        assert SHAPED not in done.stderr
