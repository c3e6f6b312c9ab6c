"""What every test relies on: no network, one thread, a tiny model, a small data set with two labels."""

import csv
import gc
import os
import random
import subprocess
import sys
from pathlib import Path

# Before anything imports torch, transformers or wandb.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "WANDB_MODE": "offline",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
# The tests start many processes, each of which would compile all of our files.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""

import pytest
from hypothesis import settings
from warm import run_warm

sys.dont_write_bytecode = False

# Examples are drawn the same way every time, so that the quick suite passes or fails for a reason in the code.
settings.register_profile("tunesmith", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("tunesmith")


def pytest_collection_finish():
    """What the imports made stays: to look through it at each collection of garbage is a fifth of a tiny run."""
    gc.collect()
    gc.freeze()


FILLER = ("the", "a", "film", "story", "with", "of", "plot", "and", "actor", "scene", "this", "that", "one", "some")
TELLING = {"good": ("lovely", "bright", "warm", "great"), "bad": ("awful", "dull", "cold", "poor")}


def reviews(num_rows: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of very different lengths with their labels; two words of each text tell its label."""
    draw = random.Random(seed)
    rows = []
    for number in range(num_rows):
        label = ("good", "bad")[number % 2]
        words = draw.choices(FILLER, k=draw.choice((1, 2, 3, 5, 8, 13, 21))) + draw.choices(TELLING[label], k=2)
        rows.append((" ".join(draw.sample(words, len(words))), label))
    return rows


def write_reviews(path: Path, num_rows: int, seed: int = 0) -> Path:
    """The same as a CSV file with the columns `review` and `verdict`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("review", "verdict"), *reviews(num_rows, seed)])
    return path


@pytest.fixture(scope="session")
def reviews_csv(tmp_path_factory):
    """75 reviews: 60 to train on, 7 or 8 each for validation and test."""
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv", 75)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    """One token cache for all tests that do not test it."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tiny(reviews_csv, cache_dir, tmp_path):
    """Overrides of a run that takes a second: a tiny random encoder on the reviews, below `tmp_path`."""
    return tiny_overrides(reviews_csv, cache_dir, tmp_path / "runs")


def tiny_overrides(data: Path, cache_dir: Path, root: Path) -> list[str]:
    return [
        "data=csv",
        f"data.path={data}",
        "data.text_column=review",
        "data.label_column=verdict",
        f"data.cache_dir={cache_dir}",
        "data.max_length=32",
        "data.batch_size=8",
        "model=tiny_encoder",
        "optimizer.lr=3e-3",
        "trainer=cpu",
        "trainer.threads=1",
        "trainer.matmul_precision=highest",
        "trainer.max_epochs=2",
        "logger=none",
        f"run.root={root}",
    ]


@pytest.fixture(scope="session")
def finished(reviews_csv, cache_dir, tmp_path_factory):
    """A finished tiny run; tests read it and leave it as it is."""
    from tunesmith import compose, train

    return train(compose(tiny_overrides(reviews_csv, cache_dir, tmp_path_factory.mktemp("finished"))))


@pytest.fixture(scope="session")
def finished_lora(reviews_csv, cache_dir, tmp_path_factory):
    """A finished tiny run that trained adapters."""
    from tunesmith import compose, train

    overrides = tiny_overrides(reviews_csv, cache_dir, tmp_path_factory.mktemp("finished_lora"))
    return train(compose([*overrides, "method=lora", "optimizer.lr=1e-2"]))


@pytest.fixture(scope="session")
def tokenizer():
    """The tokenizer of the tiny encoder."""
    from tunesmith import compose
    from tunesmith.models.weights import load_tokenizer

    return load_tokenizer(compose(["model=tiny_encoder"]).config.model)


@pytest.fixture
def command():
    """Run a real command line in a process of its own; answers with the finished process."""
    return run_warm


@pytest.fixture
def inside(capsys):
    """Run a command line in this process, where a new one would only cost the imports; answers like `command`."""
    from tunesmith.cli.main import main

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        code = main([*map(str, arguments)])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def prepared():
    """Prepare a sweep as `tunesmith sweep NAME OVERRIDES` does before it opens a directory; once for the same words."""
    import functools

    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from tunesmith.config.composing.compose import open_hydra
    from tunesmith.config.composing.composer import Composer
    from tunesmith.config.composing.overrides import read_sweep
    from tunesmith.sweeping.prepare import prepare
    from tunesmith.sweeping.settings import read_settings

    @functools.cache
    def read_and_judge(name: str, *texts: str, check: bool = True):
        hydra, loader = open_hydra()
        mine = [text for text in read_sweep(texts, loader.notes) if text.startswith("hydra.")]
        config = hydra.compose_config(name, mine, RunMode.MULTIRUN, with_log_configuration=False)
        node = OmegaConf.to_container(config.hydra.sweeper)
        settings = read_settings({key: value for key, value in node.items() if not key.startswith("_")})
        return prepare(texts, settings, Composer(name), check=check)

    return read_and_judge
