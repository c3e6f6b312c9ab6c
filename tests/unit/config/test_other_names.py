"""Names of other tools are answered with keys that there are."""

import pytest

from tunesmith import compose
from tunesmith.config.other_names import COMMANDS, KEYS
from tunesmith.config.outline import leaves
from tunesmith.errors import ConfigError


def test_every_named_key_exists():
    of_targets = {"method.r"}  # a field of peft's LoraConfig
    assert {key for keys in KEYS.values() for key in keys} <= {*leaves(), *of_targets}


@pytest.mark.parametrize(
    "name", ["gradient_accumulation_steps", "learning_rate", "output_dir", "task_name", "ckpt_path"]
)
def test_an_unknown_key_is_answered_with_ours(name):
    with pytest.raises(ConfigError) as caught:
        compose(["data=csv", "data.path=x.csv", f"{name}=1"])
    expected = [COMMANDS[name]] if name in COMMANDS else KEYS[name]
    assert all(word in str(caught.value) for word in expected)
