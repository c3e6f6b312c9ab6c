"""A run that starts from another on new data: what it gained there, and what it forgot of the old."""

import json
import shutil

import numpy as np
import pytest
from conftest import TELLING, reviews, tiny_overrides
from scipy.stats import binomtest

from tunesmith import compose, load_model, load_run, train
from tunesmith.evaluation.statistics.paired import holm
from tunesmith.inference.predict import predict
from tunesmith.reporting.markdown import as_markdown
from tunesmith.reporting.run.adaptation import adaptation_text
from tunesmith.reporting.run.report import run_document
from tunesmith.training.adaptation import old_rows, paired_changes

OTHER = {"good": ("sound", "quick", "sturdy", "cheap"), "bad": TELLING["good"]}
"""Words of another kind of review: what told a good film is a fault here."""
FAST = ["method=head_only", "model.head.pooling=mean", "optimizer.lr=3e-2", "trainer.max_epochs=3"]


def products(path, num_rows):
    """Reviews whose telling words are those of `OTHER`."""
    swapped = {word: OTHER[label][place] for label in OTHER for place, word in enumerate(TELLING[label])}
    lines = [
        (" ".join(swapped.get(word, word) for word in text.split()), label) for text, label in reviews(num_rows, 7)
    ]
    path.write_text("".join(f"{text},{label}\n" for text, label in [("review", "verdict"), *lines]))
    return path


@pytest.fixture(scope="module")
def runs(cache_dir, tmp_path_factory):
    """A run, one that starts from it on other data, and the same without what is measured at its end."""
    from conftest import write_reviews

    folder = tmp_path_factory.mktemp("adapted")
    common = tiny_overrides(write_reviews(folder / "films.csv", 200), cache_dir, folder / "runs")
    common = [word for word in common if not word.startswith(("optimizer.lr", "trainer.max_epochs"))]
    common += [*FAST, "data.split.val_fraction=0.2", "data.split.test_fraction=0.2"]
    first = train(compose(common))
    new = [word for word in common if not word.startswith(("model", "data.path"))]
    new += ["model=from_run", f"model.from_run={first.path}", f"data.path={products(folder / 'products.csv', 200)}"]
    return first, train(compose(new)), train(compose([*new, "evaluation.forgetting=false"]))


@pytest.mark.slow
def test_both_sets_are_measured_before_and_after(runs):
    first, second, _ = runs
    sets = {(each["data"], each["split"]): each for each in second.adaptation["sets"]}
    assert second.adaptation["from_run"] == str(first.path)
    assert list(sets) == [("new", "val"), ("new", "test"), ("old", "test")]
    old = sets["old", "test"]["metrics"]
    assert {name: value["before"] for name, value in old.items()} == pytest.approx(
        {name.partition("/")[2]: value for name, value in first.metrics.items() if name.startswith("test/")}, rel=1e-5
    )
    for split in ("val", "test"):
        of_new = sets["new", split]["metrics"]
        assert all(values["after"] == second.metrics[f"{split}/{name}"] for name, values in of_new.items())
    assert old["accuracy"]["difference"] < -0.2
    assert sets["new", "test"]["metrics"]["accuracy"]["difference"] > 0.1
    low, high = old["accuracy"]["interval"]
    assert low < old["accuracy"]["difference"] < high < 0


@pytest.mark.slow
def test_the_test_is_mcnemars_on_answers_of_the_earlier_model(runs):
    first, second, _ = runs
    rows = second.predictions("val")
    texts = [line.rpartition(",")[0] for line in open(second.config["data"]["path"]).read().splitlines()[1:]]  # noqa: SIM115
    answers = predict(load_model(first), [texts[int(row["id"])] for row in rows])
    before = np.array([answer["prediction"] == row["label"] for answer, row in zip(answers, rows, strict=True)])
    after = np.array([row["prediction"] == row["label"] for row in rows])
    change = second.adaptation["sets"][0]["metrics"]["accuracy"]
    assert change["before"] == pytest.approx(before.mean())
    differing = [int((after & ~before).sum()), int((before & ~after).sum())]
    assert change["p"] == pytest.approx(binomtest(min(differing), sum(differing)).pvalue)


@pytest.mark.slow
def test_forgetting_is_among_the_warnings_and_last_lines_and_the_look_in_the_ledger(runs):
    first, second, without = runs
    (warning,) = [sentence for sentence in second.warnings if sentence.startswith("forgetting: ")]
    assert str(first.path) in warning
    text = adaptation_text(second)
    assert [line.split(":")[0] for line in text.splitlines()[1:]] == [
        f"  - {each['data']} {each['split']} ({each['num_rows']} rows)" for each in second.adaptation["sets"]
    ]
    assert "## Adaptation" in as_markdown(run_document(second))
    looks = [json.loads(line) for line in (first.root / "test_looks.jsonl").read_text().splitlines()]
    of_first = [look["reason"] for look in looks if look["data_fingerprint"] == first.results["data_fingerprint"]]
    assert of_first == ["train", "train from it"]
    assert not without.adaptation
    assert adaptation_text(without) is None


@pytest.mark.slow
def test_the_run_is_the_same_to_the_bit_without(runs):
    _, second, without = runs
    assert second.results["weights_sha256"] == without.results["weights_sha256"]
    assert second.metrics == without.metrics
    assert second.predictions() == without.predictions()


@pytest.mark.slow
def test_old_rows_are_not_asked_if_they_are_gone_the_same_or_trained_on(runs, tmp_path):
    from tunesmith.training.build import build_data

    first, second, _ = runs
    config = second.typed
    data = build_data(config)
    split, rows = old_rows(config, first, data)[0]
    assert (split, rows.ids) == ("test", [row["id"] for row in first.predictions("test")])
    unseen = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"test": False})})
    assert old_rows(unseen, first, data)[0][0] == "val"
    assert old_rows(config, first, build_data(first.typed)) == (None, "both runs have the same data")
    reshuffled = first.typed.model_copy(
        update={
            "data": first.typed.data.model_copy(update={"split": first.typed.data.split.model_copy(update={"seed": 5})})
        }
    )
    fewer = old_rows(config, first, build_data(reshuffled))[0][1]
    assert 0 < len(fewer) < len(rows)
    shutil.copytree(first.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    saved = (tmp_path / "run" / "config.yaml").read_text()
    (tmp_path / "run" / "config.yaml").write_text(saved.replace("films.csv", "gone.csv"))
    rows, why = old_rows(config, load_run(tmp_path / "run"), data)
    assert rows is None
    assert "gone.csv cannot be read any more" in why


def test_metrics_are_corrected_for_their_number_except_the_one_that_decides():
    config = compose(["data=csv", "data.path=any.csv", "model=tiny_encoder"]).config
    draw = np.random.default_rng(0)

    def answered(share):
        rows = []
        for place in range(60):
            right = draw.random() < share
            logits = [1.0, 0.0] if right == (place % 2 == 0) else [0.0, 1.0]
            label, given = "ab"[place % 2], "ab"[int(np.argmax(logits))]
            rows.append({"label": label, "prediction": given, "logits": logits, "split": "val"})
        losses = [np.log(np.exp(row["logits"]).sum()) - row["logits"]["ab".index(row["label"])] for row in rows]
        return {"accuracy": np.mean([row["label"] == row["prediction"] for row in rows]), "loss": np.mean(losses)}, rows

    found = paired_changes(config.evaluation, ["a", "b"], answered(0.6), answered(0.9))
    assert list(found) == ["accuracy", "loss"]
    assert found["loss"]["p"] == holm([found["loss"]["p"]])[0]
    assert found["accuracy"]["difference"] == pytest.approx(found["accuracy"]["after"] - found["accuracy"]["before"])
