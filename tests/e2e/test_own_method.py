"""A method of a user's own, from the command line: a part of the weights, and a configuration of peft's."""

import json

import pytest

from tunesmith import load_run

SOURCE = """
from dataclasses import dataclass
import peft
from tunesmith.models.method import PartialMethod

class EveryOtherLayer(PartialMethod):
    def __init__(self, step: int = 2):
        self.step = step

    def trained(self, weights):
        return [name for layer in weights.layers[:: -self.step] for name in layer]

class Late(EveryOtherLayer):
    def trained_at(self, weights, step, num_steps):
        return [] if step < num_steps // 2 else self.trained(weights)

class Nothing(PartialMethod):
    def trained(self, weights):
        return []

@dataclass
class Narrow(peft.LoraConfig):
    r: int = 2
    use_rslora: bool = True
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "my_methods.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def written(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EveryOtherLayer", "Late", "Narrow"])
def test_all_that_can_be_done_with_a_run(own, tiny, command, tmp_path, name):
    trust = ("--trust", "my_methods")
    finished = command("train", *tiny, f"method._target_=my_methods.{name}", *trust)
    assert finished.returncode == 0, finished.stderr
    (directory,) = (tmp_path / "runs").glob("*/*/")
    assert f"-{name}_" in directory.name
    record = load_run(directory)
    assert record.config["method"]["name"] is None
    assert written(directory)["saved_difference"] < 1e-4

    again = command("reproduce", directory, *trust)
    assert "bit-identical" in again.stdout + again.stderr
    assert command("evaluate", directory, *trust).returncode == 0
    (tmp_path / "texts.txt").write_text("a lovely film\n", encoding="utf-8")
    assert command("predict", directory, "texts.txt").returncode == 0
    merge = ["--merge"] if name == "Narrow" else []
    exported = command("export", directory, *merge, "--output", "exported")
    assert exported.returncode == 0, exported.stderr
    assert f"method={name}" in (tmp_path / "exported" / "README.md").read_text(encoding="utf-8")

    variation = command("train", "--from", directory, "optimizer.lr=1e-3", *trust)
    assert variation.returncode == 0, variation.stderr
    warm = command("train", *tiny, "model=from_run", f"model.from_run={directory}", "method=full")
    assert warm.returncode == 0, warm.stderr


def test_without_trust_or_with_nothing_to_train_it_is_refused(own, tiny, inside):
    refused = inside("train", *tiny, "method._target_=my_methods.Nothing")
    assert refused.returncode == 2
    assert "add --trust my_methods" in refused.stderr
    refused = inside("train", *tiny, "method._target_=my_methods.Nothing", "--trust", "my_methods")
    assert refused.returncode == 2
    assert "Nothing.trained names no parameter (received [])" in refused.stderr


@pytest.mark.slow
def test_a_sweep_over_classes_and_keywords(own, tiny, command, tmp_path):
    varied = ("method._target_=my_methods.EveryOtherLayer,my_methods.Late", "+method.step=1,2")
    finished = command("train", "-m", *tiny, *varied, "trainer.max_epochs=1", "--trust", "my_methods")
    assert finished.returncode == 0, finished.stderr
    hashes = [written(path.parent)["weights_sha256"] for path in (tmp_path / "runs").rglob("results.json")]
    assert len(hashes) == len(set(hashes)) == 4
