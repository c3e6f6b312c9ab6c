"""What differs from a run's record is named, exactly that, and only the same result is called the same."""

import json
import os
import shutil
import subprocess

import pytest
import yaml

from tunesmith import compose, load_run, train
from tunesmith.provenance.compare import differences
from tunesmith.training.reproduce import check_origins, rerun

MODULE = "import pytorch_lightning as pl\n\n\nclass Quiet(pl.Callback):\n    pass\n"


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of a finished run, whose files a test may edit."""
    return load_run(shutil.copytree(finished.path, tmp_path / "copy"))


def edit(file, change):
    read, write = (json.loads, json.dumps) if file.suffix == ".json" else (yaml.safe_load, yaml.safe_dump)
    content = read(file.read_text())
    change(content)
    file.write_text(write(content))


def named(checked):
    """The names of all that can change the result."""
    return [item.name for item in (*checked.changes, *checked.differences) if item.matters]


def test_nothing_differs_in_the_same_place(finished, inside):
    done = inside("reproduce", finished.path, "--check-only")
    assert (done.returncode, done.stdout) == (0, "check: no difference that can change the result\n")


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        (["packages", "transformers"], "5.0.0", "packages.transformers"),
        (["packages", "nvidia-cudnn-cu12"], "9.1", "packages.nvidia-cudnn-cu12"),
        (["threads"], 7, "threads"),
        (["precision"], "16-mixed", "precision"),
        (["torch", "cpu_capability"], "DEFAULT", "torch.cpu_capability"),
        (["environment", "MKL_CBWR"], "AVX2", "environment.MKL_CBWR"),
        (["hardware", "cpu"], "another", "hardware.cpu"),
        (["python", "version"], "3.9.1", "python.version"),
        (["model", "initial_weights_sha256"], "0" * 64, "model.initial_weights_sha256"),
        (["model", "tokenizer_sha256"], "0" * 64, "model.tokenizer_sha256"),
        (["data", "splits", "train", "sha256"], "0" * 64, "data.train"),
    ],
)
def test_a_record_edited_to_say_so_is_named_exactly(copied, path, value, name):
    def change(record):
        for key in path[:-1]:
            record = record[key]
        record[path[-1]] = value

    edit(copied.directory.provenance, change)
    checked = check_origins(load_run(copied.path))
    assert named(checked) == [name]
    assert not checked.same
    assert name in checked.sentence


def test_what_cannot_change_a_result_is_listed_and_does_no_harm(copied):
    edit(copied.directory.provenance, lambda record: record["hardware"].update(host="elsewhere"))
    edit(copied.directory.provenance, lambda record: record["packages"].update(rich="0.1"))
    checked = check_origins(load_run(copied.path))
    assert {item.name for item in checked.differences} == {"hardware.host", "packages.rich"}
    assert checked.same


def test_a_config_edited_by_hand_and_a_missing_record_are_named(copied):
    edit(copied.directory.config, lambda config: config["optimizer"].update(lr=0.1))
    assert named(check_origins(load_run(copied.path))) == ["config_fingerprint"]
    copied.directory.provenance.unlink()
    assert named(check_origins(load_run(copied.path))) == ["provenance"]


@pytest.mark.slow
def test_a_copy_of_a_trial_reproduces_after_the_original_is_gone(tiny, tmp_path, inside):
    folder = tmp_path / "sweep" / "trials" / "0007"
    original = train(compose([*tiny, f"run.dir={folder}", "evaluation.test=false", "run.resume=auto"]))
    copy = shutil.copytree(folder, tmp_path / "elsewhere" / "0007")
    shutil.rmtree(tmp_path / "sweep")
    done = inside("reproduce", copy)
    assert done.returncode == 0, done.stderr
    assert "verdict: bit-identical: the same weights to the last bit, and the same metrics\n" in done.stdout
    again = load_run(done.stdout.splitlines()[-1])
    assert again.results["weights_sha256"] == original.results["weights_sha256"]
    assert again.path.is_relative_to(tmp_path / "runs")


@pytest.mark.slow
def test_one_changed_byte_of_data_is_the_likely_cause(tiny, reviews_csv, tmp_path, inside):
    mine = shutil.copy(reviews_csv, tmp_path / "mine.csv")
    original = train(compose([*tiny, f"data.path={mine}"]))
    first = original.provenance["data"]["splits"]
    content = mine.read_bytes()
    place = content.index(b"a", content.index(b"\n"))
    mine.write_bytes(content[:place] + b"x" + content[place + 1 :])
    checked = check_origins(original)
    (name,) = named(checked)
    assert name.removeprefix("data.") in first
    verdict = rerun(checked)
    assert not verdict.reproduced
    assert f"{name} ({first[name[5:]]['rows']} rows" in verdict.sentence
    mine.unlink()
    assert [(item.name, "no such file" in str(item.now)) for item in check_origins(original).differences] == [
        ("data", True)
    ]


@pytest.mark.slow
def test_a_variation_is_called_one_key_by_key_and_never_identical(finished, inside, tmp_path):
    place = f"run.root={tmp_path}"
    done = inside("reproduce", finished.path, "trainer.log_every_n_steps=2", place)
    assert done.returncode == 4, "a variation is no reproduction, whatever comes of it"
    assert (
        "verdict: a variation, not a reproduction, in trainer.log_every_n_steps (1 then, 2 now): every" in done.stdout
    )
    rerun_of_it = load_run(done.stdout.splitlines()[-1])
    assert rerun_of_it.results["weights_sha256"] == finished.results["weights_sha256"], "the same, and not called so"
    assert "identical" not in done.stdout
    done = inside("reproduce", finished.path, "optimizer.lr=0.02", "seed=3", "trainer.threads=2", "--check-only", place)
    assert done.returncode == 4
    assert "optimizer.lr (0.003 then, 0.02 now), seed (0 then, 3 now), trainer.threads (1 then, 2 now)" in done.stdout


@pytest.mark.slow
def test_a_result_that_differs_has_exit_code_4_and_says_by_how_much(copied, inside, tmp_path):
    edit(copied.directory.results, lambda results: results["metrics"].update({"val/loss": 7.0}))
    edit(copied.directory.provenance, lambda record: record["packages"].update(numpy="1.0"))
    done = inside("reproduce", copied.path, f"run.root={tmp_path}")
    assert done.returncode == 4
    assert "verdict: differs: val/loss is " in done.stdout
    same = "and was 7, the same weights to the last bit; likely cause: packages.numpy (1.0 then, "
    assert same in done.stdout, "the hash in the table and the verdict say the same"


@pytest.mark.slow
def test_a_small_gap_is_accepted_on_demand_alone(copied, inside, tmp_path):
    loss = copied.metrics["val/loss"] + 9e-5
    edit(copied.directory.results, lambda results: results["metrics"].update({"val/loss": loss}))
    for flags, code in (([], 4), (["--allow-close"], 0)):
        done = inside("reproduce", copied.path, f"run.root={tmp_path}", *flags)
        assert done.returncode == code
        assert (
            "verdict: close, but not the same: every metric within 0.0001 of the original's, the same weights to the "
            "last bit; no recorded difference explains it"
        ) in done.stdout
    edit(copied.directory.results, lambda results: results["metrics"].update({"val/loss": loss + 1e-4}))
    assert inside("reproduce", copied.path, f"run.root={tmp_path}", "--allow-close").returncode == 4


@pytest.mark.slow
def test_the_same_numbers_from_another_package_are_the_same_result_and_from_other_data_are_not(
    copied, inside, tmp_path
):
    edit(copied.directory.provenance, lambda record: record["packages"].update(numpy="1.0"))
    done = inside("reproduce", copied.path, f"run.root={tmp_path}")
    assert done.returncode == 0
    assert "the same metrics, despite differences: packages.numpy (1.0 then, " in done.stdout
    edit(copied.directory.provenance, lambda record: record["model"].update(initial_weights_sha256="0" * 64))
    done = inside("reproduce", copied.path, f"run.root={tmp_path}")
    assert done.returncode == 4
    assert (
        "verdict: not the same run: the same weights to the last bit, and the same metrics, but from different "
        in done.stdout
    )
    assert "model.initial_weights_sha256" in done.stdout.rpartition("verdict:")[2]


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.mark.slow
def test_a_dirty_tree_is_named_by_file_where_its_code_takes_part(tiny, tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    (project / "callbacks_of_mine.py").write_text(MODULE)
    (project / "notes.md").write_text("one\n")
    git(project, "init", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-m", "first")
    monkeypatch.chdir(project)
    trust = ["callbacks_of_mine"]
    mine = ["+callbacks.quiet._target_=callbacks_of_mine.Quiet", "trainer.max_steps=1"]
    original = train(compose([*tiny, *mine], trust=trust))
    assert check_origins(original, trust=trust).same
    (project / "callbacks_of_mine.py").write_text(MODULE + "\n# changed\n")
    (project / "notes.md").write_text("two\n")
    (project / "new.py").write_text("a = 1\n")
    checked = check_origins(original, trust=trust)
    assert named(checked) == [
        "trusted_sha256.callbacks_of_mine",
        "code.project.callbacks_of_mine.py",
        "code.project.new.py",
    ]
    assert "code.project.notes.md" in [item.name for item in checked.differences]
    assert "code.project.new.py (as committed then, with changes now)" in checked.sentence


def test_our_own_sources_matter_and_our_tests_do_not():
    def record(diff, untracked=(), commit="c0"):
        state = {"root": "/src/tunesmith", "commit": commit, "diff": diff, "holds": ["working directory", "tunesmith"]}
        return {"repositories": [state | {"untracked": [{"path": path, "sha256": "1"} for path in untracked]}]}

    def part(path, line):
        return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{line}\n"

    clean = record("")
    changed = record(part("src/tunesmith/optim/schedules.py", "+a") + part("README.md", "+b"), ["src/tunesmith/new.py"])
    found = [(item.name, item.matters) for item in differences(clean, changed)]
    assert found == [
        ("code.tunesmith.src/tunesmith/new.py", True),
        ("code.tunesmith.src/tunesmith/optim/schedules.py", True),
        ("code.tunesmith.README.md", False),
    ]
    assert differences(changed, changed) == []
    other = record(part("src/tunesmith/optim/schedules.py", "+z"))
    (only,) = [item for item in differences(other, record(part("src/tunesmith/optim/schedules.py", "+y")))]
    assert only.now == "with other changes"
    assert [item.name for item in differences(clean, record("", commit="c1"))] == ["code.tunesmith.commit"]
    assert "no such repository" in differences(clean, {})[0].now


@pytest.mark.slow
def test_a_module_of_one_s_own_needs_the_flag_again(tiny, tmp_path, monkeypatch, inside):
    (tmp_path / "mine_again.py").write_text(MODULE.replace("pass", f"open({str(tmp_path / 'ran')!r}, 'w').close()"))
    monkeypatch.chdir(tmp_path)
    trust = ["mine_again"]
    original = train(compose([*tiny, "+callbacks.quiet._target_=mine_again.Quiet", "trainer.max_steps=1"], trust=trust))
    assert (tmp_path / "ran").exists()
    os.unlink(tmp_path / "ran")
    for line in (["reproduce", original.path], ["train", "--from", original.path], ["resume", original.path]):
        if line[0] == "resume":
            edit(original.directory.results, lambda results: results.update(status="interrupted"))
        done = inside(*line)
        assert done.returncode == 2
        assert "For a module of your own, add --trust mine_again" in done.stderr
        assert not (tmp_path / "ran").exists()
