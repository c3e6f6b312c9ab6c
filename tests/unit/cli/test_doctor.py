"""What the doctor knows: each entry is provoked."""

import shutil
from importlib import metadata

import pytest
import torch

from tunesmith.cli import doctor


def found():
    return "\n".join(doctor.problems())


def test_it_prints_what_is_here(inside, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = inside("doctor")
    assert done.returncode == 0
    for fact in (
        torch.__version__,
        metadata.version("wandb"),
        "usable cores",
        "OMP_NUM_THREADS=1",
        "a run would be offline",
    ):
        assert fact in done.stdout.replace("\n", " ")
    assert "known problems" in done.stdout


@pytest.mark.parametrize(
    ("requirement", "sentence"),
    [
        ("torch>=99", f"torch {torch.__version__} is outside the supported >=99"),
        ("no-such-package>=1", "no-such-package is not installed: pip install 'no-such-package>=1'"),
        ("torch>=2.6", None),
        ("no-such-package>=1; extra == 'ray'", None),
    ],
)
def test_versions_outside_of_our_own_ranges(monkeypatch, requirement, sentence):
    monkeypatch.setattr(metadata, "requires", lambda name: [requirement])
    assert sentence in found() if sentence else "torch" not in found().replace("torch cannot", "")


def test_a_driver_that_torch_cannot_use(monkeypatch, tmp_path):
    (tmp_path / "version").write_text("NVRM\n")
    monkeypatch.setattr(doctor, "NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "there is an NVIDIA driver, but torch" in found()


def test_a_gpu_without_kernels(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Old")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (3, 5))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_80", "sm_90", "compute_90"])
    assert "Old (sm_35) has no kernels in this torch" in found()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (8, 6))
    assert "no kernels" not in found()


def test_too_little_space(monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type(usage)(64_000_000, 0, 64_000_000))
    assert "has 64 MB: data.num_workers > 0 may end with a bus error" in found()
    assert "0.1 GB left" in found()
