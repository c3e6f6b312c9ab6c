"""A finished run on its own splits and on other data, for every task; values against plain transformers."""

import csv
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency, fisher_exact
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error

from tunesmith import compose, load_run, train

WORDS = ("the", "a", "film", "story", "plot", "actor", "scene", "great", "awful", "dull", "warm")


def texts(num_rows, seed=0):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randrange(2, 10))) for _ in range(num_rows)]


def jsonl_file(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(task, num_rows, seed=0):
    """Rows of a task, as the columns of a JSON-lines file."""
    draw = random.Random(seed)
    made = []
    for number, text in enumerate(texts(num_rows, seed)):
        words = text.split()
        made.append(
            {
                "classification": {"text": text, "label": "ab"[number % 2]},
                "multi_label": {"text": text, "label": sorted(draw.sample(["art", "law"], draw.randrange(3)))},
                "regression": {"text": text, "label": len(text) / 7},
                "token_classification": {"text": words, "label": ["B-X" if word == "the" else "O" for word in words]},
                "plain": {"text": text},
                "conversation": {
                    "chat": [{"role": "user", "content": text}, {"role": "assistant", "content": words[-1]}]
                },
                "text_to_text": {"text": text, "target": words[0]},
            }[task]
        )
    return made


TASKS = {
    "classification": ("classification", "tiny_encoder"),
    "multi_label": ("multi_label", "tiny_encoder"),
    "regression": ("regression", "tiny_encoder"),
    "token_classification": ("token_classification", "tiny_encoder"),
    "plain": ("language_modeling", "tiny_causal"),
    "conversation": ("language_modeling", "tiny_causal", "data.messages_column=chat"),
    "text_to_text": ("text_to_text", "tiny_seq2seq", "data.target_column=target"),
}
COLUMNS = {"conversation": ["data.messages_column=chat"], "text_to_text": ["data.target_column=target"]}


@pytest.fixture(scope="module")
def run_of(tmp_path_factory, cache_dir):
    """A finished run of a task; made once."""
    made = {}

    def of(task, *more):
        if (task, more) not in made:
            folder = tmp_path_factory.mktemp("evaluated")
            name, model, *columns = TASKS[task]
            path = jsonl_file(folder / "own.jsonl", rows_of(task, 60))
            chosen = [f"task={name}", "data=jsonl", f"data.path={path}", f"model={model}", *columns]
            quick = ["data.max_length=24", "data.batch_size=8", "optimizer.lr=3e-3"]
            quick += ["data.max_target_length=4"] if name in ("language_modeling", "text_to_text") else []
            still = ["trainer=cpu", "trainer.threads=1", "trainer.max_epochs=1", "logger=none"]
            places = [f"data.cache_dir={cache_dir}", f"run.root={folder / 'runs'}"]
            made[task, more] = train(compose([*chosen, *quick, *still, *places, *more]))
        return made[task, more]

    return of


def evaluation(done):
    """The results and the predictions of an evaluation, by its last line."""
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    return json.loads((folder / "results.json").read_text()), rows


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_measured_on_a_file_of_one_s_own(task, run_of, tmp_path, inside):
    """Every row of it, with the run's columns or with those that are named; both read texts as the run did."""
    record = run_of(task)
    other = jsonl_file(tmp_path / "other.jsonl", rows_of(task, 23, seed=9))
    of_path, rows = evaluation(inside("evaluate", record.path, f"data.path={other}"))
    of_option, same = evaluation(
        inside("evaluate", record.path, "data=jsonl", f"data.path={other}", *COLUMNS.get(task, []))
    )
    assert of_path["metrics"] == of_option["metrics"]
    assert rows == same
    assert {row["split"] for row in rows} == {"all"}
    assert [row["id"] for row in rows] == [str(number) for number in range(23)]
    assert of_path["num_rows"] == {"all": 23}
    names = {name.partition("/")[2] for name in record.metrics}
    assert {name.partition("/")[2] for name in of_path["metrics"]} <= names
    assert all(name.startswith("all/") and math.isfinite(value) for name, value in of_path["metrics"].items())
    for name, change in of_path["changes"]["metrics"].items():
        assert (change["then"], change["now"]) == (record.metrics[f"test/{name}"], of_path["metrics"][f"all/{name}"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "task", ["classification", *(pytest.param(task, marks=pytest.mark.slow) for task in list(TASKS)[1:])]
)
def test_the_whole_of_the_run_s_own_data_is_the_sum_of_its_splits(task, run_of, inside):
    record = run_of(task)
    parts = {}
    for split in ("train", "val", "test"):
        results, parts[split] = evaluation(inside("evaluate", record.path, "--split", split))
        if split != "train":
            own = {name: value for name, value in record.metrics.items() if name.startswith(f"{split}/")}
            # A correlation of predictions that hardly differ magnifies the rounding of other batches.
            loose = {name for name in own if "pearson" in name or "spearman" in name}
            assert results["metrics"] == {
                name: pytest.approx(value, rel=1e-2 if name in loose else 1e-5) for name, value in own.items()
            }
    results, rows = evaluation(inside("evaluate", record.path, "--split", "all"))
    assert [row["id"] for row in rows] == [row["id"] for part in parts.values() for row in part]
    assert len(rows) == 60
    answers = {row["id"]: row["prediction"] for part in parts.values() for row in part}
    if task != "regression":  # whose last bits depend on what else is in a batch
        assert {row["id"]: row["prediction"] for row in rows} == answers
    assert any("have a text that the run was trained on" in sentence for sentence in results["warnings"])


@pytest.mark.slow
def test_labels_are_measured_as_scikit_learn_does_on_plain_transformers(run_of, tmp_path, inside):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    record = run_of("classification")
    made = rows_of("classification", 31, seed=4)
    results, _ = evaluation(inside("evaluate", record.path, f"data.path={jsonl_file(tmp_path / 'o.jsonl', made)}"))
    model = AutoModelForSequenceClassification.from_pretrained(record.directory.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(record.directory.model)
    with torch.no_grad():
        said = [
            model.config.id2label[model(**tokenizer(row["text"], return_tensors="pt")).logits.argmax().item()]
            for row in made
        ]
    wanted = [row["label"] for row in made]
    assert results["metrics"]["all/accuracy"] == pytest.approx(accuracy_score(wanted, said))
    assert results["metrics"]["all/f1_macro"] == pytest.approx(f1_score(wanted, said, average="macro"))


@pytest.mark.slow
def test_numbers_and_perplexity_are_those_of_plain_transformers(run_of, tmp_path, inside):
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

    record, made = run_of("regression"), rows_of("regression", 19, seed=2)
    results, _ = evaluation(inside("evaluate", record.path, f"data.path={jsonl_file(tmp_path / 'r.jsonl', made)}"))
    model = AutoModelForSequenceClassification.from_pretrained(record.directory.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(record.directory.model)
    with torch.no_grad():
        said = [model(**tokenizer(row["text"], return_tensors="pt")).logits.item() for row in made]
    assert results["metrics"]["all/mse"] == pytest.approx(
        mean_squared_error([row["label"] for row in made], said), rel=1e-4
    )

    record, made = run_of("plain"), rows_of("plain", 19, seed=2)
    results, _ = evaluation(inside("evaluate", record.path, f"data.path={jsonl_file(tmp_path / 'p.jsonl', made)}"))
    model = AutoModelForCausalLM.from_pretrained(record.directory.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(record.directory.model)
    loss, tokens = 0.0, 0
    for row in made:
        ids = tokenizer(row["text"], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            loss += model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    assert results["metrics"]["all/perplexity"] == pytest.approx(math.exp(loss / tokens), rel=1e-4)


@pytest.mark.slow
def test_what_only_training_asks_for_is_not_asked_of_other_data(run_of, tmp_path, inside):
    """Class weights, and a column that says which row is in which split."""
    record = run_of("classification", "task.class_weights=balanced")
    other = jsonl_file(tmp_path / "other.jsonl", rows_of("classification", 12, seed=9))
    results, _ = evaluation(inside("evaluate", record.path, f"data.path={other}"))
    assert results["num_rows"] == {"all": 12}

    names = ["train"] * 20 + ["val", "test"] * 6
    rows = [row | {"part": name} for row, name in zip(rows_of("classification", 32), names, strict=True)]
    path = jsonl_file(tmp_path / "parts.jsonl", rows)
    record = run_of("classification", f"data.path={path}", "data.split.method=column", "data.split.column=part")
    results, _ = evaluation(inside("evaluate", record.path, f"data.path={other}"))
    assert results["num_rows"] == {"all": 12}
    results, _ = evaluation(inside("evaluate", record.path, f"data.path={other}", "data.num_rows=5"))
    assert results["num_rows"] == {"all": 5}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "multi_label", "token_classification"])
def test_a_label_that_the_model_does_not_know_is_refused_with_its_row(task, run_of, tmp_path, inside):
    rows = rows_of(task, 9, seed=3)
    strange = {"classification": "c", "multi_label": ["c"], "token_classification": ["c"] * len(rows[6]["text"])}
    rows[6]["label"] = strange[task]
    done = inside("evaluate", run_of(task).path, f"data.path={jsonl_file(tmp_path / 'o.jsonl', rows)}")
    assert done.returncode == 3
    assert "o.jsonl:7: the data has the label 'c', but the model knows " in done.stderr


def test_a_label_without_rows_is_said(run_of, tmp_path, inside):
    rows = [row | {"label": "a"} for row in rows_of("classification", 8, seed=3)]
    done = inside("evaluate", run_of("classification").path, f"data.path={jsonl_file(tmp_path / 'o.jsonl', rows)}")
    results, _ = evaluation(done)
    assert results["warnings"] == ["no row of all has the label 'b': its metrics, and means over labels, say little"]
    assert results["warnings"][0] in done.stdout


@pytest.mark.slow
def test_rows_that_were_trained_on_and_changed_data_are_said(run_of, tmp_path, inside):
    record = run_of("classification")
    results, rows = evaluation(inside("evaluate", record.path, "data.split.seed=5"))
    trained = {row["id"] for row in evaluation(inside("evaluate", record.path, "--split", "train"))[1]}
    count = len(trained & {row["id"] for row in rows})
    assert count
    said = f"{count} of the {len(rows)} rows evaluated here have a text that the run was trained on"
    assert said in results["warnings"]
    own = evaluation(inside("evaluate", record.path))[0]["warnings"]
    assert not any("trained" in sentence for sentence in own)

    mine = jsonl_file(tmp_path / "mine.jsonl", rows_of("classification", 60))
    changing = run_of("classification", f"data.path={mine}")
    jsonl_file(mine, rows_of("classification", 60)[::-1])
    results, _ = evaluation(inside("evaluate", changing.path))
    assert any("has changed since the run was trained" in sentence for sentence in results["warnings"])


def test_texts_longer_than_the_model_can_read_are_refused(run_of, inside):
    done = inside("evaluate", run_of("classification").path, "data.max_length=100000")
    assert done.returncode == 2
    assert "data.max_length" in done.stderr
    assert "positions" in done.stderr


@pytest.mark.slow
def test_looks_at_test_rows_are_in_the_ledger_and_others_are_not(run_of, tmp_path, inside):
    record = run_of("classification", "seed=7")
    ledger = Path(record.typed.run.root) / "test_looks.jsonl"
    other = jsonl_file(tmp_path / "other.jsonl", rows_of("classification", 12, seed=9))
    for arguments in (["--split", "val"], ["--split", "all"], [f"data.path={other}"], ["--split", "train"]):
        evaluation(inside("evaluate", record.path, *arguments))
    looks = [json.loads(line) for line in ledger.read_text().splitlines()]
    own = record.results["data_fingerprint"]
    assert [(look["reason"], look["data_fingerprint"] == own) for look in looks] == [
        ("train", True),
        ("evaluate all", True),
        ("evaluate all", False),
    ]


@pytest.mark.slow
def test_a_csv_file_with_other_columns_is_named_by_its_group(finished, tmp_path, inside):
    path = tmp_path / "stars.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("body", "stars"), ("a lovely film", "good"), ("an awful film", "bad")])
    chosen = ["data=csv", f"data.path={path}", "data.text_column=body", "data.label_column=stars"]
    results, rows = evaluation(inside("evaluate", finished.path, *chosen))
    assert [row["label"] for row in rows] == ["good", "bad"]
    assert results["data"]["max_length"] == load_run(finished.path).config["data"]["max_length"]


@pytest.mark.slow
def test_new_data_is_held_against_the_run_s_own_and_listed_over_time(run_of, tmp_path, inside):
    """Changes by tests on different rows, drift of labels, lengths and words; a threshold fails with 4."""
    record = run_of("classification", "data.split.test_fraction=0.4")
    rows = [row | {"text": f"{row['text']} unheard {row['text']}"} for row in rows_of("classification", 60, seed=9)]
    for number, row in enumerate(rows):
        row["label"] = "ab"[number % 10 == 0]
    other = jsonl_file(tmp_path / "other.jsonl", rows)
    done = inside("evaluate", record.path, f"data.path={other}", "--fail-above", "all/loss=0", "--fail-below", "loss=0")
    assert done.returncode == 4
    assert "all/loss" in done.stderr
    assert "above 0" in done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    results = json.loads((folder / "results.json").read_text())

    own, new = record.predictions("test"), [json.loads(line) for line in (folder / "predictions.jsonl").open()]
    right = [[row["label"] == row["prediction"] for row in side] for side in (new, own)]
    table = [[sum(side), len(side) - sum(side)] for side in right]
    change = results["changes"]["metrics"]["accuracy"]
    assert results["changes"]["against"] == "test"
    assert change["p"] == pytest.approx(fisher_exact(table).pvalue)
    assert change["difference"] == pytest.approx(np.mean(right[0]) - np.mean(right[1]))
    drift = {each["kind"]: each for each in results["drift"]}
    counts = [[sum(row["label"] == name for row in side) for name in "ab"] for side in (own, new)]
    plain = chi2_contingency(counts, correction=False).pvalue
    assert plain <= drift["labels"]["p"] <= 3 * plain, "corrected for three tests"
    assert drift["lengths"]["now"] > 2 * drift["lengths"]["then"]
    assert drift["unknown words"]["now"] > drift["unknown words"]["then"]
    assert max(each["p"] for each in drift.values()) < 0.01
    assert "drift" in done.stdout

    again = inside("evaluate", record.path, f"data.path={other}", "--fail-above", "loss=1e9")
    assert again.returncode == 0, again.stderr
    shown = inside("show", record.path).stdout
    assert shown.count(str(len(rows))) >= 2
    page = (record.path / "report.html").read_text(encoding="utf-8")
    assert page.count(str(other)) == 2
    refused = inside("evaluate", record.path, f"data.path={other}", "--fail-below", "val/accuracy=0.8")
    assert (refused.returncode, "measures all, not val" in refused.stderr) == (2, True)
