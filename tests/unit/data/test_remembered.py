"""What follows from kept rows is kept with them: the second start does not read their texts for it."""

import json

import numpy as np
import pytest

from tests.unit.data.test_templates import byte_level
from tunesmith.config.schema import Data
from tunesmith.data import kept_rows, reading, repeated, rows, tokenization
from tunesmith.data.remembered import remembered
from tunesmith.data.repeated import repeated_inputs
from tunesmith.data.splits import divided
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_rows, "LEAST_BYTES", 0)
    lines = [json.dumps({"text": f"text {row % 70}", "label": "ab"[row % 70 % 2]}) for row in range(100)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    return Data(path=str(tmp_path / "a.jsonl"), format="jsonl", cache_dir=str(tmp_path / "cache"), max_length=16)


def looked_at(data):
    """All that a run asks of the rows before it trains: splits, copies, identity, tokens."""
    splits = divided(reading.read_rows(data, CLASSIFICATION), data, CLASSIFICATION)
    tokens = {
        name: CLASSIFICATION.encode(of, ["a", "b"], byte_level(""), data, "encoder").tokens
        for name, of in splits.items()
    }
    hashes = {name: of.sha256() for name, of in splits.items()}
    return hashes, repeated_inputs(splits), {name: of.ids.tolist() for name, of in tokens.items()}


def watch(monkeypatch, module, name, calls):
    own = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args, **more: calls.append(name) or own(*args, **more))


def test_a_second_start_does_not_go_through_the_texts(data, tmp_path, monkeypatch):
    first = looked_at(data)
    passes, digests = [], []
    watch(monkeypatch, rows, "_identity", passes)
    watch(monkeypatch, repeated, "_repeated", passes)
    watch(monkeypatch, tokenization, "_digest_of", digests)
    assert looked_at(data) == first
    assert not passes
    assert len(digests) == 3, "of the tokenizer and the settings, for each split"
    others = data.model_copy(update={"split": data.split.model_copy(update={"seed": 7})})
    assert looked_at(others)[0] != first[0]
    assert len(passes) == 4, "other splits: three identities, and the copies in all; those of the whole are known"
    (tmp_path / "cache").rename(tmp_path / "gone")
    assert looked_at(data) == first


def test_a_damaged_one_is_made_again(data, tmp_path):
    of = reading.read_rows(data, CLASSIFICATION)
    made = []
    for _ in range(2):
        assert remembered("length", [of.texts], lambda: made.append(0) or b"100") == b"100"
    assert len(made) == 1
    (entry,) = (path for path in (tmp_path / "cache").iterdir() if path.suffix != ".arrow")
    entry.write_bytes(entry.read_bytes()[:-1] + b"1")
    assert remembered("length", [of.texts], lambda: made.append(0) or b"100") == b"100"
    assert len(made) == 2
    for columns in ([of.labels], [of.texts.take(np.arange(99))], [of.texts, of.labels], [of.texts, list(of.labels)]):
        remembered("length", columns, lambda: made.append(0) or b"99")
    remembered("width", [of.texts], lambda: made.append(0) or b"1")
    assert len(made) == 7, "each follows from other things"
    changed = of.texts.mapped(str.upper)
    assert [remembered("length", [changed], lambda: made.append(0) or b"1") for _ in range(2)] == [b"1", b"1"]
    assert len(made) == 9, "a changed column lies nowhere"
