"""Secrets planted wherever a user may have them, and looked for in every byte that a run wrote."""

import os
import shlex
import subprocess
import sys

import pytest
from conftest import write_reviews

from tunesmith import load_run
from tunesmith.config.compose import compose

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


def run(project, line):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WANDB_")},
        "WANDB_API_KEY": WANDB_KEY,
        "WANDB_MODE": "offline",
        "HF_TOKEN": HF_TOKEN,
        "HOME": str(project.parent / "home"),
        "TMPDIR": str(project.parent / "tmp"),
    }
    (project.parent / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tunesmith.cli.main", *shlex.split(line)]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)


def holding(folder, secret):
    """Every file below a folder that has the secret in its name or its bytes; as `grep -r` would, and names too."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 10, "there is something to look at"
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


def test_a_secret_in_a_sweep_s_config_is_refused_before_anything_is_written(project):
    done = run(project, f"train -m {BASE} logger.group={WANDB_KEY} optimizer.lr=1e-3,1e-2")
    assert done.returncode == 2, done.stderr
    assert "logger.group: looks like a secret" in done.stderr
    assert WANDB_KEY not in done.stdout + done.stderr
    assert not (project.parent / "runs").exists()


@pytest.mark.slow
def test_no_planted_token_is_in_anything_that_a_sweep_wrote(project):
    done = run(project, f"train -m {BASE} 'run.name=${{oc.env:HF_TOKEN}}' optimizer.lr=1e-3,1e-2")
    assert done.returncode == 0, done.stderr
    written = [path for path in (project.parent / "runs").rglob("*") if path.is_file()]
    assert [path for path in written if path.name == "study.journal"], "Optuna's journal is among what is looked at"
    assert len([path for path in written if path.name == "provenance.json"]) == 2
    for secret in PLANTED:
        found = [path for path in holding(project.parent, secret) if not path.is_relative_to(project)]
        assert found == [], secret
        assert secret not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_failing_run_tells_no_token_either(project):
    early = run(project, f"train {BASE} logger=none model.path=./{HF_TOKEN} run.dir=../early")
    assert early.returncode == 5
    assert "model folder './<redacted>' does not exist" in early.stderr
    assert not (project.parent / "early").exists()
    done = run(project, f"train {BASE} logger=none data.path=./{HF_TOKEN}.csv run.dir=../failed")
    assert done.returncode == 3
    assert HF_TOKEN not in early.stdout + early.stderr + done.stdout + done.stderr
    assert "<redacted>" in load_run(project.parent / "failed").results["reason"]
    assert [path for path in (project.parent / "failed").rglob("*") if path.is_file()]
    for path in (project.parent / "failed").rglob("*"):
        assert not path.is_file() or HF_TOKEN.encode() not in path.read_bytes()


def test_a_reference_to_a_variable_stays_one(tiny, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", HF_TOKEN)
    saved = compose([*tiny, "run.name='${oc.env:HF_TOKEN}'"]).saved
    assert saved["run"]["name"] == "${oc.env:HF_TOKEN}"
