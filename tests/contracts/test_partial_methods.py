"""What holds of every method that trains a part of the weights, asked of ours."""

from pathlib import Path

from tunesmith.config.methods import BUILT_IN
from tunesmith.models import partial
from tunesmith.models.partial.bitfit import BitFit
from tunesmith.models.partial.freeze import Freeze
from tunesmith.models.partial.full import Full
from tunesmith.models.partial.gradual import Gradual
from tunesmith.models.partial.head_only import HeadOnly
from tunesmith.models.partial.last_layers import LastLayers
from tunesmith.testing.methods import MethodContract


class TestFull(MethodContract):
    def method(self):
        return Full()


class TestHeadOnly(MethodContract):
    def method(self):
        return HeadOnly()


class TestLastLayers(MethodContract):
    def method(self):
        return LastLayers(layers=1)


class TestFreeze(MethodContract):
    def method(self):
        return Freeze(frozen=["embed|shared"])


class TestGradual(MethodContract):
    def method(self):
        return Gradual(unfrozen_by=0.9)


class TestBitFit(MethodContract):
    families = ("encoder",)

    def method(self):
        return BitFit()


def test_every_method_of_ours_is_asked():
    asked = {type(suite().method()) for suite in MethodContract.__subclasses__() if suite.__module__ == __name__}
    files = {path.stem for path in Path(partial.__file__).parent.glob("*.py")} - {"__init__"}
    assert {kind.__module__.rpartition(".")[2] for kind in asked} == files
    assert {traits.target for traits in BUILT_IN.values()} <= {f"{kind.__module__}.{kind.__name__}" for kind in asked}
