"""A data format of a user's own, from the command line to the last verb."""

import json

import pytest

from tunesmith import load_run

MODULE = """
from tunesmith.data.sources.source import Source
from tunesmith.errors import DataError


class Paragraphs(Source):
    columns = frozenset({"text", "label"})

    def __init__(self, separator: str = "---"):
        self.separator = separator

    def read(self, file, path):
        start, lines = 1, []
        for number, line in enumerate([*file, self.separator], 1):
            if line.rstrip() != self.separator:
                lines.append(line.rstrip())
                continue
            if lines:
                yield start, {"label": lines[0], "text": lines[1]}
            start, lines = number + 1, []


class Odd(Source):
    def read(self, file, path):
        for line in file:
            yield {"text": line}


class Other:
    pass
"""
STOPPING = """
import os
import pytorch_lightning as pl


class Stop(pl.Callback):
    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 3 and os.environ.get("STOP"):
            raise RuntimeError("stopped")
"""
OWN = "{_target_: paragraphs.Paragraphs, separator: ***}"
TRUST = ("--trust", "paragraphs")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "paragraphs.py").write_text(MODULE)
    rows = "".join(f"good\na fine film {i}\n***\nbad\na dull film {i}\n***\n" for i in range(30))
    (tmp_path / "films.own").write_text(rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def line(cache_dir):
    short = ["model=tiny_encoder", "trainer=cpu", "trainer.threads=1", "trainer.max_epochs=null", "trainer.max_steps=2"]
    data = ["data=csv", "data.path=films.own", f"data.format={OWN}", "data.batch_size=8", f"data.cache_dir={cache_dir}"]
    return [*data, *short, "logger=none"]


def test_without_trust_the_way_out_is_told(folder, line, inside):
    told = inside("train", *line)
    assert told.returncode == 2
    assert "data.format._target_" in told.stderr
    assert "For a module of your own, add --trust paragraphs" in told.stderr
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.format={separator: x}"], "1. data.format._target_: is required"),
        (["data.format._target_=paragraphs.Other"], "must derive from tunesmith.data.sources.source.Source"),
        (["data.format._target_=paragraphs.Paragraps"], "Did you mean paragraphs.Paragraphs?"),
        ([f"data.format={OWN}", "data.format.seperator=x"], "Did you mean data.format.separator?"),
        ([f"data.format={OWN}", "data.format.separator=3"], "data.format.separator: must be"),
        ([f"data.format={OWN}", "data.delimiter=tab"], "has no effect with data.format=paragraphs.Paragraphs"),
        (["data.format=paragraphs"], "or a mapping with the name of a class in _target_"),
    ],
)
def test_a_fault_is_told_with_its_place(folder, inside, overrides, message):
    told = inside("check", "data=csv", "data.path=films.own", "model=tiny_encoder", *overrides, *TRUST)
    assert told.returncode == 2
    assert "1 problem" in told.stderr
    assert message in told.stderr


def test_what_the_reader_does_wrong_is_a_fault_of_the_data(folder, line, inside):
    (folder / "films.own").write_text("good\na film\n***\nbad\n***\n")
    told = inside("check", *line, *TRUST)
    assert told.returncode == 3
    assert "films.own:" in told.stderr
    assert "Paragraphs fails: IndexError: list index out of range" in told.stderr
    assert "Traceback" not in told.stderr
    told = inside("check", *line, "data.format={_target_: paragraphs.Odd}", *TRUST)
    assert told.returncode == 2, "its keyword from before is of the other class"
    line = [item for item in line if not item.startswith("data.format")]
    told = inside("check", *line, "data.format={_target_: paragraphs.Odd}", *TRUST)
    assert told.returncode == 3
    assert "films.own:1: paragraphs.Odd yields {'text': 'good\\n'}, which is no record" in told.stderr


@pytest.mark.slow
def test_every_verb_reads_it(folder, line, inside):
    told = inside("train", *line, *TRUST)
    assert told.returncode == 0, told.stderr
    run = load_run(told.stdout.splitlines()[-1])
    assert run.config["data"]["format"] == {"_target_": "paragraphs.Paragraphs", "separator": "***"}
    assert run.provenance["trusted_sha256"]["paragraphs"]
    (folder / "new.own").write_text("?\na new film\n***\n")
    verbs = {
        "predict": ["predict", run.path, "new.own"],
        "evaluate": ["evaluate", run.path],
        "reproduce": ["reproduce", run.path, "--check-only"],
        "from": ["train", "--from", run.path, "seed=1"],
    }
    for verb in verbs.values():
        refused = inside(*verb)
        assert refused.returncode == 2, refused.stderr
        assert "--trust paragraphs" in refused.stderr
        told = inside(*verb, *TRUST)
        assert told.returncode == 0, told.stderr
        if verb[0] == "predict":
            assert json.loads(told.stdout)["text"] == "a new film"
    assert inside("export", run.path).returncode == 0, "which reads no data"


@pytest.mark.slow
def test_an_ending_with_another_meaning_is_told(folder, line, inside):
    (folder / "films.txt").write_text((folder / "films.own").read_text())
    told = inside("train", *line, "data.path=films.txt", "run.dir=txt", *TRUST)
    assert told.returncode == 0, told.stderr
    (folder / "new.txt").write_text("?\na new film\n***\n")
    told = inside("predict", "txt", "new.txt", *TRUST)
    assert json.loads(told.stdout)["text"] == "a new film"
    assert "new.txt is read in the format of the run's own data" in told.stderr
    (folder / "new.jsonl").write_text('{"text": "another film"}\n')
    assert json.loads(inside("predict", "txt", "new.jsonl").stdout)["text"] == "another film", "which needs no trust"
    told = inside("predict", "txt", "new.txt", "--delimiter", "tab", *TRUST)
    assert told.returncode == 2
    assert "--delimiter: has no effect with this input" in told.stderr


@pytest.mark.slow
def test_a_stopped_run_goes_on(folder, line, inside, monkeypatch):
    (folder / "stopping.py").write_text(STOPPING)
    more = [
        "+callbacks.stop._target_=stopping.Stop",
        "trainer.checkpoint_every_steps=1",
        "trainer.max_steps=5",
        "run.dir=run",
        *TRUST,
    ]
    monkeypatch.setenv("STOP", "1")
    assert inside("train", *line, *more, "--trust", "stopping").returncode == 1
    monkeypatch.delenv("STOP")
    refused = inside("resume", "run", "--trust", "stopping")
    assert refused.returncode == 2
    assert "--trust paragraphs" in refused.stderr
    done = inside("resume", "run", *TRUST, "--trust", "stopping")
    assert done.returncode == 0, done.stderr
    assert load_run("run").status == "completed"


@pytest.mark.slow
def test_a_changed_reader_is_named_and_its_rows_are_new(folder, line, command):
    run = load_run(command("train", *line, *TRUST).stdout.splitlines()[-1])
    (folder / "paragraphs.py").write_text(MODULE.replace("lines[1]}", 'lines[1].replace("film", "movie")}'))
    told = command("reproduce", run.path, *TRUST)
    assert told.returncode == 4
    verdict = next(text for text in told.stdout.splitlines() if text.startswith("verdict"))
    assert "trusted_sha256.paragraphs" in verdict
    assert "likely cause: data" in verdict


@pytest.mark.slow
def test_an_option_and_a_sweep(folder, line, command):
    (folder / "conf" / "data").mkdir(parents=True)
    option = "path: films.own\nformat:\n  _target_: paragraphs.Paragraphs\n  separator: '***'\nbatch_size: 8\n"
    (folder / "conf" / "data" / "films.yaml").write_text(option)
    line = ["data=films", *[item for item in line if not item.startswith("data")], "--config-dir", "conf"]
    assert command("check", *line, *TRUST).returncode == 0
    told = command("train", "-m", *line, "optimizer.lr=1e-3,1e-4", *TRUST)
    assert told.returncode == 0, told.stderr
