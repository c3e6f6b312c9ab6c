import json
import shlex
import subprocess

import pytest

from tunesmith.provenance import git
from tunesmith.provenance.git import git_state
from tunesmith.provenance.surroundings import command_line, environment, packages, provenance

SECRET = "5up3r-s3cret-value"


def run_git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    run_git(tmp_path, "init", "-b", "main")
    (tmp_path / "code.py").write_text("a = 1\n")
    (tmp_path / ".gitignore").write_text("ignored\n")
    run_git(tmp_path, "add", ".")
    run_git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_a_clean_tree(repository):
    state = git_state(repository)
    assert len(state["commit"]) == 40
    assert (state["branch"], state["dirty"], state["diff"], state["untracked"]) == ("main", False, "", [])


def test_changes_and_new_files_are_recorded_and_ignored_ones_are_not(repository):
    (repository / "code.py").write_text(f"api_key = '{SECRET}'\nb = 2\n")
    (repository / "новый.txt").write_text("x")
    (repository / "ignored").write_text("x")
    state = git_state(repository)
    assert state["dirty"]
    assert "+b = 2" in state["diff"]
    assert SECRET not in state["diff"]
    assert [file["path"] for file in state["untracked"]] == ["новый.txt"]
    assert state["untracked"][0]["sha256"] == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def test_caps_are_stated(repository, monkeypatch):
    monkeypatch.setattr(git, "MAX_DIFF_CHARS", 10)
    monkeypatch.setattr(git, "MAX_UNTRACKED_FILES", 2)
    monkeypatch.setattr(git, "MAX_HASHED_BYTES", 3)
    (repository / "code.py").write_text("b = 2\n")
    for number in range(5):
        (repository / f"new{number}").write_text("long enough")
    state = git_state(repository)
    assert (len(state["diff"]), state["diff_truncated"]) == (10, True)
    assert (len(state["untracked"]), state["num_untracked"]) == (2, 5)
    assert state["untracked"][0] == {"path": "new0", "bytes": 11, "sha256": None}


def test_the_login_in_a_remote_is_stripped(repository):
    run_git(repository, "remote", "add", "origin", f"https://me:{SECRET}@example.org/x.git")
    assert git_state(repository)["remote"] == "https://<redacted>@example.org/x.git"


def test_no_repository_and_no_commit(tmp_path):
    assert git_state(tmp_path) is None
    run_git(tmp_path, "init")
    assert git_state(tmp_path)["commit"] is None


def test_a_repository_cannot_start_a_program(repository):
    trap = repository / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n")
    trap.chmod(0o755)
    run_git(repository, "config", "core.fsmonitor", str(trap))
    run_git(repository, "config", "diff.external", str(trap))
    (repository / "code.py").write_text("b = 2\n")
    git_state(repository)
    assert not (repository / "sprung").exists()


@pytest.mark.parametrize("argument", ["data.path=a b.csv", "run.tags=[a,b]", "data.path='x=1'", 'm="q"', "x=$HOME"])
def test_the_command_can_be_pasted(argument):
    assert shlex.split(command_line(["/v/bin/tunesmith", "train", argument])) == ["tunesmith", "train", argument]


def test_the_environment_is_recorded_by_allow_list_only():
    environ = {
        "OMP_NUM_THREADS": "2",
        "HF_ENDPOINT": f"https://u:{SECRET}@x.org",
        "MY_VARIABLE": "1",
        "HF_TOKEN": SECRET,
    }
    assert environment(environ) == {"OMP_NUM_THREADS": "2", "HF_ENDPOINT": "https://<redacted>@x.org"}


def test_no_planted_secret_is_in_the_record(repository, monkeypatch):
    monkeypatch.chdir(repository)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    (repository / "code.py").write_text(f"x = '{SECRET}'\n")
    argv = ["tunesmith", "train", f"logger.api_key={SECRET}", f"note={SECRET}", "--token", SECRET]
    record = provenance(
        argv=argv, overrides=argv[2:4], choices={"data": "imdb"}, seed=0, threads=2, precision="32-true"
    )
    assert SECRET not in json.dumps(record, allow_nan=False)
    assert record["repositories"][0]["root"] == str(repository)
    assert (record["seed"], record["threads"], record["precision"]) == (0, 2, "32-true")
    assert record["choices"] == {"data": "imdb"}


def test_packages_name_what_is_installed():
    assert packages()["pytest"] == pytest.__version__


def test_copies_inside_of_setuptools_are_not_installed_packages(monkeypatch, tmp_path):
    before = packages()
    inside = tmp_path / "_vendor" / "zipp-0.0.1.dist-info"
    inside.mkdir(parents=True)
    (inside / "METADATA").write_text("Metadata-Version: 2.1\nName: vendored-zipp\nVersion: 0.0.1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "_vendor")
    assert packages() == before
