"""Real command lines: what they print, how they end, and that a fault starts nothing."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from warm import run_warm

TUNESMITH = [sys.executable, "-m", "tunesmith.cli.main"]


def tunesmith(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_warm(*arguments, cwd=cwd, env={**os.environ, **environment})


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_three_faults_on_the_command_line(tmp_path: Path) -> None:
    done = tunesmith("train", "optimizer.lrr=1", "modle=minilm", "data.batch_size=0", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "3 problems" in done.stderr
    for expected in ("optimizer.lr?", "model=minilm?", "at least 1 (received 0)"):
        assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_same_faults_in_a_file(tmp_path: Path) -> None:
    write(
        tmp_path / "conf/experiment/bad.yaml",
        "# @package _global_\ndefaults:\n  - override /modle: minilm\noptimizer:\n  lrr: 1\ndata:\n  batch_size: 0\n",
    )
    done = tunesmith("train", "--config-dir", "conf", "experiment=bad", cwd=tmp_path)
    assert done.returncode == 2
    for line in (3, 5, 7):
        assert f"conf/experiment/bad.yaml:{line}" in done.stderr


@pytest.mark.parametrize("multirun", [[], ["-m"]])
def test_a_file_cannot_run_code(tmp_path: Path, multirun: list[str]) -> None:
    write(
        tmp_path / "conf/experiment/evil.yaml",
        "# @package _global_\nhydra: {callbacks: {x: {_target_: builtins.open, file: PROOF, mode: w}}}\n",
    )
    done = tunesmith("train", *multirun, "--config-dir", "conf", "experiment=evil", "seed=1", cwd=tmp_path)
    assert done.returncode == 2
    assert "hydra.callbacks" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["conf"]


@pytest.mark.slow
def test_every_job_of_a_multirun_is_validated_before_the_first(tmp_path: Path) -> None:
    done = tunesmith(
        "train", "-m", "optimizer.lr=1e-4,-1", "data.batch_size=8,0", "optimizer.amsgrad=true", cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.count("optimizer.lr:") == 1, "each problem is named once"
    assert done.stderr.count("data.batch_size:") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_failing_job_stops_no_other(tmp_path: Path) -> None:
    rows = [f"text {number},{'good' if number % 2 else 'bad'}" for number in range(40)]
    write(tmp_path / "a.csv", "\n".join(["text,label", *rows]))
    common = ["data=csv", "model=tiny_encoder", "logger=none", "trainer.max_epochs=1", "data.max_length=16"]
    done = tunesmith("train", "-m", *common, "trainer.accelerator=cpu", "data.path=missing.csv,a.csv", cwd=tmp_path)
    assert done.returncode == 3
    assert "missing.csv" in done.stderr
    sweep = Path(done.stdout.splitlines()[-1])
    with (sweep / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["data.path"]: row for row in csv.DictReader(file)}
    assert rows["missing.csv"]["state"] == "failed"
    assert "missing.csv" in rows["missing.csv"]["reason"]
    assert rows["a.csv"]["state"] == "completed"
    assert json.loads(Path(sweep, rows["a.csv"]["run"], "results.json").read_text())["status"] == "completed"
    assert {path.name for path in tmp_path.iterdir()} <= {"a.csv", "runs"}, "Hydra leaves nothing of its own"


@pytest.mark.parametrize("flag", ["--config-dir=~/conf", "--from=~/saved.yaml"])
def test_a_shell_leaves_the_home_folder_after_an_equals_sign_to_us(tmp_path: Path, flag: str) -> None:
    write(tmp_path / "home/conf/experiment/mine.yaml", "# @package _global_\nseed: 7\n")
    write(tmp_path / "home/saved.yaml", "seed: 7\n")
    choice = ["experiment=mine"] if "conf" in flag else []
    done = tunesmith("train", flag, *choice, "--cfg", "job", "-p", "seed", cwd=tmp_path, HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr


def test_a_home_folder_that_nobody_has_is_no_folder(tmp_path: Path) -> None:
    done = tunesmith("train", "--config-dir=~nobody_of_this_name/conf", cwd=tmp_path)
    assert done.returncode == 2
    assert "--config-dir: no such folder (received ~nobody_of_this_name/conf)" in done.stderr


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (["trian"], "Did you mean train?"),
            (["model=minilm"], "tunesmith train model=minilm"),
            (["train", "--config-dir", "nope"], "no such folder"),
            (["train", "--experimental-rerun", "x.pkl"], "--from RUN"),
            (["train", "--nope"], "--nope"),
            (["train", "--from", "nope"], "no such file"),
            (["train", "-m", "--from", "nope", "seed=1,2"], "--from"),
            (["train", "--config-name", "nope"], "nope"),
            (["check", "model=nope"], "minilm"),
        ],
    )
    def test_wrong_usage(self, tmp_path: Path, arguments: list[str], text: str) -> None:
        done = tunesmith(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert text in done.stderr
        assert "Traceback" not in done.stderr

    def test_help(self, tmp_path: Path) -> None:
        done = tunesmith("--help", cwd=tmp_path)
        assert done.returncode == 0
        for expected in ("reproduce", "rotten_tomatoes", "tunesmith train -m", "Exit codes"):
            assert expected in done.stdout

    @pytest.mark.parametrize("verb", ["train", "check", "completion"])
    def test_help_of_a_verb(self, tmp_path: Path, verb: str) -> None:
        done = tunesmith(verb, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert verb in done.stdout

    def test_version(self, tmp_path: Path) -> None:
        assert tunesmith("--version", cwd=tmp_path).stdout.startswith("tunesmith ")

    @pytest.mark.slow
    def test_debug_shows_the_traceback(self, tmp_path: Path) -> None:
        assert "Traceback" in tunesmith("train", "optimizer.lrr=1", "--debug", cwd=tmp_path).stderr
        assert "Traceback" in tunesmith("train", "optimizer.lrr=1", cwd=tmp_path, TUNESMITH_DEBUG="1").stderr


class TestShow:
    def test_cfg(self, tmp_path: Path) -> None:
        done = tunesmith("train", "--cfg", "job", "--package", "optimizer", "optimizer.amsgrad=true", cwd=tmp_path)
        assert done.returncode == 0
        assert "amsgrad: true" in done.stdout

    def test_info(self, tmp_path: Path) -> None:
        done = tunesmith("train", "--info", "defaults", "optimizer=sgd", "optimizer.nesterov=true", cwd=tmp_path)
        assert done.returncode == 0
        assert "optimizer/sgd" in done.stdout

    def test_cfg_of_a_saved_config(self, tmp_path: Path) -> None:
        saved = tunesmith("train", "--cfg", "job", "optimizer=sgd", "seed=7", cwd=tmp_path).stdout
        write(tmp_path / "run/config.yaml", saved)
        assert tunesmith("train", "--from", "run", "--cfg", "job", cwd=tmp_path).stdout == saved
        done = tunesmith("train", "--from", "run", "--cfg", "job", "-p", "optimizer", "optimizer.lr=0.5", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith("# @package optimizer\n")
        assert "_target_: torch.optim.SGD\n" in done.stdout
        assert "lr: 0.5\n" in done.stdout

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (["--info"], "--info: shows how groups are composed, but --from composes none"),
            (["--cfg", "all"], "a saved config does not include Hydra's node (received all). Use --cfg job"),
            (["--cfg", "job", "model=minilm"], "a saved config has no groups"),
        ],
    )
    def test_what_cannot_be_shown_of_a_saved_config(self, tmp_path: Path, arguments: list[str], text: str) -> None:
        write(tmp_path / "saved.yaml", "seed: 7\n")
        done = tunesmith("train", "--from", "saved.yaml", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert text in done.stderr

    def test_the_users_option_wins(self, tmp_path: Path) -> None:
        write(tmp_path / "mine/data/imdb.yaml", "path: own.csv\nformat: csv\n")
        done = tunesmith(
            "train", "--config-dir", "mine", "data=imdb", "--cfg", "job", "--package", "data", cwd=tmp_path
        )
        assert "path: own.csv" in done.stdout


class TestCheck:
    @pytest.fixture
    def reviews(self, tmp_path: Path) -> Path:
        rows = [f"text {number},{'good' if number % 2 else 'bad'}" for number in range(40)]
        return write(tmp_path / "a (1), é=.csv", "\n".join(["text,label", *rows]))

    def test_plan(self, tmp_path: Path, reviews: Path) -> None:
        done = tunesmith(
            "check", "data=csv", f"data.path={reviews}", "data.batch_size=8", "data.micro_batch_size=4", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        plan = {line[2:26].strip(): line[26:] for line in done.stdout.splitlines() if line.startswith("  ")}
        assert plan["rows"] == "train 32, val 4, test 4"
        assert plan["micro-batches per step"] == "2 of 4 samples"
        assert plan["steps per epoch"] == "4"
        assert plan["data.batch_size"] == "8"
        assert plan["data"] == "csv"

    @pytest.mark.slow
    def test_with_the_model_it_refuses_what_a_run_would(self, tmp_path: Path, reviews: Path) -> None:
        done = tunesmith("check", "data=csv", f"data.path={reviews}", "data.max_length=513", "--model", cwd=tmp_path)
        assert done.returncode == 2
        assert "the model has 512 positions" in done.stderr
        assert done.stdout == ""

    def test_flags_without_effect_are_refused(self, tmp_path: Path) -> None:
        done = tunesmith("check", "--from", "run", "--config-dir", str(tmp_path), "-cn", "mine", cwd=tmp_path)
        assert done.returncode == 2
        for flag in ("--config-dir", "--config-name"):
            assert f"{flag}: has no effect with --from" in done.stderr

    def test_a_home_that_is_not_there_is_no_file(self, tmp_path: Path) -> None:
        done = tunesmith("check", "data=csv", "data.path=~nobody_of_this_name/x.csv", cwd=tmp_path)
        assert done.returncode == 3
        assert "no such file" in done.stderr

    def test_missing_data_is_exit_3(self, tmp_path: Path) -> None:
        done = tunesmith("check", "data=csv", "data.path=~/no such (file).csv", cwd=tmp_path)
        assert done.returncode == 3
        assert "no such (file).csv" in done.stderr


class TestCompletion:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("tunesmith tr", ["train"]),
            ("tunesmith train experiment=q", ["experiment=quickstart"]),
            ("tunesmith train -m model=minilm,b", ["model=minilm,bert_base"]),
            ("tunesmith train data.order=", ["data.order=bucketed", "data.order=random"]),
            ("tunesmith train optimizer.lr", ["optimizer.lr="]),
            ("tunesmith train --mul", ["--multirun"]),
            ("tunesmith completion b", ["bash"]),
        ],
    )
    def test_candidates(self, tmp_path: Path, line: str, expected: list[str]) -> None:
        assert tunesmith("completion", "query", line, cwd=tmp_path).stdout.split() == expected

    @pytest.mark.parametrize("flag", ["--config-dir ~/conf", "--config-dir=~/conf"])
    def test_options_in_a_folder_of_the_home_folder(self, tmp_path: Path, flag: str) -> None:
        write(tmp_path / "conf/experiment/mine_alone.yaml", "# @package _global_\n")
        line = f"tunesmith train {flag} experiment=mine"
        done = tunesmith("completion", "query", line, cwd=tmp_path, HOME=str(tmp_path))
        assert done.stdout.split() == ["experiment=mine_alone"]

    def test_bash_inserts_what_follows_the_equals_sign(self, tmp_path: Path) -> None:
        launcher = write(tmp_path / "bin/tunesmith", f'#!/bin/sh\nexec {" ".join(TUNESMITH)} "$@"\n')
        launcher.chmod(0o755)
        script = (
            'eval "$(tunesmith completion bash)"; COMP_LINE="tunesmith train model=mi"; COMP_POINT=${#COMP_LINE}\n'
            'COMP_WORDS=(tunesmith train model = mi); COMP_CWORD=4; _tunesmith; echo "${COMPREPLY[@]}"'
        )
        path = f"{launcher.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "minilm"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (["sweep", "quickstart", "hydra.sweeper.n_trails=3"], "hydra.sweeper.n_trials"),
        (["train", "-m", "optimizer.lr=1e-3,1e-4", "hydra.sweeper.samplr=tpe"], "hydra.sweeper.sampler"),
    ],
)
def test_a_mistyped_key_of_the_sweeper_has_a_neighbour(tmp_path: Path, line: list[str], wanted: str) -> None:
    done = tunesmith(*line, cwd=tmp_path)
    assert done.returncode == 2
    assert f"no such key. Did you mean {wanted}?" in done.stderr
    assert not list(tmp_path.iterdir())
