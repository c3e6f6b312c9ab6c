"""What is light stays light: nothing that takes seconds to import is imported before a config is known to be valid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "numpy", "transformers", "peft", "pytorch_lightning", "torchmetrics", "sklearn", "wandb", "optuna"}


def imported(cwd: Path, *arguments: str) -> tuple[int, set[str]]:
    """Exit code of a command line and the modules that it imported."""
    script = (
        "import sys, os\nfrom tunesmith.cli.main import main\n"
        f"code = main({list(arguments)!r})\n"
        "sys.stdout.flush()\nprint('\\n' + '\\n'.join([str(code), *sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    start = max(position for position, line in enumerate(lines) if line in ("0", "2", "3", "5"))
    return int(lines[start]), set(lines[start + 1 :])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["train", "--help"], 0),
        (["train", "--cfg", "job"], 0),
        (["train", "--cfg", "job", "model=bert_base", "optimizer.lr=0.1"], 0),
        (["train", "optimizer.lrr=1", "modle=minilm"], 2),
        (["train", "optimizer._target_=torch.load", "method=lora", "method.r=a"], 2),
        (["train", "-m", "optimizer.lr=1,-1"], 2),
        (["predict", "RUN", "-", "--output", "nowhere/a.csv"], 5),
        (["show", "nowhere", "--errors"], 5),
        (["completion", "query", "tunesmith train mod"], 0),
        (["completion", "bash"], 0),
    ],
)
def test_nothing_heavy(tmp_path: Path, arguments: list[str], code: int) -> None:
    ended, modules = imported(tmp_path, *arguments)
    assert ended == code
    search = {"optuna", "numpy"} if "-m" in arguments else set()  # a sweep's space is read into distributions
    assert not (HEAVY - search) & modules


@pytest.mark.parametrize("verb", ["resume", "reproduce"])
@pytest.mark.parametrize(("overrides", "code"), [(["RUN", "seed=x"], 2), (["RUN", "model=minilm"], 2), (["none"], 5)])
def test_nothing_heavy_for_a_mistake_that_the_record_shows(
    tmp_path: Path, verb: str, overrides: list[str], code: int
) -> None:
    (tmp_path / "RUN").mkdir()
    (tmp_path / "RUN/config.yaml").write_text("seed: 7\n")
    ended, modules = imported(tmp_path, verb, *overrides)
    assert ended == code
    assert not HEAVY & modules


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["completion", "bash"]])
def test_help_needs_neither_hydra_nor_the_schema(tmp_path: Path, arguments: list[str]) -> None:
    assert not {"hydra", "pydantic", "omegaconf", "yaml"} & imported(tmp_path, *arguments)[1]


def test_showing_a_config_needs_no_schema_classes(tmp_path: Path) -> None:
    (tmp_path / "saved.yaml").write_text("seed: 7\n")
    for source in (["model=bert_base"], ["--from", "saved.yaml"]):
        code, modules = imported(tmp_path, "train", "--cfg", "job", "optimizer.lr=0.1", *source)
        assert code == 0
        assert not (HEAVY | {"pydantic", "tunesmith.config.checking.validate", "tunesmith.config.schema"}) & modules


@pytest.mark.slow
def test_plugins_are_imported_only_where_one_may_be_named(tmp_path: Path) -> None:
    for folder in ("hydra_plugins", "conf/experiment"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "hydra_plugins/other.py").write_text(
        "from hydra.core.config_store import ConfigStore\n"
        "node = {'_target_': 'hydra_plugins.other.Other'}\n"
        "ConfigStore.instance().store('other', node, group='hydra/sweeper')\n"
    )
    experiment = "# @package _global_\ndefaults: [override /hydra/sweeper: other]\n"
    (tmp_path / "conf/experiment/with_other.yaml").write_text(experiment)
    plugins = {"hydra_plugins.other", "hydra._internal.core_plugins.basic_sweeper"}
    code, modules = imported(tmp_path, "train", "--cfg", "job", "model=bert_base", "optimizer.lr=0.1")
    assert code == 0
    assert not plugins & modules
    for overrides in (["hydra/sweeper=other"], ["--config-dir", "conf", "experiment=with_other"]):
        code, modules = imported(tmp_path, "train", "--cfg", "hydra", *overrides)
        assert code == 0
        assert plugins <= modules


def test_a_valid_config_is_known_without_torch(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom tunesmith.config.composing.compose import compose\n"
        "compose(['method=lora', 'scheduler=plateau'])\n"
        f"assert not {HEAVY!r} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


MODEL_LIBRARIES = HEAVY - {"numpy", "sklearn"}


def test_an_audit_imports_nothing_of_models(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *(f"text {i} of it,{'xy'[i % 2]}" for i in range(40))]))
    code, modules = imported(tmp_path, "audit", "data=csv", "data.path=rows.csv")
    assert code == 0
    assert "tunesmith.data.audit.audit" in modules
    assert not MODEL_LIBRARIES & modules


@pytest.mark.slow
def test_errors_with_their_texts_need_no_model(finished, tmp_path: Path) -> None:
    code, modules = imported(tmp_path, "show", str(finished.path), "--errors")
    assert code == 0
    assert "tunesmith.training.texts_again" in modules
    assert not (MODEL_LIBRARIES | {"sklearn"}) & modules


def test_no_task_imports_torch_before_a_model_is_asked_for(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom tunesmith.config.tasks import TASKS\nfrom tunesmith.tasks.registry import task_named\n"
        "assert len([task_named(option) for option in TASKS]) >= 6\n"
        f"assert not {MODEL_LIBRARIES!r} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
