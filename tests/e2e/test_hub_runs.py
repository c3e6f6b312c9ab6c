"""A run on a data set of the Hub: from the cache that the library writes, and again from what was saved."""

import json
import os
import subprocess
import sys

import pytest

WRITE = """
import sys, datasets
class Films(datasets.GeneratorBasedBuilder):
    def _info(self):
        return datasets.DatasetInfo(features=datasets.Features(
            {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}))
    def _split_generators(self, manager):
        return [datasets.SplitGenerator(name, gen_kwargs={"name": name}) for name in ("train", "validation", "test")]
    def _generate_examples(self, name):
        for i in range(24):
            yield i, {"text": f"{sys.argv[2]} {name} {'dull fine'.split()[i % 2]} {i}", "label": i % 2}
Films(repo_id="acme/films", dataset_name="films", hash=sys.argv[1] * 40, config_name="default").download_and_prepare()
"""


@pytest.mark.slow
def test_a_run_from_the_cache_is_repeated_at_its_commit(tmp_path, cache_dir):
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    environment = {key: value for key, value in environment.items() if not key.startswith("HF_DATASETS")}

    def run(*words):
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )

    def tunesmith(*words):
        return run("-m", "tunesmith", *words)

    short = [
        "model=tiny_encoder",
        "trainer=cpu",
        "trainer.threads=1",
        "trainer.max_epochs=1",
        "logger=none",
        "run.dir=first",
    ]
    assert run("-c", WRITE, "a", "first").returncode == 0
    ended = tunesmith(
        "train", "data=hub", "data.path=acme/films", f"data.cache_dir={cache_dir}", "run.dir=first", *short
    )
    assert ended.returncode == 0, ended.stderr
    assert "acme/films: configuration default at commit aaaaaaaaaaaa" in ended.stderr

    provenance = json.loads((tmp_path / "first" / "provenance.json").read_text())
    assert provenance["data"]["revision"] == "a" * 40
    assert provenance["data"]["path"] == "acme/films"
    predictions = [json.loads(line) for line in (tmp_path / "first" / "predictions.jsonl").read_text().splitlines()]
    assert {row["label"] for row in predictions} == {"bad", "good"}

    assert run("-c", WRITE, "b", "second").returncode == 0, "the Hub has moved on"
    again = tunesmith("reproduce", "first")
    assert again.returncode == 0, again.stderr
    assert "bit-identical" in again.stdout + again.stderr
    moved = tunesmith("check", "--from", "first", f"data.revision={'b' * 40}")
    assert moved.returncode == 0, moved.stderr
    assert "commit bbbbbbbbbbbb" in moved.stderr + moved.stdout
