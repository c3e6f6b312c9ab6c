"""Trust is granted in one place, for as long as a block lasts, and is carried by the config that was composed in it."""

import sys

from tunesmith import compose
from tunesmith.config.trust import is_trusted, trusted, trusting

MINE = "from pytorch_lightning import Callback\nclass Quiet(Callback): ...\n"


def test_it_lasts_as_long_as_its_block_and_adds_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [item for item in sys.path if item not in ("", str(tmp_path))])
    (tmp_path / "run" / "model").mkdir(parents=True)
    assert trusted() == ()
    with trusting(["mine"]):
        assert str(tmp_path) in sys.path
        with trusting(["org/model", "mine", "run"]):
            assert trusted() == ("mine", "org/model", "run")
            assert is_trusted("org/model")
            assert is_trusted(str(tmp_path / "run" / "model"))
            assert not is_trusted("org/other")
        assert trusted() == ("mine",)
        assert not is_trusted("org/model")
    assert trusted() == ()
    assert str(tmp_path) not in sys.path


def test_nothing_is_trusted_without_a_name():
    path = list(sys.path)
    with trusting([]):
        assert (trusted(), sys.path) == ((), path)
        assert not is_trusted(None)


def test_a_config_carries_what_it_was_composed_with(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    overrides = ["data=rotten_tomatoes", "+callbacks.quiet._target_=mine.Quiet"]
    composed = compose(overrides, trust=["mine"])
    assert composed.trust == ("mine",)
    assert composed.with_saved(composed.saved).trust == ("mine",)
    assert compose(["data=rotten_tomatoes"]).trust == ()
