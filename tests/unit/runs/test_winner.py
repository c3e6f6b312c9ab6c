"""A sweep's directory stands for its winner, and the winner's looks at test data go to the ledger of all runs."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from synthetic_sweep import write_facts, write_trial

from tunesmith.errors import FilesError
from tunesmith.runs.sweep_record import load_winner


@pytest.fixture
def sweep(tmp_path, finished):
    """Two completed trials of a sweep below `runs/<day>/`; the second is the better one."""
    directory = write_facts(tmp_path / "runs" / "2026-11-23" / "sweep")
    for number, value in enumerate((0.7, 0.8)):
        folder = write_trial(directory, number, state="completed", values=[value], params={"optimizer.lr": 1e-4})
        shutil.copytree(finished.path, folder, dirs_exist_ok=True)
        config = yaml.safe_load((folder / "config.yaml").read_text())
        config["run"]["root"] = str(tmp_path / "runs")
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return directory


def test_a_run_stands_for_itself_and_a_sweep_for_its_winner(sweep, finished):
    assert load_winner(finished.path).path == finished.path
    assert load_winner(sweep).path == sweep / "trials" / "0001"


def test_a_sweep_without_a_winner_says_what_to_do(sweep):
    facts = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps(facts | {"metrics": ["a", "b"], "directions": ["maximize"] * 2}))
    for trial in sweep.glob("trials/*/trial.json"):
        trial.write_text(json.dumps(json.loads(trial.read_text()) | {"values": [0.5, 0.5]}))
    with pytest.raises(FilesError, match="trials/NUMBER"):
        load_winner(sweep)


def test_the_winners_look_goes_to_the_ledger_of_all_runs(sweep, inside):
    done = inside("evaluate", sweep)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(str(sweep / "trials" / "0001" / "evaluations"))
    looks = (sweep.parents[1] / "test_looks.jsonl").read_text().splitlines()
    assert [json.loads(look)["run"] for look in looks] == [str(sweep / "trials" / "0001")]
    assert not (sweep / "test_looks.jsonl").exists()


def test_the_winner_is_measured_on_other_data(sweep, inside, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("review,verdict\na warm film,good\na dull film,bad\na cold film,bad\n", encoding="utf-8")
    done = inside("evaluate", sweep, f"data.path={other}")
    assert done.returncode == 0, done.stderr
    results = Path(done.stdout.splitlines()[-1]) / "results.json"
    assert results.is_relative_to(sweep / "trials" / "0001" / "evaluations")
    assert json.loads(results.read_text())["num_rows"] == {"all": 3}
