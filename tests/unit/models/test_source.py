import pytest
from huggingface_hub import constants

from tunesmith.config.schema import Model
from tunesmith.models.source import resolved_revision
from tunesmith.models.weights import load_network

TINY = {"model_type": "bert", "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
LABELS = ["bad", "good"]
OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """A download cache with two commits of one checkpoint; `main` is the newer one."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    model = tmp_path / "hub/models--org--tiny"
    for commit, seed in ((OLD, 0), (NEW, 1)):
        load_network(Model(init="random", config=TINY), LABELS, seed=seed).save_pretrained(model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs/main").write_text(NEW)
    (model / "refs/v1").write_text(OLD)
    return model


@pytest.mark.parametrize(
    ("revision", "commit"), [(None, NEW), ("main", NEW), ("v1", OLD), (OLD, OLD)], ids=["none", "branch", "tag", "hash"]
)
def test_the_commit_is_the_one_that_the_weights_came_from(downloaded, revision, commit):
    model = Model(path="org/tiny", revision=revision)
    loaded = load_network(model, LABELS, seed=5).state_dict()
    own = load_network(Model(path=str(downloaded / "snapshots" / commit)), LABELS, seed=5).state_dict()
    assert all((loaded[name] == own[name]).all() for name in own)
    assert resolved_revision(model) == commit


def test_neither_a_folder_nor_a_new_network_has_a_commit(downloaded):
    assert resolved_revision(Model(path=str(downloaded / "snapshots" / NEW))) is None
    assert resolved_revision(Model(init="random", config=TINY)) is None
