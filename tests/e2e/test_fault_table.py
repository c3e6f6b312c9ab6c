"""What can go wrong, each from the command line: the exit code, the sentence, and that nothing of it was executed.

Every fault runs inside this process in the quick suite, and once more in a process of its own in the slow one.
"""

from __future__ import annotations

import json
import os
import pickle
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import write_reviews
from warm import start_warm

from tunesmith import load_run


@dataclass(frozen=True)
class Fault:
    """A command line that has to fail. `$X` in it stands for a file that `world` makes."""

    name: str
    line: str
    code: int
    sentence: str
    """Part of what is said on standard error."""


CSV = "data=csv data.path=reviews.csv data.text_column=review data.label_column=verdict data.cache_dir=cache"
TINY = f"{CSV} model=tiny_encoder data.max_length=16 data.batch_size=8 trainer=cpu trainer.threads=1 logger=none"
MODEL = f"{CSV} data.max_length=16 trainer=cpu trainer.threads=1 logger=none trainer.max_steps=1"

CONFIG = [
    Fault("a verb that does not exist", "trian", 2, "no such verb: trian. Did you mean train?"),
    Fault("an override before the verb", "seed=1 train", 2, "Overrides come after the verb: tunesmith train seed=1"),
    Fault("a mistyped key", "train optimizer.lrr=1", 2, "takes no lrr (received 1). Did you mean optimizer.lr?"),
    Fault("a mistyped group", "train modle=minilm", 2, "no such config group or key (received modle)"),
    Fault(
        "a mistyped option", "train model=minlm", 2, "model has no such option (received minlm). Did you mean minilm?"
    ),
    Fault("a file for an option", "train data=reviews.csv", 2, "For your own file: data=csv data.path=reviews.csv"),
    Fault("a Hub id for an option", "train model=org/name", 2, "model=encoder (or causal, or seq2seq) model.path=org/"),
    Fault("a model of the wrong family", "check task=language_modeling", 2, "needs a causal model, but this one is of"),
    Fault("an unknown flag", "train --fast", 2, "unrecognized arguments: --fast"),
    Fault("a key with dashes", "train --optimizer.lr=1", 2, "without dashes: optimizer.lr=1"),
    Fault("no run at all", "reproduce", 2, "the following arguments are required: RUN\n"),
    Fault(
        "no override at all", "train seed", 2, "is neither an override nor a flag. Overrides have the form key=value"
    ),
    Fault("an empty argument", "train ''", 2, "an empty argument"),
    Fault("half an override", "train 'optimizer.lr=[1'", 2, "cannot be parsed"),
    Fault("a word for a number", "train data.batch_size=many", 2, 'of at least 1 (received "many")'),
    Fault("a number out of range", "train optimizer.lr=-1", 2, "must be a number greater than 0 (received -1)"),
    Fault("a delimiter of two characters", "train data.delimiter=;;", 2, "text of exactly one character (received"),
    Fault("no number", "train optimizer.lr=nan", 2, "optimizer.lr: must be a number greater than 0"),
    Fault("a seed that no generator takes", "train seed=-1", 2, "seed: must be a whole number"),
    Fault(
        "several values for one run",
        "train optimizer.lr=1e-4,1e-5",
        2,
        "has several values, but this command starts one run",
    ),
    Fault("a contradiction", "train data.batch_size=8 data.micro_batch_size=3", 2, "data.micro_batch_size"),
    Fault("no end", "train trainer.max_epochs=null", 2, "has no end: neither max_epochs nor max_steps is set"),
    Fault(
        "splits that leave nothing", "train data.split.val_fraction=0.6 data.split.test_fraction=0.6", 2, "less than 1"
    ),
    Fault("a monitor that is not measured", "train evaluation.monitor=val/acuracy", 2, "Did you mean val/accuracy?"),
    Fault("a monitor on test data", "train evaluation.monitor=test/accuracy", 2, "may not use test data"),
    Fault("a required key", "train data=csv", 2, "data.path: is required. Set it: data.path=PATH"),
    Fault("a reference to nothing", "train run.name='${{nope}}'", 2, "refers to a key that does not exist"),
    Fault(
        "a variable that is not set", "train run.name='${{oc.env:NOT_SET_X}}'", 2, "Environment variable 'NOT_SET_X'"
    ),
    Fault("a package that is missing", "train model.path='${{package_file:nowhere,m}}'", 2, "is not installed"),
    Fault("a keyword of the run's own", "train trainer.callbacks=[]", 2, "is supplied by the run and cannot be set"),
    Fault("a class that does not exist", "train optimizer._target_=torch.optim.AdamX", 2, "there is no such class"),
    Fault("a folder of configs that is missing", "train --config-dir nowhere", 2, "--config-dir: no such folder"),
    Fault("a file that is no YAML", "train --from $broken.yaml", 2, "broken.yaml:3: is not valid YAML"),
    Fault("a file that is no config", "train --from $list.yaml", 2, "is not a config: its root is not a mapping"),
    Fault("a file nested too deep", "train --from $deep.yaml", 2, "cannot be read: it is nested too deeply"),
    Fault("an option nested too deep", "train --config-dir conf experiment=deep", 2, "nested too deeply"),
    Fault("an override nested too deep", f"train model.config.a={'[' * 3000}{']' * 3000}", 2, "cannot be parsed"),
    Fault("a saved config that is missing", "train --from nowhere.yaml", 2, "no such file (received nowhere.yaml)"),
    Fault("a group over a saved config", "train --from $RUN model=minilm", 2, "a saved config has no groups"),
    Fault("an option that is no YAML", "train --config-dir conf experiment=broken", 2, "experiment/broken.yaml:3"),
    Fault("16-bit floats on a CPU", "train trainer=cpu trainer.precision=16-mixed", 2, "16-mixed needs a GPU"),
]

SECURITY = [
    Fault("a callback that is a command", "train --config-dir conf experiment=os_system", 2, "must come from torch"),
    Fault("a callback that unpickles", "train --config-dir conf experiment=read_pickle", 2, "must come from torch"),
    Fault(
        "an optimizer that unpickles",
        "train --config-dir conf experiment=torch_load",
        2,
        "must derive from torch.optim",
    ),
    Fault("a callback that opens a file", "train --config-dir conf experiment=open", 2, "must come from torch"),
    Fault("a callback that writes a file", "train --config-dir conf experiment=write_text", 2, "must come from torch"),
    Fault("a module beside the config", "train --config-dir conf experiment=local", 2, "own, add --trust planted"),
    Fault("another module than the trusted", "train --trust json --config-dir conf experiment=local", 2, "add --trust"),
    Fault("a target for a value", "train --config-dir conf experiment=value", 2, "strict: must be true or false"),
    Fault("a target inside a target", "train --config-dir conf experiment=nested", 2, "trainer.profiler.filename"),
    Fault("a target where none belongs", "train --config-dir conf experiment=elsewhere", 2, "may not name code to run"),
    Fault("a target in a list", "train --config-dir conf experiment=in_a_list", 2, "may not name code to run here"),
    Fault(
        "a target on the command line", "train +callbacks.x._target_=os.system +callbacks.x.command=x", 2, "must come"
    ),
    Fault("a method that is called", "train optimizer._target_=torch.hub.load", 2, "must derive from torch.optim"),
    Fault("arguments by position", "train +callbacks.early_stopping._args_=[1]", 2, "may not name code to run here"),
    Fault(
        "Hydra's callbacks", "train --config-dir conf experiment=hydra_callbacks", 2, "may not change how Hydra runs"
    ),
    Fault(
        "Hydra's callbacks with -m", "train -m --config-dir conf experiment=hydra_callbacks seed=1", 2, "how Hydra runs"
    ),
    Fault(
        "environment variables by Hydra", "train --config-dir conf experiment=env_set", 2, "may not change how Hydra"
    ),
    Fault("the same on the command line", "train hydra.job.env_set.X=1", 2, "a config may not change how Hydra runs"),
    Fault("a launcher of Hydra's", "train hydra/launcher=joblib", 2, "a config may not change how Hydra runs"),
    Fault("a sweeper that is none", "train hydra.sweeper._target_=planted.Planted", 2, "may not name code to run here"),
    Fault("Hydra's pickled rerun", "train --experimental-rerun $evil.pickle", 2, "it would run code from a file"),
    Fault(
        "a Python tag in YAML",
        "train --from $tag.yaml",
        2,
        "tag.yaml:1: is not valid YAML: could not determine a construct",
    ),
    Fault("the same in an option", "train --config-dir conf experiment=tag", 2, "could not determine a constructor"),
    Fault("a run's config with a command", "train --from $EVIL_RUN", 2, "must come from torch"),
    Fault("the same, reproduced", "reproduce $EVIL_RUN", 2, "must come from torch"),
    Fault("the same, checked only", "reproduce --check-only $EVIL_RUN", 2, "must come from torch"),
    Fault("the same, resumed", "resume $EVIL_INTERRUPTED", 2, "must come from torch"),
    Fault("the same, evaluated", "evaluate $EVIL_RUN", 2, "must come from torch"),
    Fault("a checkpoint that is a pickle", "resume $EVIL_CHECKPOINT", 5, "last.ckpt cannot be read"),
]

FILES = [
    Fault("a folder that is no run", "show conf", 5, "conf is not a run directory: it has no config.yaml"),
    Fault("a run directory that is in use", f"train {TINY} run.dir=conf", 5, "run.dir=conf already exists"),
    Fault("a root that is a file", f"train {TINY} run.root=reviews.csv/runs", 5, "cannot create the run directory"),
    Fault(
        "a root that cannot be written", f"train {TINY} run.root=/proc/runs", 5, "cannot create the run directory /proc"
    ),
    Fault("results cut short", "show $CUT_RESULTS", 5, "results.json is damaged"),
    Fault("results that are a folder", "show $FOLDER_RESULTS", 5, "results.json: Is a directory"),
    Fault("a config of bytes", "show $BINARY_CONFIG", 5, "config.yaml is damaged"),
    Fault("a checkpoint cut short", "resume $CUT_CHECKPOINT", 5, "last.ckpt cannot be read"),
    Fault("no checkpoint", "resume $NO_CHECKPOINT", 5, "the run ended before its first checkpoint. Train it again"),
    Fault("a run that is complete", "resume $RUN", 5, "is completed: there is nothing to resume"),
    Fault("a rerun of half a run", "reproduce $NO_CHECKPOINT", 5, "only a completed run has a result to reproduce"),
    Fault("a change in a resumed run", "resume $NO_CHECKPOINT seed=5", 2, "seed: would change the result"),
    Fault("a run without a model", "predict $NO_CHECKPOINT new.txt", 5, "To continue it: tunesmith resume"),
    Fault("a record of other things", "reproduce --check-only $ODD_RECORD", 5, "provenance.json is damaged"),
    Fault(
        "answers that cannot be written",
        "predict $RUN new.txt --output nowhere/a.csv",
        5,
        "cannot write nowhere/a.csv: there is no folder nowhere. Create it",
    ),
    Fault("answers on a full device", "predict $RUN new.txt --output full.csv", 5, "cannot write full.csv: No space"),
    Fault("answers over a folder", "predict $RUN new.txt --output folder.csv", 5, "folder.csv: it is a folder. Give a"),
    Fault("answers of an unknown kind", "predict $RUN new.txt --output a.xls", 2, "written as .csv or .jsonl"),
    Fault("data that is missing", f"train {TINY} data.path=nowhere.csv", 3, "nowhere.csv: no such file. Name another"),
    Fault("data that is a folder", f"train {TINY} data.path=conf", 3, "conf: a folder, not a file. Name another"),
    Fault("data without a path", f"train {TINY} data.path=", 3, "a folder, not a file. Name another: data.path=FILE"),
    Fault("a column that is missing", f"train {TINY} data.text_column=nope", 3, "no column 'nope'"),
    Fault("texts that are missing", "predict $RUN nowhere.txt", 3, "nowhere.txt"),
    Fault("a table that is missing", "predict $RUN nowhere.csv", 3, "nowhere.csv: no such file. Give another as INPUT"),
]

MODELS = [
    Fault("a model that is missing", f"train {MODEL} model.path=./nowhere", 5, "does not exist"),
    Fault("weights cut short", f"train {MODEL} model.path=$cut", 5, "its header implies"),
    Fault("weights of random bytes", f"train {MODEL} model.path=$bytes", 5, "its header alone takes"),
    Fault("weights that are a pickle", f"train {MODEL} model.path=$pickled", 5, "only as a pickle"),
    Fault("a config that is no JSON", f"train {MODEL} model.path=$no_json", 5, "cannot load"),
    Fault("no tokenizer", f"train {MODEL} model.path=$no_tokenizer", 5, "there is no tokenizer"),
    Fault("code that comes with a model", f"train {MODEL} model.path=$auto_map", 2, "has its own Python code"),
    Fault("code that comes with a tokenizer", f"train {MODEL} model.path=$tokenizer_map", 0, "step 1/1"),
    Fault("more tokens than positions", f"train {MODEL} model.path=$good data.max_length=9999", 2, "positions"),
    Fault("a run's model that is a pickle", "predict $PICKLED_MODEL new.txt", 5, "only as a pickle"),
    Fault("an adapter that is a pickle", "predict $PICKLED_ADAPTER new.txt", 5, "holds its weights only as a pickle"),
    Fault("an adapter cut short", "predict $CUT_ADAPTER new.txt", 5, "its header"),
]

FAULTS = [*CONFIG, *SECURITY, *FILES, *MODELS]

TARGETS = {
    "os_system": "callbacks: {x: {_target_: os.system, command: touch MARKER}}",
    "read_pickle": "callbacks: {x: {_target_: pandas.read_pickle, filepath_or_buffer: evil.pickle}}",
    "torch_load": "optimizer: {_target_: torch.load, f: evil.pickle, weights_only: false}",
    "open": "callbacks: {x: {_target_: builtins.open, file: MARKER, mode: w}}",
    "write_text": "callbacks: {x: {_target_: pathlib.Path.write_text, self: MARKER, data: x}}",
    "local": "callbacks: {x: {_target_: planted.Planted}}",
    "value": "callbacks: {early_stopping: {strict: {_target_: os.system, command: touch MARKER}}}",
    "nested": "trainer: {profiler: {_target_: pytorch_lightning.profilers.SimpleProfiler, "
    "filename: {_target_: os.system, command: touch MARKER}}}",
    "elsewhere": "model: {config: {deep: {_target_: os.system, command: touch MARKER}}}",
    "in_a_list": "trainer: {plugins: [{_target_: os.system, command: touch MARKER}]}",
    "hydra_callbacks": "hydra: {callbacks: {x: {_target_: builtins.open, file: MARKER, mode: w}}}",
    "env_set": "hydra: {job: {env_set: {LD_PRELOAD: planted.so}}}",
    "tag": "callbacks: !!python/object/apply:os.system ['touch MARKER']",
    "broken": "seed: [1",
}
"""Options of the group `experiment`, as a stranger may have written them."""


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {shlex.quote(str(self.marker))}",)


@pytest.fixture(scope="session")
def world(finished, finished_lora, tmp_path_factory):
    """A folder with everything that the faults name; answers with it and the names for `$X`."""
    folder = tmp_path_factory.mktemp("world")
    marker = folder / "MARKER"
    write_reviews(folder / "reviews.csv", 60)
    (folder / "new.txt").write_text("a lovely film\n")
    (folder / "planted.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Planted: ...\n")
    (folder / "evil.pickle").write_bytes(pickle.dumps(Touch(marker)))
    (folder / "full.csv").symlink_to("/dev/full")
    (folder / "folder.csv").mkdir()
    (folder / "broken.yaml").write_text("a: 1\nb: [1\nc: 2\n")
    (folder / "deep.yaml").write_text("[" * 100_000)
    (folder / "list.yaml").write_text("- a\n- b\n")
    (folder / "tag.yaml").write_text(f"{TARGETS['tag']}\n")
    (folder / "conf" / "experiment").mkdir(parents=True)
    for name, text in TARGETS.items():
        (folder / "conf" / "experiment" / f"{name}.yaml").write_text(f"# @package _global_\n{text}\n")
    (folder / "conf" / "experiment" / "deep.yaml").write_text(f"# @package _global_\nseed: {'[' * 100_000}\n")
    make_runs(folder, finished, finished_lora, marker)
    make_models(folder / "models", finished.directory.model, marker)
    return folder


def make_runs(folder, finished, finished_lora, marker):
    """Runs in every bad state, copied from good ones."""

    def copy(name, status=None, source=finished):
        path = shutil.copytree(source.path, folder / "runs_of_others" / name)
        results = json.loads((path / "results.json").read_text())
        (path / "results.json").write_text(json.dumps(results | ({"status": status} if status else {})))
        return path

    copy("RUN")
    evil = f"callbacks:\n  x:\n    _target_: os.system\n    command: touch {marker}\n"
    for name, status in (("EVIL_RUN", "completed"), ("EVIL_INTERRUPTED", "interrupted")):
        config = copy(name, status) / "config.yaml"
        text = config.read_text()
        start = text.index("callbacks:\n")
        end = text.index("\nlogger:", start) + 1
        config.write_text(text[:start] + evil + text[end:])
    (copy("EVIL_CHECKPOINT", "interrupted") / "checkpoints" / "last.ckpt").write_bytes(pickle.dumps(Touch(marker)))
    checkpoint = copy("CUT_CHECKPOINT", "interrupted") / "checkpoints" / "last.ckpt"
    os.truncate(checkpoint, checkpoint.stat().st_size // 2)
    path = copy("NO_CHECKPOINT", "interrupted")
    shutil.rmtree(path / "checkpoints")
    shutil.rmtree(path / "model")
    os.truncate(copy("CUT_RESULTS") / "results.json", 50)
    path = copy("FOLDER_RESULTS")
    (path / "results.json").unlink()
    (path / "results.json").mkdir()
    (copy("BINARY_CONFIG") / "config.yaml").write_bytes(os.urandom(64) + b"\xff\x00")
    (copy("ODD_RECORD") / "provenance.json").write_text('{"packages": {"torch": 1}, "data": {"splits": [1]}}')
    model = copy("PICKLED_MODEL") / "model"
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Touch(marker)))
    adapter = copy("PICKLED_ADAPTER", source=finished_lora) / "model"
    (adapter / "adapter_model.safetensors").unlink()
    (adapter / "adapter_model.bin").write_bytes(pickle.dumps(Touch(marker)))
    os.truncate(copy("CUT_ADAPTER", source=finished_lora) / "model" / "adapter_model.safetensors", 3000)


def make_models(folder, good, marker):
    """Model folders of strangers."""

    def copy(name):
        return Path(shutil.copytree(good, folder / name))

    def edit(file, **changes):
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    copy("good")
    os.truncate(copy("cut") / "model.safetensors", 5000)
    (copy("bytes") / "model.safetensors").write_bytes(b"\xff" * 5000)
    pickled = copy("pickled")
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(pickle.dumps(Touch(marker)))
    (copy("no_json") / "config.json").write_text("{")
    for file in copy("no_tokenizer").glob("*token*"):
        file.unlink()
    code = f"open({str(marker)!r}, 'w').close()\n"
    remote = copy("auto_map")
    (remote / "modeling_mine.py").write_text(code)
    names = {"AutoConfig": "modeling_mine.C", "AutoModelForSequenceClassification": "modeling_mine.M"}
    edit(remote / "config.json", model_type="mine", auto_map=names, architectures=["M"])
    remote = copy("tokenizer_map")
    (remote / "tokenization_mine.py").write_text(code)
    edit(
        remote / "tokenizer_config.json",
        tokenizer_class="MineTokenizer",
        auto_map={"AutoTokenizer": ["tokenization_mine.T", "tokenization_mine.T"]},
    )


def arguments(fault, folder):
    """The command line, with the names of files in place."""
    line = fault.line.replace("{{", "{").replace("}}", "}")
    words = []
    for word in shlex.split(line):
        before, dollar, name = word.partition("$")
        places = [folder / "runs_of_others" / name, folder / "models" / name, folder / name]
        found = next((str(path) for path in places if dollar and not name.startswith("{") and path.exists()), None)
        words.append(before + found if found else word)
    return words


def judge(fault, done, folder):
    assert done.returncode == fault.code, done.stdout + done.stderr
    assert fault.sentence in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (folder / "MARKER").exists(), "it was executed"
    if fault in (*CONFIG, *SECURITY):
        assert not (folder / "runs").exists(), "nothing was started"


def test_the_table_is_long_and_names_are_unique():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) > 80
    assert {fault.code for fault in FAULTS} == {0, 2, 3, 5}, "4 and the signals are below"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault(fault, world, inside, monkeypatch):
    monkeypatch.chdir(world)
    try:
        judge(fault, inside(*arguments(fault, world)), world)
    finally:
        shutil.rmtree(world / "runs", ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_in_a_process_of_its_own(fault, world, command, monkeypatch):
    monkeypatch.chdir(world)
    try:
        judge(fault, command(*arguments(fault, world)), world)
    finally:
        shutil.rmtree(world / "runs", ignore_errors=True)


# What takes a process of its own: signals, disk, memory, tracker, and a training that fails.


def start(folder, line, limit=None, **environment):
    """A run in a process of its own; `limit` is the largest file it may write, as on a disk that is full."""
    return start_warm(*shlex.split(line), cwd=folder, env={**os.environ, **environment}, largest_file=limit)


@pytest.fixture
def place(tmp_path):
    write_reviews(tmp_path / "reviews.csv", 60)
    return tmp_path


@dataclass(frozen=True)
class Ending:
    """A run that ends by itself; those that a signal ends are in test_endings.py."""

    name: str
    line: str
    code: int
    status: str
    sentence: str
    limit: int | None = None


SHORT = f"train {TINY} trainer.max_epochs=2 run.dir=r"
ENDINGS = [
    Ending("a full disk at a checkpoint", SHORT, 5, "failed", "last.ckpt", limit=5_000_000),
    Ending("a full disk at the first file", SHORT, 5, "failed", "cannot write", limit=100_000),
    Ending(
        "a loss that is not finite",
        f"{SHORT} optimizer=sgd optimizer.lr=1e30 trainer.gradient_clip_val=null scheduler=constant",
        4,
        "failed",
        "the loss is",
    ),
    Ending(
        "memory that runs out", f"{SHORT} model.config.intermediate_size=90000000000", 4, "failed", "memory ran out"
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_an_ending(ending, place):
    process = start(place, ending.line, ending.limit)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == ending.code, errors
    assert ending.sentence in errors
    assert "Traceback" not in errors
    record = load_run(place / "r")
    assert record.status == ending.status
    assert record.results["exit_code"] == ending.code
    assert [path for path in (place / "r").rglob(".*") if path.stat().st_size] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "a" * 40, "WANDB_MODE": "online"}, "not reached"),
        ({"WANDB_MODE": "nonsense"}, "WANDB_MODE=nonsense is not one of"),
        ({"WANDB_API_KEY": "short", "WANDB_MODE": "", "WANDB_BASE_URL": "http://127.0.0.1:9"}, "API key is rejected"),
    ],
    ids=["a server that refuses", "a mode that does not exist", "a key that is none"],
)
def test_a_tracker_that_fails_never_fails_the_run(place, environment, words):
    process = start(place, f"{SHORT} logger=wandb", **environment)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert words in errors
    assert load_run(place / "r").status == "completed"


@pytest.mark.slow
def test_names_do_not_leave_the_folder_of_runs(place, inside, monkeypatch):
    monkeypatch.chdir(place)
    before = {path.name for path in place.iterdir()}
    done = inside(*shlex.split(f"train {TINY} trainer.max_steps=1 run.root=mine/runs run.name=../../../outside/\\n[x]"))
    assert done.returncode == 0, done.stderr
    directory = Path(done.stdout.splitlines()[-1])
    assert directory.parent.parent == place / "mine" / "runs"
    assert {path.name for path in place.iterdir()} == before | {"mine", "cache"}


LABELS = ("../../up", "<script>alert(1)</script>", "[red]x[/red]")


@pytest.mark.slow
def test_labels_and_texts_are_data_and_nothing_else(place, inside, monkeypatch):
    monkeypatch.chdir(place)
    rows = [{"review": f"<img src=x onerror=alert({n})> [b]{n}[/b]", "verdict": LABELS[n % 3]} for n in range(60)]
    (place / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    line = f"train {TINY} data=jsonl data.path=odd.jsonl trainer.max_steps=1 logger=wandb run.dir=r"
    done = inside(*shlex.split(line))
    assert done.returncode == 0, done.stderr
    record = load_run(place / "r")
    assert record.labels == sorted(LABELS)
    shown = inside("show", "r").stdout
    for label in LABELS:
        assert f"f1/{label}" in shown, "as it is: no markup is taken from it"
    assert not (place / "up").exists()
    assert {path.relative_to(place).parts[0] for path in place.rglob("*")} == {
        "reviews.csv",
        "odd.jsonl",
        "cache",
        "r",
        "runs",
    }
