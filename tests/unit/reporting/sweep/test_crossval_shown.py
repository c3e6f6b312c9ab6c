"""A cross-validation on the sweep's page, in Markdown and in trackers: paired over folds, and what went wrong."""

import json
import math

import pytest
import yaml
from scipy import stats
from synthetic_sweep import write_facts, write_trial

from tunesmith.reporting.markdown import as_markdown
from tunesmith.reporting.sweep.crossval import read_crossval, write_crossval
from tunesmith.reporting.sweep.crossval_shown import show_crossval
from tunesmith.reporting.sweep.document import sweep_document
from tunesmith.reporting.sweep.report import render_report
from tunesmith.reporting.sweep.tracking import sweep_summary
from tunesmith.reporting.sweep.winner import rows_of_winner
from tunesmith.runs.sweep_record import load_sweep
from tunesmith.tracking.wandb.sweep import sweep_charts

ROWS = 20
"""In each of five folds."""
RIGHT = ((17, 18, 16, 19, 18), (17, 17, 16, 18, 18), (12, 10, 13, 11, 12))
"""Right answers per fold of three trials."""
HOSTILE = "<script>alert(1)</script> & <b>bold</b>"


def write_fold(finished, folder, fold, right, verdict, method):
    """The run of one fold, like a finished one, with so many right answers."""
    folder.mkdir(parents=True)
    config = yaml.safe_load((finished.path / "config.yaml").read_text())
    config["data"]["split"] |= {"folds": 5, "fold": fold, "method": method}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    one, other = finished.labels
    rows = [
        {"id": f"{fold}-{row}", "split": "val", "label": one, "prediction": one if row < right else other}
        | {"logits": [1.0, 0.0] if row < right else [0.0, 1.0], "loss": 0.1}
        for row in range(ROWS)
    ]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    about = {"metrics": {"val/accuracy": right / ROWS}, "num_rows": {"train": 4 * ROWS, "val": ROWS, "test": 10}}
    results = finished.results | about | {"diagnosis": [verdict] if verdict else []}
    (folder / "results.json").write_text(json.dumps(results))


def write_validated(finished, path, method="random"):
    """A cross-validation of three trials, and one that was pruned after its first fold."""
    for number, counts in enumerate(RIGHT):
        values = [[count / ROWS] for count in counts]
        mean = sum(counts) / ROWS / 5
        folder = write_trial(path, number, state="completed", values=[mean], repeat_values=values, params={"x": number})
        for fold, right in enumerate(counts):
            verdict = {"kind": "one_answer", "sentence": HOSTILE, "override": "optimizer.lr=1e-4", "evidence": {}}
            write_fold(finished, folder / f"fold-{fold}", fold, right, verdict if number == 2 else None, method)
    write_trial(path, 3, state="pruned", params={"x": 3}, reason="mean 0.4000 over 1 folds")
    facts = {"folds": 5, "fold_rungs": [1, 2], "space": {"x": "choice(0, 1, 2, 3)"}, "distributions": {}}
    record = load_sweep(write_facts(path, **facts))
    split = {"folds": None, "val_fraction": 0.1, "test_fraction": 0.2}
    (path / "best.yaml").write_text(yaml.safe_dump({"data": {"split": split}}))
    return record, write_crossval(record)


@pytest.fixture(scope="module")
def validated(finished, tmp_path_factory):
    return write_validated(finished, tmp_path_factory.mktemp("validated"))


@pytest.fixture(scope="module")
def page(validated):
    return render_report(validated[0])


def test_trials_are_compared_with_the_best_over_the_same_folds(validated):
    record, trials = validated
    assert read_crossval(record) == trials
    best, *others = trials
    assert (best.trial, best.behind, best.p) == (0, None, None)
    plain = []
    for each in others:
        gaps = [(one - other) / ROWS for one, other in zip(RIGHT[0], RIGHT[each.trial], strict=True)]
        error = math.sqrt(stats.tvar(gaps) * (1 / 5 + 1 / 4))  # five folds, a fifth of the rows against four fifths
        plain.append(2 * stats.t.sf(abs(sum(gaps) / 5) / error, 4))
        half = stats.t.ppf(0.975, 4) * error
        assert each.behind == pytest.approx(sum(gaps) / 5)
        assert each.behind_interval == pytest.approx((sum(gaps) / 5 - half, sum(gaps) / 5 + half))
    assert plain[1] < plain[0]
    assert [each.p for each in others] == pytest.approx([plain[0], 2 * plain[1]]), "corrected as by Holm"
    assert others[0].p > 0.05 > others[1].p


def test_the_page_and_markdown_have_every_fold_and_say_what_it_means(validated, page):
    markdown = as_markdown(sweep_document(validated[0]))
    assert '<h2 id="crossval">Cross-validation</h2>' in page
    assert 'data-v="0.95"' in page
    for text in (page, markdown):
        assert "fold 4" in text
        assert "By their folds, 1 of 2 other trials cannot be told from trial 0: 1." in text
        assert "Nadeau and Bengio 2003" in text
        assert "best.yaml trains the winner on all rows but data.split.test_fraction=0.2 for the test" in text
        assert "within noise of the winner" not in text, "that would take folds for independent repeats"


def test_what_went_wrong_is_on_the_page_as_text(validated, page):
    record, _ = validated
    assert '<h2 id="diagnosis">What went wrong</h2>' in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;bold" in page
    first = record.path / "trials" / "0002" / "fold-0"
    assert f"tunesmith train --from {first} optimizer.lr=1e-4" in page
    assert "one answer" in page


def test_trackers_get_both_as_tables(validated):
    record, trials = validated
    summary = sweep_summary(record)
    columns, rows = summary.tables["crossval"]
    assert [dict(zip(columns, row, strict=True))["trial"] for row in rows] == [0, 1, 2]
    assert dict(zip(columns, rows[1], strict=True))["p"] == trials[1].p
    (verdict,) = summary.tables["diagnosis"][1]
    assert verdict[:3] == ["one answer", 5, "2"]
    assert summary.summary["best/over_rows"] == pytest.approx(sum(RIGHT[0]) / 100)
    charts = sweep_charts(summary)
    assert charts["sweep/crossval"].columns == columns
    assert charts["sweep/crossval"].data[2][columns.index("fold 1")] == RIGHT[2][1] / ROWS
    assert charts["sweep/diagnosis"].data[0][1] == 5.0


def test_folds_in_time_are_not_tested_and_this_is_said(finished, tmp_path, capsys):
    record, trials = write_validated(finished, tmp_path, method="time")
    assert {each.p for each in trials} == {None}
    show_crossval(trials, record)
    assert "No test compares the trials over folds in time" in " ".join(capsys.readouterr().out.split())


def test_a_winner_without_other_validation_rows_keeps_its_fold(validated, tmp_path):
    record, _ = validated
    assert rows_of_winner(load_sweep(write_facts(tmp_path))) is None, "no folds"
    kept = {"folds": 5, "fold": 0, "val_fraction": 0.0, "test_fraction": 0.2}
    (tmp_path / "best.yaml").write_text(yaml.safe_dump({"data": {"split": kept}}))
    write_facts(tmp_path, folds=5)
    assert "those of fold 0" in rows_of_winner(load_sweep(tmp_path))
    assert "the folds are dropped" in rows_of_winner(record)
