"""A sweep as the engine has it before its first trial."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from tunesmith.config.compose import open_hydra
from tunesmith.config.composer import Composer
from tunesmith.config.overrides import read_sweep
from tunesmith.sweeping.prepare import Sweep, prepare, read_settings


@functools.cache
def read_and_judge(name: str, *texts: str, check: bool = True) -> Sweep:
    """What `tunesmith sweep NAME OVERRIDES` does before it opens a directory."""
    hydra, loader = open_hydra()
    mine = [text for text in read_sweep(texts, loader.notes) if text.startswith("hydra.")]
    config = hydra.compose_config(name, mine, RunMode.MULTIRUN, with_log_configuration=False)
    node = OmegaConf.to_container(config.hydra.sweeper)
    assert isinstance(node, dict)
    settings = read_settings({key: value for key, value in node.items() if not key.startswith("_")})
    return prepare(texts, settings, Composer(name), check=check)


@pytest.fixture(scope="session")
def prepared() -> Callable[..., Sweep]:
    """Prepare a sweep, once for the same overrides."""
    return read_and_judge
