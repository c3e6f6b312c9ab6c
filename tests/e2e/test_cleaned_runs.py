"""Cleaning from the command line to the last verb: what a run learns from is what its model is given later."""

import csv
import json
from pathlib import Path

import pytest

from tunesmith import compose, train

STEPS = "data/cleaning=[markup,standard]"


@pytest.fixture
def rows(reviews_csv):
    with reviews_csv.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture
def spaced(tmp_path, rows):
    path = tmp_path / "spaced.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        marked = [(f"<b>{text.replace(' ', '  ')}</b>", label) for text, label in rows]
        csv.writer(file).writerows([("review", "verdict"), *marked])
    return path


@pytest.fixture
def run(spaced, tiny):
    return train(compose([*tiny, f"data.path={spaced}", STEPS]))


@pytest.mark.slow
def test_a_run_on_cleaned_rows_is_that_on_rows_that_were_clean(run, tiny):
    clean = train(compose([*tiny, "data/cleaning=duplicates"]))
    assert run.results["weights_sha256"] == clean.results["weights_sha256"]
    assert run.metrics == clean.metrics
    assert run.results["data_fingerprint"] == clean.results["data_fingerprint"]
    changed = run.results["cleaned"]["markup"]["changed"]
    assert sum(changed.values()) == 75
    assert "cleaned" not in train(compose([*tiny, "trainer.max_steps=1"])).results


@pytest.mark.slow
def test_a_finished_run_cleans_what_it_is_given_and_leaves_nothing_out(run, spaced, rows, inside, tmp_path):
    answers = {}
    for name, texts in {"clean": [text for text, _ in rows[:6]], "spaced": None}.items():
        texts = texts or [f"<i>{text.replace(' ', '   ')}</i>" for text, _ in rows[:6]]
        file = tmp_path / f"{name}.txt"
        file.write_text("\n".join([*texts, texts[0]]) + "\n", encoding="utf-8")
        ended = inside("predict", run.path, file)
        assert ended.returncode == 0, ended.stderr
        answers[name] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert answers["spaced"][0]["text"].startswith("<i>"), "inputs are shown as they stand"
    numbers = {name: [row["probabilities"] for row in each] for name, each in answers.items()}
    assert numbers["clean"] == numbers["spaced"]
    assert len(numbers["clean"]) == 7


def measured(ended):
    """What `evaluate` wrote into the directory that its last line names."""
    assert ended.returncode == 0, ended.stderr
    return json.loads((Path(ended.stdout.splitlines()[-1]) / "results.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_measuring_again_gives_the_same(run, inside):
    again = measured(inside("evaluate", run.path, "--split", "val"))["metrics"]
    assert again == {name: value for name, value in run.metrics.items() if name in again}
    assert "val/accuracy" in again


@pytest.mark.slow
def test_other_data_is_cleaned_as_the_runs_own(run, reviews_csv, spaced, inside):
    columns = ["data.text_column=review", "data.label_column=verdict"]
    results = [
        measured(inside("evaluate", run.path, "data=csv", f"data.path={p}", *columns)) for p in (reviews_csv, spaced)
    ]
    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[0]["num_rows"] == results[1]["num_rows"] == {"all": 75}


def test_check_prints_what_each_step_does(spaced, tiny, inside):
    ended = inside("check", *tiny, f"data.path={spaced}", STEPS)
    assert ended.returncode == 0, ended.stderr
    assert "\ncleaning\n" in ended.stdout
    assert "markup changed 59 in train, 8 in val, 8 in test" in " ".join(ended.stdout.split())


OWN = """
from tunesmith.data.cleaning.step import RowStep, TextStep


class Shout(TextStep):
    def __init__(self, end: str = "!"):
        self.end = end

    def clean(self, text):
        return text.upper().rstrip(self.end) + self.end


class Odd(RowStep):
    def removed(self, rows, task):
        return {row: "an odd row" for row in range(1, len(rows), 2)}
"""


@pytest.mark.slow
def test_a_step_of_a_users_own_is_trusted_by_name_and_followed_to_the_end(tmp_path, tiny, command, monkeypatch):
    (tmp_path / "own_steps.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    steps = ["+data.cleaning.shout._target_=own_steps.Shout", "+data.cleaning.odd._target_=own_steps.Odd"]
    line = [*tiny, *steps, "+data.cleaning.shout.end='?'", "trainer.max_steps=2"]
    refused = command("train", *line)
    assert refused.returncode == 2
    assert "--trust own_steps" in refused.stderr
    ended = command("train", *line, "--trust", "own_steps")
    assert ended.returncode == 0, ended.stderr
    run = Path(ended.stdout.splitlines()[-1])
    cleaned = json.loads((run / "results.json").read_text())["cleaned"]
    assert cleaned["odd"] == {"removed": {"train": 29}, "kept": {"val": 4, "test": 4}}
    (tmp_path / "new.txt").write_text("a lovely film\nA LOVELY FILM?\n")
    untrusted = command("predict", run, "new.txt")
    assert untrusted.returncode == 2
    assert "--trust own_steps" in untrusted.stderr
    answered = command("predict", run, "new.txt", "--trust", "own_steps")
    first, second = [json.loads(row)["probabilities"] for row in answered.stdout.splitlines()]
    assert first == second, "the same text once it is cleaned"
