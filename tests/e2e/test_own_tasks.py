"""A task of a user's own, from the command line to the last verb; its evaluation is that of its kind."""

import json

import pytest

from tunesmith import load_model, load_run
from tunesmith.errors import ConfigError
from tunesmith.inference.predict import predict

MODULE = '''
from tunesmith.tasks.classification import Classification


class SentenceOrder(Classification):
    """Whether two sentences stand in their order; those whose first is of even length are swapped."""

    def __init__(self, config, swapped: str = "swapped"):
        super().__init__(config)
        self.swapped = swapped

    def columns(self, data):
        return ["text_column"]

    def read(self, record, data):
        first, _, second = record[data.text_column].partition(". ")
        swap = len(first) % 2 == 0
        text = f"{second}. {first}" if swap else record[data.text_column]
        return super().read({data.text_column: text, data.label_column: self.swapped if swap else "kept"}, data)


class Other:
    pass
'''
TRUST = ("--trust", "sentence_order")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "sentence_order.py").write_text(MODULE)
    rows = "".join(f"{'so ' * (i % 3)}it went{'' if i % 4 else 's'}. there it ended {i}\n" for i in range(60))
    (tmp_path / "texts.csv").write_text(f"text\n{rows}")
    (tmp_path / "conf" / "task").mkdir(parents=True)
    option = "name: classification\n_target_: sentence_order.SentenceOrder\nswapped: other\n"
    (tmp_path / "conf" / "task" / "sentence_order.yaml").write_text(option)
    (tmp_path / "conf" / "task" / "order.yaml").write_text("defaults: [sentence_order, _self_]\nswapped: mixed\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def line(cache_dir):
    short = ["model=tiny_encoder", "trainer=cpu", "trainer.threads=1", "trainer.max_epochs=null", "trainer.max_steps=2"]
    data = ["data=csv", "data.path=texts.csv", "data.batch_size=8", f"data.cache_dir={cache_dir}"]
    return ["task=sentence_order", *data, *short, "logger=none", "--config-dir", "conf"]


def test_without_trust_the_way_out_is_told(folder, line, inside):
    told = inside("train", *line)
    assert told.returncode == 2
    assert "conf/task/sentence_order.yaml:2 task._target_" in told.stderr
    assert "For a module of your own, add --trust sentence_order" in told.stderr
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task._target_=sentence_order.Other"], "must derive from tunesmith.tasks.task.Task"),
        (["task._target_=sentence_order.SentenceOder"], "Did you mean sentence_order.SentenceOrder?"),
        (["task.swaped=x"], "Did you mean task.swapped?"),
        (["task.swapped=3"], "task.swapped: must be"),
        (["task.config=x"], "task.config: is supplied by the run"),
        (["task=regression", "task._target_=sentence_order.SentenceOrder"], "Set task.name=classification"),
    ],
)
def test_a_fault_is_told_with_its_place(folder, line, inside, overrides, message):
    told = inside("check", *line, *overrides, *TRUST)
    assert told.returncode == 2
    assert message in told.stderr


def test_keys_of_a_class_without_a_class_are_none(folder, line, inside):
    told = inside("check", *line[1:], "task.swapped=x")
    assert told.returncode == 2
    assert "task.swapped: no such key" in told.stderr


@pytest.mark.parametrize("option", ["sentence_order", "order"])
def test_its_evaluation_is_that_of_its_kind_unless_it_has_one(folder, line, inside, option):
    line = [f"task={option}", *line[1:]]
    shown = inside("train", *line, "--cfg", "job", "--package", "evaluation").stdout
    assert shown
    kind = inside("train", *line[1:], "--cfg", "job", "--package", "evaluation").stdout
    assert shown == kind
    (folder / "conf" / "evaluation").mkdir()
    (folder / "conf" / "evaluation" / f"{option}.yaml").write_text("monitor: val/loss\n")
    own = inside("train", *line, "--cfg", "job", "--package", "evaluation").stdout
    assert "monitor: val/loss" in own
    assert "accuracy" not in own


def test_an_unknown_evaluation_stays_unknown(folder, line, inside):
    told = inside("train", *line, "evaluation=sentence", "--cfg", "job")
    assert told.returncode == 2
    assert "evaluation has no such option" in told.stderr or "no option" in told.stderr


@pytest.mark.slow
def test_every_verb_does_it(folder, line, inside):
    told = inside("train", *line, *TRUST)
    assert told.returncode == 0, told.stderr
    run = load_run(told.stdout.splitlines()[-1])
    assert run.labels == ["kept", "other"]
    assert run.provenance["trusted_sha256"]["sentence_order"]
    (folder / "new.txt").write_text("it went. it ended\n")
    verbs = {
        "predict": ["predict", run.path, "new.txt"],
        "evaluate": ["evaluate", run.path],
        "reproduce": ["reproduce", run.path, "--check-only"],
        "from": ["train", "--from", run.path, "seed=1"],
    }
    for verb in verbs.values():
        refused = inside(*verb)
        assert refused.returncode == 2, refused.stderr
        assert "--trust sentence_order" in refused.stderr
        told = inside(*verb, *TRUST)
        assert told.returncode == 0, told.stderr
        if verb[0] == "predict":
            assert set(json.loads(told.stdout)["probabilities"]) == {"kept", "other"}
    assert inside("export", run.path).returncode == 0, "which is the model alone"
    again = inside("train", *line, *TRUST, "model=from_run", f"model.from_run={run.path}")
    assert again.returncode == 0, again.stderr
    with pytest.raises(ConfigError, match="--trust sentence_order"):
        load_model(run)
    trained = load_model(run, trust=["sentence_order"])
    assert predict(trained, ["it went. it ended"])[0]["prediction"] in run.labels


@pytest.mark.slow
def test_a_sweep_and_a_changed_class(folder, line, command):
    told = command("train", "-m", *line, "optimizer.lr=1e-3,1e-4", *TRUST)
    assert told.returncode == 0, told.stderr
    run = load_run(command("train", *line, *TRUST).stdout.splitlines()[-1])
    (folder / "sentence_order.py").write_text(MODULE.replace('f"{second}. {first}"', 'f"{second}, {first}"'))
    told = command("reproduce", run.path, *TRUST)
    assert told.returncode == 4
    verdict = next(text for text in told.stdout.splitlines() if text.startswith("verdict"))
    assert "trusted_sha256.sentence_order" in verdict
