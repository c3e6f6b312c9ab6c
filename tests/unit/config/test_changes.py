"""What matters to a result is what the schema's fields say, for every key and everybody who asks."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest

from tunesmith import compose
from tunesmith.config.changes import differing, fixed_keys, matters, relevant
from tunesmith.config.checking.rules.registry import select
from tunesmith.config.fingerprint import fingerprint, identifies
from tunesmith.config.outline import outline

SAVED = compose(["data=csv", "data.path=x.csv", "model=tiny_encoder"]).saved
OTHERWISE = "a value that no key has"
WITHOUT = {
    *("data.eval_batch_size", "data.num_workers", "data.cache_dir", "model.cache_dir", "schema_version"),
    *(
        "trainer.checkpoint_every_steps",
        "trainer.checkpoint_every_minutes",
        "evaluation.baselines",
        "evaluation.probe",
        "evaluation.at_start",
        "evaluation.texts",
        "evaluation.sets",
        "evaluation.slices",
        "evaluation.forgetting",
    ),
}
"""What changes no result, besides `run` and `logger`."""


def changed(path):
    """The saved config with one leaf of another value."""
    config = copy.deepcopy(SAVED)
    *nodes, key = path.split(".")
    node = config
    for name in nodes:
        if not isinstance(node[name], dict):  # a word, where a mapping may stand too
            node[name] = {}
        node = node[name]
    node[key] = OTHERWISE
    return config


def instead_of_a_word(path):
    """Whether the saved config has a word where this key would be one of a mapping's."""
    return isinstance(select(SAVED, path.rpartition(".")[0]), str)


@pytest.mark.parametrize("path", [path for path, key in outline().items() if not key.is_node])
def test_a_key_changes_the_identity_or_says_that_it_cannot(path):
    harmless = path in WITHOUT or path.partition(".")[0] in ("run", "logger")
    other = changed(path)
    assert matters(path) != harmless
    assert (fingerprint(other) == fingerprint(SAVED)) == harmless
    named = path.rpartition(".")[0] if instead_of_a_word(path) else path
    assert [key for key, _, _ in differing(SAVED, other)] == ([] if harmless else [named])


def test_keys_that_the_schema_does_not_name_matter():
    assert matters("optimizer.betas")
    assert fingerprint(SAVED | {"new": 1}) != fingerprint(SAVED)


def test_a_callback_that_only_looks_on_changes_nothing():
    watched, stopped = copy.deepcopy(SAVED), copy.deepcopy(SAVED)
    watched["callbacks"]["rates"] = {"_target_": "pytorch_lightning.callbacks.LearningRateMonitor"}
    stopped["callbacks"]["stop"] = {"_target_": "pytorch_lightning.callbacks.EarlyStopping", "patience": 1}
    assert fingerprint(watched) == fingerprint(SAVED)
    assert list(differing(SAVED, watched)) == []
    assert fingerprint(stopped) != fingerprint(SAVED)


def test_a_record_of_before_the_keys_said_so_is_still_known():
    once = {key: value for key, value in SAVED.items() if key not in ("run", "logger", "schema_version")}
    text = json.dumps(once, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    recorded = hashlib.sha256(text.encode()).hexdigest()
    assert recorded != fingerprint(SAVED)
    assert identifies(recorded, SAVED)
    assert not identifies(recorded, changed("data.batch_size"))


def test_a_key_that_older_configs_lack_is_no_part_of_their_identity():
    older = copy.deepcopy(SAVED)
    del older["data"]["on_long"], older["model"]["head"]["start"]
    assert fingerprint(older) == fingerprint(SAVED)
    assert list(differing(older, SAVED)) == []
    other = changed("data.on_long")
    assert fingerprint(other) != fingerprint(older)
    assert [key for key, _, _ in differing(older, other)] == ["data.on_long"]


def test_what_is_left_is_a_copy_without_what_cannot_matter():
    kept = relevant(SAVED)
    assert kept.keys() == SAVED.keys() - {"run", "logger", "schema_version"}
    assert "num_workers" not in kept["data"]
    assert "num_workers" in SAVED["data"]


def test_keys_that_a_search_may_not_vary_have_a_reason():
    assert fixed_keys().keys() == {"seed", "data.split", "evaluation.test", "run", "logger", "trainer.threads"}
    assert all(fixed_keys().values())
