"""Probabilities at a temperature and withheld answers, of a run with stored predictions and of a real one."""

import csv
import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from conftest import reviews, tiny_overrides
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.metrics import f1_score, precision_score, recall_score
from synthetic_sweep import write_facts, write_trial
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tunesmith import compose, load_model, load_run, train
from tunesmith.config.tasks import TASKS
from tunesmith.errors import ConfigError
from tunesmith.evaluation.calibration import expected_calibration_error
from tunesmith.evaluation.decision_thresholds import Goal, fit_threshold
from tunesmith.evaluation.label_scores import label_scores
from tunesmith.evaluation.temperature import fit_temperature
from tunesmith.inference.deciding import Deciding, refuse_undecidable, temperature_of
from tunesmith.inference.export import export
from tunesmith.inference.predict import predict
from tunesmith.inference.threshold_goals import fit_thresholds, goals_of
from tunesmith.reporting.markdown import as_markdown
from tunesmith.reporting.run.report import run_document

TEXTS = ["a lovely film", "the dull story", "awful", "one warm scene with some great actor", "plot"]


def with_predictions(record, path, rows, **results):
    """A copy of a run with other stored predictions, as if made before temperatures were saved."""
    shutil.copytree(record.path, path, ignore=shutil.ignore_patterns("checkpoints"))
    (path / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stored = json.loads((path / "results.json").read_text())
    stored.pop("calibration", None)
    (path / "results.json").write_text(json.dumps(stored | results))
    (path / "model/calibration.json").unlink(missing_ok=True)
    return load_run(path)


def too_sure(num_rows, seed=0, factor=2.5):
    """Predicted rows of two labels whose logits are `factor` times those that their labels were drawn by."""
    random_ = np.random.default_rng(seed)
    rows = []
    for number in range(num_rows):
        margin = random_.normal(0, 3)
        label, split = ("bad", "good")[int(random_.random() < expit(margin))], ("val", "test")[number % 2]
        logits = [-margin * factor / 2, margin * factor / 2]
        given = ("bad", "good")[int(margin > 0)]
        rows.append({"id": str(number), "split": split, "label": label, "prediction": given, "logits": logits})
    return rows


@pytest.fixture(scope="module")
def older(finished, tmp_path_factory):
    """A run made before temperatures were saved, with 300 validation and 300 test rows."""
    return with_predictions(finished, tmp_path_factory.mktemp("older") / "run", too_sure(600))


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "asked.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    return path


def test_a_run_made_before_takes_its_temperature_from_its_stored_predictions(older, inside, asked):
    plain = [json.loads(line) for line in inside("predict", older.path, asked).stdout.splitlines()]
    done = inside("predict", older.path, asked, "--calibrated")
    assert done.returncode == 0, done.stderr
    calibrated = [json.loads(line) for line in done.stdout.splitlines()]
    temperature = fit_temperature(label_scores(older.predictions("val"), ["bad", "good"]))
    assert temperature == pytest.approx(2.5, rel=0.2)
    assert f"no temperature was saved with this run: {temperature:.4g} fits" in done.stderr
    for before, after in zip(plain, calibrated, strict=True):
        assert (before["text"], before["prediction"]) == (after["text"], after["prediction"])
        odds = np.log([before["probabilities"][label] for label in ("bad", "good")]) / temperature
        assert list(after["probabilities"].values()) == pytest.approx(softmax(odds), abs=1e-9)


def test_its_page_shows_both_reliabilities_and_what_is_withheld(older):
    text = as_markdown(run_document(older))
    chapter = text.partition("## Calibration")[2].partition("## ")[0]
    scores = label_scores(older.predictions("test"), ["bad", "good"])
    temperature = temperature_of(older)
    for each in (1.0, temperature):
        assert f"{expected_calibration_error(scores.probabilities(each), scores.targets):.4f}" in chapter
    sure = scores.probabilities(temperature).max(axis=1) >= 0.8
    right = (scores.probabilities().argmax(axis=1) == scores.targets)[sure].mean()
    assert f"| 0.8000 | {sure.mean():.4f} | {right:.4f} |" in chapter
    assert f"tunesmith predict {older.argument} INPUT --calibrated --abstain-below 0.8" in chapter


def test_withheld_answers_are_counted_and_look_the_same_in_every_format(older, inside, asked, tmp_path):
    temperature, network = temperature_of(older), load_model(older)
    sure = [max(row["probabilities"].values()) for row in predict(network, TEXTS, Deciding(temperature))]
    below = sorted(sure)[2]
    flags = ["--calibrated", "--abstain-below", f"{below:.17g}"]
    done = inside("predict", older.path, asked, *flags)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["abstained"] for row in rows] == [each < below for each in sure]
    assert [row["confidence"] for row in rows] == pytest.approx(sure)
    assert all((row["prediction"] is None) == row["abstained"] for row in rows)
    assert f"2 of 5 rows are not answered: their confidence is below {below:g}" in done.stderr
    val = older.predictions("val")
    probabilities = softmax([np.array(row["logits"]) / temperature for row in val], axis=1).max(axis=1)
    right = np.array([row["label"] == row["prediction"] for row in val])
    answered = probabilities >= below
    assert f"{answered.mean():.1%} would be answered, {right[answered].mean():.1%} of these right" in done.stderr
    assert inside("predict", older.path, asked, *flags, "--output", tmp_path / "out.csv").returncode == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert [cell["prediction"] for cell in cells] == [row["prediction"] or "" for row in rows]
    assert [cell["abstained"] for cell in cells] == [str(row["abstained"]).lower() for row in rows]


def test_a_row_of_several_labels_or_tags_is_as_sure_as_its_least_sure_part():
    logits = [torch.tensor([3.0, -0.2]), torch.tensor([3.0, -3.0])]
    several = [{"prediction": ["x"], "probabilities": {}}, {"prediction": ["x"], "probabilities": {}}]
    first, second = Deciding(below=0.9).rows(several, logits, ["x", "y"])
    assert first == {
        "prediction": None,
        "confidence": pytest.approx(expit(0.2)),
        "abstained": True,
        "probabilities": {},
    }
    assert (second["prediction"], second["abstained"]) == (["x"], False)
    words = torch.tensor([[3.0, 0.0], [0.0, 1.0], [torch.nan, torch.nan]])
    (row,) = Deciding(below=0.9).rows([{"prediction": ["x", "y", None]}], [words], ["x", "y"])
    assert (row["confidence"], row["abstained"]) == (pytest.approx(expit(1.0)), True)


@pytest.mark.parametrize("option", sorted(TASKS))
def test_tasks_without_probabilities_of_labels_refuse(option):
    if TASKS[option].output == "labels":
        refuse_undecidable(TASKS[option], ["x", "y", "z"], calibrated=True, below=0.8)
        return
    with pytest.raises(ConfigError) as refused:
        refuse_undecidable(TASKS[option], [], calibrated=True, below=0.8)
    assert [problem.where for problem in refused.value.problems] == ["--calibrated", "--abstain-below"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--abstain-below", "80"], "is a probability between 0 and 1 (received 80). Try 0.8"),
        (["--abstain-below", "nan"], "is a probability between 0 and 1 (received nan). Try 0.8"),
        (["--abstain-below", "0.5"], "withholds nothing: every answer has a probability of at least 0.5"),
    ],
)
def test_a_confidence_that_is_none_or_withholds_nothing_is_refused(older, inside, asked, flags, words):
    done = inside("predict", older.path, asked, *flags)
    assert (done.returncode, words in done.stderr, done.stdout) == (2, True, "")


def test_a_run_without_a_temperature_says_why(finished, older, inside, asked, tmp_path):
    done = inside("predict", finished.path, asked, "--calibrated")
    assert done.returncode == 2
    count = finished.results["num_rows"]["val"]
    assert f"a temperature needs at least 10 validation rows, and there are {count}. Leave it out" in done.stderr
    texts = [{"split": "val", "label": "x", "prediction": "y", "loss": 1.0}] * 20
    other = with_predictions(finished, tmp_path / "other", texts)
    assert "predictions.jsonl has no logits of labels" in inside("predict", other.path, asked, "--calibrated").stderr
    (other.path / "model/calibration.json").write_text('{"temperature": -1}')
    damaged = inside("predict", other.path, asked, "--calibrated")
    assert (damaged.returncode, "calibration.json is damaged" in damaged.stderr) == (5, True)


@pytest.fixture(scope="module")
def several(finished, tmp_path_factory):
    """Stored predictions of three labels, the last of them rare and with logits that are too low."""
    random_ = np.random.default_rng(3)
    rows = []
    for number in range(400):
        margins = random_.normal([0.0, -0.5, -3.0], 2)
        there = random_.random(3) < expit(margins)
        names = ("art", "law", "war: old")
        logits = (margins - [0, 0, 1.5]).tolist()
        split, given = ("val", "test")[number % 2], [name for name, z in zip(names, logits, strict=True) if z > 0]
        label = [name for name, yes in zip(names, there, strict=True) if yes]
        rows.append({"id": str(number), "split": split, "label": label, "prediction": given, "logits": logits})
    path = tmp_path_factory.mktemp("several") / "run"
    with_predictions(finished, path, rows, labels=["art", "law", "war: old"])
    config = yaml.safe_load((path / "config.yaml").read_text())
    config["task"] |= {"multi_label": True}
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    return load_run(path)


def by_split(record, split):
    rows = record.predictions(split)
    there = np.array([[label in row["label"] for label in record.labels] for row in rows])
    return np.array([row["logits"] for row in rows]), there


def test_thresholds_of_several_labels_are_fitted_on_val_said_for_test_and_used(several, caplog):
    goals = goals_of(["f1", "war: old:recall=0.9"], TASKS["multi_label"], several.labels)
    assert goals == {"art": Goal("f1"), "law": Goal("f1"), "war: old": Goal("recall", 0.9)}
    with caplog.at_level("INFO", "tunesmith"):
        thresholds = fit_thresholds(several, goals, 1.0)
    (logits, there), (unseen, truth) = by_split(several, "val"), by_split(several, "test")
    chosen = np.array([thresholds[label] for label in several.labels])
    best = max(f1_score(there[:, 0], logits[:, 0] > cut) for cut in logits[:, 0] - 1e-9)
    assert f1_score(there[:, 0], logits[:, 0] > chosen[0]) == pytest.approx(best)
    assert recall_score(there[:, 2], logits[:, 2] > chosen[2]) >= 0.9
    assert f"threshold of 'war: old' by recall=0.9: {expit(chosen[2]):.4g}; val" in caplog.text
    for column in range(3):
        scores = [
            score(truth[:, column], unseen[:, column] > chosen[column]) for score in (precision_score, recall_score)
        ]
        assert f"rows) precision {scores[0]:.4f} recall {scores[1]:.4f} F1" in caplog.text
    mean = f1_score(truth, unseen > chosen, average="macro")
    assert f"test {mean:.4f}, at 0.5 {f1_score(truth, unseen > 0, average='macro'):.4f}" in caplog.text
    answered = [{"prediction": []} for _ in unseen]
    rows = Deciding(temperature=1.7, thresholds=thresholds).rows(answered, torch.from_numpy(unseen), several.labels)
    given = np.array([[label in row["prediction"] for label in several.labels] for row in rows])
    assert (given == (unseen > chosen)).all(), "a temperature does not move them"
    chapter = as_markdown(run_document(several)).partition("## Calibration")[2].partition("## ")[0]
    assert f"test F1 at 0.5 {f1_score(truth, unseen > 0, average='macro'):.4f}" in chapter
    assert f"tunesmith predict {several.argument} INPUT --threshold f1" in chapter


def test_a_threshold_of_one_of_two_labels_decides_for_it(older, inside, asked):
    plain = [json.loads(line) for line in inside("predict", older.path, asked).stdout.splitlines()]
    done = inside("predict", older.path, asked, "--threshold", "good:recall=0.99", "--calibrated")
    assert done.returncode == 0, done.stderr
    val = older.predictions("val")
    margins = np.array([row["logits"][1] - row["logits"][0] for row in val])
    there = np.array([row["label"] == "good" for row in val])
    threshold = fit_threshold(margins, there, Goal("recall", 0.99))
    assert threshold < 0
    assert f"threshold of 'good' by recall=0.99: {expit(threshold / temperature_of(older)):.4g}; val" in done.stderr
    for row, before in zip(map(json.loads, done.stdout.splitlines()), plain, strict=True):
        gap = np.log(before["probabilities"]["good"] / before["probabilities"]["bad"])
        assert row["prediction"] == ("good" if gap > threshold else "bad")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["f1"], "needs the one of the two labels that it decides (received f1). Try --threshold good:f1"),
        (["good:f2"], "takes f1, precision=0.9 or recall=0.9"),
        (["good:precision=90"], "takes f1, precision=0.9 or recall=0.9"),
        (["goode:f1"], "no label 'goode' (received goode:f1). Did you mean good?"),
        (["good:f1", "bad:f1"], "only one threshold"),
        (["good:f1", "good:recall=0.9"], "there are two for 'good'"),
    ],
)
def test_thresholds_that_mean_nothing_are_refused_with_what_to_type(older, inside, asked, flags, words):
    done = inside("predict", older.path, asked, *(part for flag in flags for part in ("--threshold", flag)))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_precision_that_no_threshold_has_is_refused_with_one_that_some_have(finished, inside, asked, tmp_path):
    rows = too_sure(60)
    top = max((row for row in rows if row["split"] == "val"), key=lambda row: row["logits"][1])
    top["label"] = "bad"
    record = with_predictions(finished, tmp_path / "run", rows)
    refused = inside("predict", record.path, asked, "--threshold", "good:precision=1")
    assert refused.returncode == 2
    assert "no threshold of 'good' has this precision on the 30 validation rows" in refused.stderr
    advised = re.search(r"Ask for less: (--threshold \S+)", refused.stderr)[1]
    assert inside("predict", record.path, asked, *advised.split()).returncode == 0


def test_labels_that_exclude_one_another_have_no_thresholds():
    for option in ("classification", "token_classification"):
        with pytest.raises(ConfigError, match="exclude one another"):
            goals_of(["f1"], TASKS[option], ["a", "b", "c"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_answer_changes_even_where_logits_nearly_tie(finished, monkeypatch, dtype):
    tops = torch.linspace(-30, 30, 400, dtype=dtype).float()
    logits = torch.stack([tops, tops.nextafter(torch.tensor(torch.inf))], dim=1)
    logits = torch.cat([logits, logits.flip(1), tops[:, None].expand(-1, 2)])
    monkeypatch.setattr("tunesmith.inference.predict._answers", lambda trained, task, rows: list(logits))
    network, texts = load_model(finished), ["x"] * len(logits)
    plain = [row["prediction"] for row in predict(network, texts)]
    for temperature in (0.013, 0.7, 1.7, 93.0):
        assert [row["prediction"] for row in predict(network, texts, Deciding(temperature))] == plain


@pytest.fixture(scope="module")
def noisy(cache_dir, tmp_path_factory):
    """A run on labels of which a fifth is wrong, with 24 validation and test rows, and a run that starts from it."""
    folder, draw = tmp_path_factory.mktemp("noisy"), random.Random(1)
    rows = [
        (text, label if draw.random() < 0.8 else ("good", "bad")[label == "good"]) for text, label in reviews(240, 3)
    ]
    with (folder / "noisy.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("review", "verdict"), *rows])
    overrides = [*tiny_overrides(folder / "noisy.csv", cache_dir, folder / "runs"), "evaluation.baselines=false"]
    first = train(compose([*overrides, "method=lora", "optimizer.lr=2e-2", "trainer.max_epochs=3"]))
    start = ["model=from_run", f"model.from_run={first.path}", "trainer.max_epochs=1"]
    return first, train(compose([*overrides, *start]))


@pytest.mark.slow
def test_a_run_saves_its_temperature_with_the_model_whose_logits_stay_as_they_are(noisy, tmp_path):
    for record in noisy:
        saved = json.loads((record.path / "model/calibration.json").read_text())
        assert saved["temperature"] == record.results["calibration"]["temperature"]
        assert saved["temperature"] == pytest.approx(optimum(record.predictions("val")), rel=1e-5)
        for split in ("val", "test"):
            logits = np.array([row["logits"] for row in record.predictions(split)])
            right = np.array([record.labels.index(row["label"]) for row in record.predictions(split)])
            part = record.results["calibration"]["splits"][split]
            assert part["ece"] == pytest.approx(expected_calibration_error(softmax(logits, axis=1), right))
            after = softmax(logits / saved["temperature"], axis=1)
            assert part["calibrated_ece"] == pytest.approx(expected_calibration_error(after, right))
    merged = export(noisy[0], tmp_path / "merged", merge=True)
    whole = export(noisy[1], tmp_path / "whole", merge=False)
    for folder, record in ((merged, noisy[0]), (whole, noisy[1])):
        assert (folder / "calibration.json").read_text() == record.directory.calibration.read_text()
        assert "temperature in `calibration.json`" in (folder / "README.md").read_text()
        tokenizer, texts = AutoTokenizer.from_pretrained(folder), dict(enumerate(reviews(240, 3)))
        plain = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        row = record.predictions("val")[0]
        with torch.no_grad():
            logits = plain(**tokenizer(texts[int(row["id"])][0], return_tensors="pt")).logits[0]
        assert logits.tolist() == pytest.approx(row["logits"], abs=1e-4)


@pytest.mark.slow
def test_the_winner_of_a_sweep_answers_at_its_temperature(noisy, inside, asked, tmp_path):
    directory = write_facts(tmp_path / "sweep")
    for number, (record, value) in enumerate(zip(noisy, (0.8, 0.7), strict=True)):
        folder = write_trial(directory, number, state="completed", values=[value], params={"optimizer.lr": 1e-4})
        shutil.copytree(record.path, folder, dirs_exist_ok=True)
    of_sweep = inside("predict", directory, asked, "--calibrated")
    assert of_sweep.returncode == 0, of_sweep.stderr
    assert of_sweep.stdout == inside("predict", noisy[0].path, asked, "--calibrated").stdout
    assert of_sweep.stdout != inside("predict", noisy[0].path, asked).stdout


@pytest.mark.slow
def test_evaluations_measure_the_probabilities_of_other_rows_at_the_same_temperature(noisy, inside):
    record = noisy[1]
    done = inside("evaluate", record.path, "--split", "val")
    assert done.returncode == 0, done.stderr
    measured = json.loads((Path(done.stdout.splitlines()[-1]) / "results.json").read_text())["calibration"]
    own = record.results["calibration"]
    assert measured["temperature"] == own["temperature"]
    for name in ("ece", "calibrated_ece", "nll", "calibrated_nll", "ece_by_chance"):
        assert measured["splits"]["val"][name] == pytest.approx(own["splits"]["val"][name], abs=1e-5)
    assert f"calibration error (ECE): val {own['splits']['val']['ece']:.4f} -> " in done.stdout


def optimum(rows):
    logits = np.array([row["logits"] for row in rows])
    right = [("bad", "good").index(row["label"]) for row in rows]
    loss = lambda t: -np.log(softmax(logits / t, axis=1)[np.arange(len(right)), right]).mean()  # noqa: E731
    return minimize_scalar(loss, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-9}).x
