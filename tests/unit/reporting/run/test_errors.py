"""What a run gets wrong: held against scikit-learn and statsmodels, against planted faults, and typed."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix
from sklearn.preprocessing import MultiLabelBinarizer

from tunesmith.data.rows import Rows
from tunesmith.reporting.run.errors import by_length, by_slice, confusions, error_blocks
from tunesmith.reporting.run.mistakes import SAMPLES
from tunesmith.reporting.run.suspects import suspects
from tunesmith.runs.record import load_run
from tunesmith.training.predictions import MOST_CHARACTERS, kept_texts

LABELS = [f"label {number}" for number in range(12)]


def answered(number, labels, seed=0, sure=1.0):
    """Rows of which a model is right as often as it believes; `sure` multiplies what it says of that."""
    draw = np.random.default_rng(seed)
    logits = 2 * draw.normal(size=(number, len(labels)))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truths = [int(draw.choice(len(labels), p=row)) for row in chances]
    return [
        {
            "id": str(place),
            "split": "val",
            "label": labels[truth],
            "prediction": labels[int(row.argmax())],
            "logits": (row * sure).tolist(),
            "text": "x" * int(draw.integers(1, 90)),
        }
        for place, (truth, row) in enumerate(zip(truths, logits, strict=True))
    ]


@pytest.mark.parametrize("number", [2, 8, 12])
def test_confusions_are_those_of_scikit_learn(number):
    labels = sorted(LABELS[:number])
    rows = answered(3000, labels)
    table = confusions(rows, "val")
    given = [row["label"] for row in rows], [row["prediction"] for row in rows]
    matrix = confusion_matrix(*given, labels=labels)
    if number <= 8:
        assert [row[1:] for row in table.rows] == matrix.tolist()
        assert [row[0] for row in table.rows] == labels == table.columns[1:]
        return
    np.fill_diagonal(matrix, 0)
    assert [row[2] for row in table.rows] == sorted(matrix.ravel().tolist(), reverse=True)[:20]
    total = [label for label, _ in zip(*given, strict=True)].count
    assert all(share == pytest.approx(count / total(label)) for label, _, count, share in table.rows)


def test_labels_of_several_are_counted_as_missed_and_wrongly_given():
    draw = np.random.default_rng(1)
    truth, given = draw.random((2, 200, 4)) < 0.4
    names = np.array(["a", "b", "c", "d"])
    rows = [
        {"label": names[one].tolist(), "prediction": names[two].tolist(), "logits": [0.0] * 4, "split": "val"}
        for one, two in zip(truth, given, strict=True)
    ]
    counted = {row[0]: row[1:] for row in confusions(rows, "val").rows}
    binary = MultiLabelBinarizer(classes=names)
    fitted = [binary.fit_transform([row[key] for row in rows]) for key in ("label", "prediction")]
    for name, ((_, wrongly), (missed, right)) in zip(names, multilabel_confusion_matrix(*fitted), strict=True):
        assert counted[name] == [missed + right, missed, wrongly]


def test_parts_by_length_and_slice_hold_each_row_once_with_the_interval_of_a_fraction():
    rows = answered(500, LABELS[:3])
    for place, row in enumerate(rows):
        row |= {"source": "ab"[place % 2], "slices": {"tongue": "en" if place % 5 else "de"}}
    tables = [by_length(rows, "val"), *by_slice(rows, "val")]
    assert [table.columns[0] for table in tables] == ["characters", "label", "source", "tongue"]
    right = sum(row["label"] == row["prediction"] for row in rows)
    for table in tables:
        assert sum(row[1] for row in table.rows) == 500
        assert sum(row[1] * row[2] for row in table.rows) == pytest.approx(right)
        for _, count, share, *bounds in table.rows:
            reference = binomtest(round(share * count), count).proportion_ci(method="wilson")
            assert bounds == pytest.approx(list(reference), abs=1e-6)
    in_groups = [row | {"group": "one"} for row in rows]
    assert by_length(in_groups, "val").columns == ["characters", "rows", "right"], "rows of a group are alike"


def test_means_of_other_answers_are_those_of_their_rows():
    texts = [{"label": "x y", "prediction": "x z", "num_tokens": 3, "loss": 1.0, "text": "t" * n} for n in range(1, 30)]
    assert {row[2] for row in by_length(texts, "val").rows} == {0.5}
    numbers = [{"label": 1.0, "prediction": 1.0 + n, "logits": [0.0], "source": "ab"[n % 2]} for n in range(40)]
    (table,) = by_slice(numbers, "val")
    assert [row[:3] for row in table.rows] == [["a", 20, 19.0], ["b", 20, 20.0]]
    tags = [
        {"label": ["O", "N"], "prediction": ["O", None], "logits": [[1.0]], "source": "ab"[n % 2]} for n in range(40)
    ]
    assert {row[2] for table in by_slice(tags, "val") for row in table.rows} == {0.5}


def test_generated_texts_are_shown_from_the_worst_and_from_best_to_worst():
    rows = [
        {"id": str(n), "split": "val", "label": "a " * 20, "prediction": "a " * n + "b " * (20 - n), "num_tokens": 9}
        for n in range(1, 21)
    ]
    worst, samples = [block for block in error_blocks(rows, [], 3) if "prediction" in block.columns]
    assert [row[0] for row in worst.rows] == ["1", "2", "3"]
    shown = [row[-1] for row in samples.rows]
    assert (len(shown), shown) == (SAMPLES, sorted(shown))
    assert (samples.rows[0][0], samples.rows[-1][0]) == ("20", "1")


@pytest.mark.parametrize("sure", [1.0, 10.0])
def test_planted_label_errors_are_suspected_however_sure_the_model_says_it_is(sure):
    draw = np.random.default_rng(3)
    rows = answered(1500, LABELS[:3], seed=2)
    for row in rows:  # labels that can be told apart: the answer is nearly always right
        row["logits"] = [4 * sure * (label == row["prediction"]) + sure * draw.normal() for label in LABELS[:3]]
        row["label"] = row["prediction"] if draw.random() < 0.97 else row["label"]
    assert len(suspects(rows, LABELS[:3])) < 40
    planted = {int(place) for place in draw.choice(len(rows), 60, replace=False)}
    for place in planted:
        rows[place]["label"] = next(label for label in LABELS if label != rows[place]["label"])
    doubts = suspects(rows, LABELS[:3])
    named = {doubt["row"] for doubt in doubts}
    assert len(named & planted) >= 30
    assert len(named & planted) / len(named) >= 0.7
    assert [doubt["label"] for doubt in doubts] == [rows[doubt["row"]]["prediction"] for doubt in doubts]


def test_a_model_that_cannot_tell_labels_apart_doubts_none():
    draw = np.random.default_rng(4)
    rows = answered(1500, LABELS[:3])
    for row in rows:
        row["label"] = LABELS[int(draw.integers(3))]
    assert not suspects(rows, LABELS[:3])
    assert not suspects(rows[:49], LABELS[:3])
    assert not suspects(answered(100, LABELS[:3]), LABELS[:2]), "logits of other labels"


def test_texts_that_are_kept_hold_no_secret_and_have_an_end(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "correct-horse-battery")
    rows = Rows(["1", "2"], ["say correct-horse-battery", "y" * 5000], ["a", "b"], pairs=["hf_" + "a" * 20, "z"])
    first, second = kept_texts(rows)
    assert first == "say <redacted>\n<redacted>"
    assert (len(second), second[-1]) == (MOST_CHARACTERS, "…")


@pytest.fixture(scope="module")
def kept(finished, tmp_path_factory):
    """A copy of a finished run whose texts are kept when it is evaluated."""
    path = tmp_path_factory.mktemp("kept") / "run"
    shutil.copytree(finished.path, path, ignore=shutil.ignore_patterns("checkpoints"))
    config = yaml.safe_load((path / "config.yaml").read_text())
    config["evaluation"]["texts"] = True
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    return load_run(path)


@pytest.mark.slow
def test_texts_are_kept_on_request_and_read_again_otherwise(finished, kept, inside, tmp_path, reviews_csv):
    assert "text" not in finished.predictions()[0]
    done = inside("evaluate", kept.path, "--split", "val")
    (line,) = [line for line in done.stdout.splitlines() if "/evaluations/" in line]
    rows = [json.loads(row) for row in (Path(line) / "predictions.jsonl").read_text().splitlines()]
    read = reviews_csv.read_text().splitlines()
    assert [f"{row['text']},{row['label']}" for row in rows] == [read[int(row["id"]) + 1] for row in rows]
    wrong = [row for row in finished.predictions() if row["label"] != row["prediction"]]
    shown = inside("show", finished.path, "--errors", "100")
    assert (shown.returncode, shown.stderr) == (0, "")
    words = set(re.findall(r"\w+", shown.stdout))
    assert all(set(read[int(row["id"]) + 1].partition(",")[0].split()) <= words for row in wrong)


def test_rows_whose_texts_have_changed_are_shown_by_their_id_and_counted(finished, inside, tmp_path, reviews_csv):
    lines = reviews_csv.read_text().splitlines()
    changed = int(finished.predictions()[0]["id"]) + 1
    edited = [line if place != changed else f"another {line}" for place, line in enumerate(lines)]
    other = tmp_path / "reviews.csv"
    other.write_text("\n".join(edited))
    path = tmp_path / "run"
    shutil.copytree(finished.path, path, ignore=shutil.ignore_patterns("checkpoints", "model"))
    config = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(config.replace(str(reviews_csv), str(other)))
    shown = inside("show", path, "--errors")
    assert shown.stdout.splitlines()[-1].startswith(f"1 of {len(finished.predictions())} rows are shown by their id")
    sliced = inside("show", path, "--errors", "1", "--slices", "verdict")
    assert "val: by verdict" in sliced.stdout
    unknown = inside("show", path, "--errors", "--slices", "tongue")
    assert (unknown.returncode, "takes columns of the data: review, verdict" in unknown.stderr) == (2, True)
    other.unlink()
    gone = inside("show", path, "--errors")
    assert gone.returncode == 0
    assert "Rows are shown by their id, since the data cannot be read again" in gone.stdout
    assert inside("show", path, "--slices", "verdict").returncode == 2


def test_the_page_has_texts_if_asked_for(finished, inside, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(finished.path, path, ignore=shutil.ignore_patterns("checkpoints", "model"))
    first = inside("report", path, "--format", "markdown").stdout
    assert "| id | label | prediction | confidence |" in first
    (advice,) = re.findall(r"tunesmith (report .+ --texts)", first.replace("\\", ""))
    assert inside(*advice.split()).returncode == 0
    assert "<th>text</th>" in (path / "report.html").read_text()
    assert "| id | text | label | prediction | confidence |" in inside(*advice.split(), "--format", "markdown").stdout
