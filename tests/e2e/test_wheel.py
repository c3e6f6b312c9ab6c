"""The built wheel holds all that a run needs, and works from an unrelated folder."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The wheel's content in a folder of its own, as an installer would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("tunesmith-*.whl")
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def test_the_wheel_holds_every_config(unpacked):
    for folder in ("conf", "sweeps"):
        shipped = {
            path.relative_to(unpacked / "tunesmith") for path in (unpacked / "tunesmith" / folder).rglob("*.yaml")
        }
        assert shipped == {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.yaml")}


def test_the_wheel_holds_the_pages(unpacked):
    shipped = {path.relative_to(unpacked) for path in (unpacked / "tunesmith").rglob("*.j2")}
    assert shipped == {path.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*.j2")}
    assert shipped


@pytest.mark.slow
def test_the_wheel_trains_from_an_unrelated_folder(unpacked, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "WANDB_MODE": "offline"}
    where = "import tunesmith; print(tunesmith.__file__)"
    run = subprocess.run([sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert Path(run.stdout.strip()).is_relative_to(unpacked)  # not the checkout that the tests are installed from
    command = [sys.executable, "-m", "tunesmith", "train", "experiment=smoke", "model=tiny_encoder"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    directory = Path(run.stdout.splitlines()[-1])
    assert directory.is_relative_to(tmp_path)
    assert json.loads((directory / "results.json").read_text())["status"] == "completed"
