"""The split of a run, taken by another: repeated from its own copy when the first is gone."""

import csv
import json
import shutil

import pytest

from tunesmith import compose, train


@pytest.mark.slow
def test_a_run_takes_the_split_of_another_and_keeps_it_when_that_is_gone(finished, tiny, tmp_path, inside):
    split = json.loads(finished.directory.split.read_text(encoding="utf-8"))
    assert {name: len(ids) for name, ids in split["content_ids"].items()} == finished.results["num_rows"]
    assert {row["content_id"] for row in finished.predictions("test")} == set(split["content_ids"]["test"])

    earlier = shutil.copytree(finished.path, tmp_path / "earlier")
    with open(finished.config["data"]["path"], encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    grown = tmp_path / "grown.csv"
    with grown.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], ("a new film that is lovely", "good"), *rows[:0:-1]])
    line = [*tiny, f"data.path={grown}", f"data.split.from_run={earlier}"]
    checked = inside("check", *line)
    assert checked.returncode == 0, checked.stderr
    assert "1 row is new (1 in train)" in " ".join(checked.stdout.split())
    run = train(compose(line))
    assert {row["content_id"] for row in run.predictions("test")} == set(split["content_ids"]["test"])
    assert run.results["num_rows"] == {"train": 60, "val": 8, "test": 8}
    assert any("1 row is new (1 in train)" in sentence for sentence in run.warnings)

    shutil.rmtree(earlier)
    again = inside("reproduce", run.path)
    assert again.returncode == 0, again.stderr
    assert "bit-identical" in again.stdout
    varied = inside("train", "--from", run.path, "trainer.max_steps=1", f"run.dir={tmp_path / 'varied'}")
    assert varied.returncode == 0, varied.stderr
    kept = json.loads((tmp_path / "varied" / "split.json").read_text(encoding="utf-8"))
    assert kept == json.loads(run.directory.split.read_text(encoding="utf-8"))
    anew = inside("check", "--from", run.path, "data.split.from_run=null", "data.split.seed=3")
    assert anew.returncode == 0, anew.stderr

    typo = inside("train", "--from", run.path, f"data.split.from_run={earlier}")
    run.directory.split.unlink()
    for refused in (typo, inside("train", "--from", run.path), inside("train", *line)):
        assert refused.returncode == 5
        assert f"data.split.from_run={earlier} is not a run directory" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert len(list(tmp_path.glob("runs/*/*/config.yaml"))) == 2, "the run and the rerun alone"
