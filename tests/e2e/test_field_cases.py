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
