"""What a sweep copies at its launch: what its trials are composed from, and nothing else of the folders it lies in."""

import pytest
import yaml

from tunesmith.config.composing.composer import Composer
from tunesmith.sweeping.prepare import prepare
from tunesmith.sweeping.record import snapshot
from tunesmith.sweeping.settings import read_settings

PLAIN = "{}\n"
BESIDE = (
    "docs/mkdocs.yaml",
    ".venv/lib/pkg/data/imdb.yaml",
    ".github/ci.yaml",
    "data/.cache/imdb.yaml",
    "runs/2026-01-01/10-00-00_own_abcdef/snapshot/conf/train.yaml",
)


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def take(sweep, name, folders, *texts, **settings):
    composer = Composer(name, folders)
    ready = prepare(["data=rotten_tomatoes", *texts], read_settings(settings), composer)
    sweep.mkdir(parents=True)
    frozen = snapshot.take(sweep, composer, ready.space.parameters)
    user = sweep / "snapshot" / "user"
    return ready, frozen, {path.relative_to(user).as_posix() for path in user.rglob("*.yaml")}


@pytest.fixture
def checkout(tmp_path):
    """A folder with a sweep file, groups of a user's own, and all that a project holds beside them."""
    own = {"defaults": ["train", {"helper/deep": "one"}, "_self_"]}
    write(tmp_path, dict.fromkeys(BESIDE, PLAIN))
    write(
        tmp_path,
        {
            "own.yaml": yaml.safe_dump(own),
            "optimizer/own.yaml": "defaults: [adamw]\nweight_decay: 0.125\n",
            "helper/deep/one.yaml": "# @package _global_\nmodel:\n  dropout: 0.25\n",
            "extra/a.yaml": "# @package _global_\ndata:\n  batch_size: 8\n",
            "extra/b.yaml": "# @package _global_\ndata:\n  batch_size: 4\n",
            "optimizer/old/sweep.json": "{}",
            "optimizer/old/best.yaml": PLAIN,
            "optimizer/run/results.json": "{}",
            "optimizer/run/config.yaml": PLAIN,
        },
    )
    return tmp_path


@pytest.mark.slow
def test_of_the_folder_of_a_sweep_file_only_its_groups_are_copied(checkout):
    params = {"extra": "choice(a, b)", "optimizer.lr": "choice(1e-4, 1e-3)"}
    for number in range(3):
        sweep = checkout / "runs" / "today" / f"sweep-{number}"
        _, frozen, copied = take(sweep, "own", [checkout], "optimizer=own", params=params)
        assert copied == {
            "00/own.yaml",
            "00/optimizer/own.yaml",
            "00/helper/deep/one.yaml",
            "00/extra/a.yaml",
            "00/extra/b.yaml",
        }, "and it does not grow with every sweep"
        config = frozen.compose(["extra=b"], ["data=rotten_tomatoes", "optimizer=own"]).config
        assert (config.optimizer.weight_decay, config.model.dropout, config.data.batch_size) == (0.125, 0.25, 4)


def test_a_sweep_does_not_copy_itself(checkout):
    _, _, copied = take(checkout / "optimizer" / "new", "own", [checkout], params={"extra": "choice(a, b)"})
    assert not any("new" in path for path in copied)


def test_groups_of_a_folder_given_on_the_command_line_are_copied(checkout, tmp_path):
    own = "# @package _global_\nmodel:\n  dropout: 0.5\n"
    write(tmp_path / "mine", {"my/group/x.yaml": own, "unused/y.yaml": PLAIN})
    line = ["optimizer=own", "my/group=x"]
    folders = [checkout, tmp_path / "mine"]
    ready, frozen, copied = take(tmp_path / "s", "train", folders, *line, params={"optimizer.lr": "choice(1, 2)"})
    assert {path for path in copied if path.startswith("01/")} == {"01/my/group/x.yaml"}
    again = frozen.compose(["optimizer.lr=1"], ["data=rotten_tomatoes", *line])
    assert again.saved == ready.run.saved
    assert again.config.model.dropout == 0.5


def test_what_is_hidden_or_was_written_by_runs_is_no_config_group(checkout):
    groups = Composer("own", [checkout]).loader().notes.groups()
    assert {"extra", "optimizer", "helper/deep", "docs"} <= {*groups}
    assert not [group for group in groups if group.startswith((".", "optimizer/"))]
    assert "data/.cache" not in groups
