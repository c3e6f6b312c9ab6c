"""Records code, packages, machine and command, once at the start of a run."""

from __future__ import annotations

import os
import platform
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from tunesmith.machine import usable_cores
from tunesmith.provenance.git import git_state
from tunesmith.redaction import redact, redact_argv

ENVIRONMENT = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "DNNL_MAX_CPU_ISA",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "KMP_AFFINITY",
    "LANG",
    "LC_ALL",
    "LD_PRELOAD",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_CUDA_ALLOC_CONF",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_JOB_ID",
    "TOKENIZERS_PARALLELISM",
    "TRANSFORMERS_OFFLINE",
    "TZ",
    "WANDB_BASE_URL",
    "WANDB_ENTITY",
    "WANDB_MODE",
    "WANDB_PROJECT",
)
"""The only environment variables recorded: those that change results or show where files went."""


def provenance(
    *,
    argv: Sequence[str],
    overrides: Sequence[str] = (),
    choices: Mapping[str, str] | None = None,
    seed: int | None = None,
    threads: int | None = None,
    precision: str | None = None,
) -> dict[str, Any]:
    """Collect everything that identifies this run's origin, with secrets masked.

    Args:
        argv: The command line, as in `sys.argv`.
        overrides: Overrides that the config was composed with.
        choices: Config group to chosen option.
        seed: The run's seed.
        threads: CPU threads of torch.
        precision: Number format of the forward and backward pass.

    Returns:
        Plain dicts, lists and scalars, ready for JSON.
    """
    return {
        "command": command_line(argv),
        "working_directory": os.getcwd(),
        "overrides": redact_argv(overrides),
        "choices": redact(dict(choices or {})),
        "seed": seed,
        "threads": threads,
        "precision": precision,
        "repositories": repositories({"working directory": Path.cwd(), "tunesmith": Path(__file__).parent}),
        "python": {"version": platform.python_version(), "implementation": platform.python_implementation()},
        "packages": packages(),
        "hardware": hardware(),
        "torch": torch_build(),
        "environment": environment(os.environ),
    }


def command_line(argv: Sequence[str]) -> str:
    """Return the command as a string to paste into a shell, with secrets masked."""
    program = Path(argv[0])
    ours = program.parent.name == "tunesmith" or program.parent.parent.name == "tunesmith"  # python -m tunesmith
    name = "tunesmith" if ours and program.suffix == ".py" else shlex.quote(program.name)
    return " ".join([name, shlex.join(redact_argv(argv[1:]))]).strip()


def repositories(folders: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Describe each git repository that contains one of the folders: the user's project and Tunesmith's checkout.

    Args:
        folders: Content to its folder; an installed package is not a checkout, wherever its environment is.
    """
    states: dict[str, dict[str, Any]] = {}
    for content, folder in folders.items():
        state = git_state(folder) if "site-packages" not in folder.parts else None
        if state is not None:
            states.setdefault(state["root"], state | {"holds": []})["holds"].append(content)
    return list(states.values())


def packages() -> dict[str, str]:
    """Return name and version of every installed distribution.

    Setuptools adds vendored copies of its dependencies to `sys.path`; those are not installed distributions.
    """
    installed = metadata.distributions(path=[folder for folder in sys.path if Path(folder).name != "_vendor"])
    versions = dict(filter(None, map(_name_and_version, installed)))
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def _name_and_version(distribution: metadata.Distribution) -> tuple[str, str] | None:
    """Read the two headers alone: parsing all of them, as `distribution.metadata` does, takes most of a second."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    fields = dict(re.findall(r"^(Name|Version):[ \t]*(\S+)", text.partition("\n\n")[0], flags=re.MULTILINE))
    return (fields["Name"], fields["Version"]) if len(fields) == 2 else None


def hardware() -> dict[str, Any]:
    """Describe operating system, processor, memory in bytes, and the GPUs if torch is already imported."""
    return {
        "platform": platform.platform(),
        "host": platform.node(),
        "cpu": _cpu_name(),
        "num_cores": os.cpu_count(),
        "num_usable_cores": usable_cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": _gpus(),
    }


def torch_build() -> dict[str, Any] | None:
    """Describe what decides a result's last bits on this machine; None if torch is not imported."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mkldnn": torch.backends.mkldnn.is_available(),
        "num_threads": torch.get_num_threads(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the allow-listed part of the environment, with secrets in values masked."""
    return redact({name: environ[name] for name in ENVIRONMENT if name in environ}, environ)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _gpus() -> list[dict[str, Any]]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [
        {"name": gpu.name, "memory_bytes": gpu.total_memory, "capability": f"{gpu.major}.{gpu.minor}"}
        for gpu in devices
    ]
