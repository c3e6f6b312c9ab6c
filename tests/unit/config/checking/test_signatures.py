"""The static reader agrees with `inspect.signature` on the real libraries."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tunesmith.config.checking import signatures
from tunesmith.config.checking.signatures import read_signature
from tunesmith.config.folders import shipped

SHIPPED = sorted(
    {
        target
        for file in shipped("conf").rglob("*.yaml")
        for target in re.findall(r"^[^#\n]*_target_:\s*([\w.]+)", file.read_text(), flags=re.MULTILINE)
    }
)
MORE = [
    "torch.optim.Adam",
    "torch.optim.Adafactor",
    "torch.optim.LBFGS",
    "torch.optim.RMSprop",
    "torch.optim.lr_scheduler.OneCycleLR",
    "torch.optim.lr_scheduler.StepLR",
    "pytorch_lightning.callbacks.ModelCheckpoint",
    "pytorch_lightning.callbacks.LearningRateMonitor",
    "pytorch_lightning.callbacks.LambdaCallback",
    "pytorch_lightning.callbacks.Timer",
    "pytorch_lightning.callbacks.StochasticWeightAveraging",
    "pytorch_lightning.profilers.SimpleProfiler",
    "pytorch_lightning.strategies.SingleDeviceStrategy",
    "torchmetrics.Accuracy",
    "torchmetrics.classification.MulticlassMatthewsCorrCoef",
    "torchmetrics.classification.MulticlassCalibrationError",
    "peft.IA3Config",
    "peft.AdaLoraConfig",
    "peft.PromptTuningConfig",
    "transformers.get_cosine_with_hard_restarts_schedule_with_warmup",
    "transformers.get_wsd_schedule",
]


def real(target: str) -> object:
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_shipped_target_is_covered() -> None:
    assert len(SHIPPED) >= 12


@pytest.mark.parametrize("target", SHIPPED + MORE)
def test_agrees_with_inspect(target: str) -> None:
    found = read_signature(target)
    assert found is not None
    expected = inspect.signature(real(target)).parameters.values()
    named = {p.name: p.default is p.empty for p in expected if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    ours = {name: parameter.required for name, parameter in found.by_name.items()}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in expected)
    assert {name: ours.get(name) for name in named} == named
    assert open_ended or set(ours) == set(named)
    assert found.is_class == inspect.isclass(real(target))


@pytest.mark.parametrize("target", [target for target in SHIPPED + MORE if not target.startswith("transformers.")])
def test_ancestors_are_the_real_ones(target: str) -> None:
    cls = real(target)
    assert isinstance(cls, type)
    found = read_signature(target)
    assert found is not None
    libraries = ("torch.optim", "pytorch_lightning", "torchmetrics", "peft")
    mro = {base.__qualname__ for base in cls.__mro__[1:] if base.__module__.startswith(libraries)}
    assert mro <= {name.rpartition(".")[2] for name in found.ancestors}


def test_keywords_of_metric_reach_through_kwargs() -> None:
    found = read_signature("torchmetrics.classification.MulticlassF1Score")
    assert found is not None
    assert "sync_on_compute" in found.by_name
    assert "dist_sync_on_step" in found.by_name
    assert "beta" not in found.by_name, "the class itself passes beta on"
    assert not found.takes_any


@pytest.mark.parametrize("target", ["torch.optim.AdamX", "torch.optimm.AdamW", "nosuch.thing.At", "torch", ""])
def test_what_does_not_exist_is_none(target: str) -> None:
    assert read_signature(target) is None


def test_reading_executes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("open('proof', 'w')\nclass A:\n    def __init__(self, x: int = 1): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = read_signature("planted.A")
    assert found is not None
    assert list(found.by_name) == ["x"]
    assert not (tmp_path / "proof").exists()


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys; from tunesmith.config.checking.signatures import read_signature as read\n"
        f"found = [read(t) for t in {SHIPPED!r}]\n"
        "assert all(found)\n"
        "assert not {'torch', 'numpy', 'transformers', 'peft', 'pytorch_lightning'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    "target",
    [
        "transformers.AutoModel.from_pretrained",
        "transformers.NoSuchThing",
        "torch." + "a." * 5000 + "b",
        "torch." + "a" * 5000,
        "torch.\0x",
        "torch..optim",
        "torch.optim.Adam W",
        "torch.nn.Module.forward",
    ],
)
def test_a_wrong_target_is_not_searched_for_in_a_whole_library(target: str) -> None:
    signatures.forget_signatures()
    assert read_signature(target) is None
    assert signatures.read_module.cache_info().misses < 2 * signatures.MAX_STARS


def test_a_star_is_followed() -> None:
    found = read_signature("transformers.AutoModel")
    assert found is not None
    assert found.name == "transformers.models.auto.modeling_auto.AutoModel"
