"""A run that needs code of the user's own says so in every command that it advises."""

import json
import shlex

import pytest

from tunesmith import load_run
from tunesmith.errors import FilesError
from tunesmith.runs.record import as_argument


def test_a_path_and_what_it_trusts_are_quoted_for_a_shell(tmp_path):
    assert as_argument(tmp_path) == str(tmp_path)
    words = shlex.split(as_argument(tmp_path / "a b", ["mine", "org/model x"]))
    assert words == [str(tmp_path / "a b"), "--trust", "mine", "--trust", "org/model x"]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    (tmp_path / "results.json").write_text(json.dumps({"status": "interrupted"}))
    return tmp_path


def test_a_record_says_what_it_was_started_with(run):
    assert load_run(run).argument == str(run)
    (run / "provenance.json").write_text(json.dumps({"trusted": ["mine"]}))
    assert load_run(run).argument == f"{run} --trust mine"
    with pytest.raises(FilesError, match=f"To continue it: tunesmith resume {run} --trust mine"):
        load_run(run).best_weights()
    (run / "provenance.json").write_text("{")
    assert load_run(run).argument == str(run)
