"""A method's name and its class: which goes with which, and what a class of the user's own takes."""

import pytest

from tunesmith import compose
from tunesmith.errors import ConfigError

SOURCE = """
import dataclasses
import peft
from tunesmith.models.method import PartialMethod

class EveryOtherLayer(PartialMethod):
    def __init__(self, step: int = 2, layers: int = 1):
        self.step = step

    def trained(self, weights):
        return weights.head

class Narrow(PartialMethod):
    def trained(self, weights):
        return weights.head

@dataclasses.dataclass
class Small(peft.LoraConfig):
    r: int = 2

class Strange:
    pass
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "my_methods.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*overrides, trust=("my_methods",)):
        return compose(["model=tiny_encoder", *overrides], trust=trust)

    return run


@pytest.mark.parametrize("name", ["EveryOtherLayer", "Small"])
def test_a_class_takes_the_place_of_the_default(own, name):
    composed = own(f"method._target_=my_methods.{name}")
    assert (composed.config.method.name, composed.saved["method"]["name"]) == (None, None)
    assert composed.name.endswith(f"-{name}")


def test_keywords_go_to_the_class_those_of_built_in_methods_too(own):
    method = own("method._target_=my_methods.EveryOtherLayer", "method.step=3", "method.layers=2").config.method
    assert method.kwargs() == {"step": 3, "layers": 2}
    assert own("method._target_=my_methods.EveryOtherLayer").config.method.kwargs() == {}


@pytest.mark.slow
def test_old_ways_to_name_an_adapter_stay(own):
    assert own("method=lora", "method._target_=my_methods.Small", "~method.lora_alpha").config.method.name == "lora"
    assert own("method.name=lora", "method._target_=peft.LoraConfig").config.method.name == "lora"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["method._target_=my_methods.Strange"], "must derive from peft.PeftConfig or tunesmith.models.method.Partial"),
        (["method._target_=my_methods.Narrow", "method.layers=2"], "method.layers: my_methods.Narrow takes no layers"),
        (["method._target_=my_methods.Narrow", "method.name=full"], "has no effect with method.name=full"),
        (["method._target_=my_methods.Narrow", "method=bitfit"], r"name=bitfit .*Set method.name=null"),
        (
            ["method._target_=my_methods.Narrow", "method.name=lora"],
            "is the name of an adapter, but my_methods.Narrow is",
        ),
        (["method.name=null"], "method.name: is required without method._target_"),
        (["method._target_=my_methods.Narrow", "model.quantization=8bit"], "quantised weights .* method=Narrow trains"),
    ],
)
def test_refused(own, overrides, sentence):
    with pytest.raises(ConfigError, match=sentence):
        own(*overrides)


def test_it_has_to_be_trusted(own):
    with pytest.raises(ConfigError, match="add --trust my_methods"):
        own("method._target_=my_methods.Narrow", trust=())


def test_set_to_null_the_name_makes_way(own):
    assert own("method=bitfit", "method.name=null", "method._target_=my_methods.Narrow").config.method.name is None


@pytest.mark.parametrize("method", ["method=prompt", "method._target_=peft.PrefixTuningConfig"])
def test_what_a_prompt_cannot_do_is_asked_of_its_class(own, method):
    length = "method.num_virtual_tokens=4"
    with pytest.raises(ConfigError, match="needs positions that restart"):
        own(method, length, "task=language_modeling", "model=tiny_causal", "data.packing=true")
