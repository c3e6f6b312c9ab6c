"""Data sets of the Hub, from a cache that its own library writes, and what is said where there is none."""

import json
import logging
import subprocess
import sys
from typing import ClassVar

import datasets
import pytest
from datasets.naming import camelcase_to_snakecase
from datasets.packaged_modules.cache.cache import Cache
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import hub_access
from tunesmith.config.composing.compose import compose
from tunesmith.config.composing.saved import resolve
from tunesmith.data.reading import read_rows
from tunesmith.data.sources import hub
from tunesmith.data.sources.hub_cache import folder_name, in_cache
from tunesmith.data.splits import read_splits
from tunesmith.errors import ConfigError, DataError
from tunesmith.tasks.registry import task_named, task_of

COMMITS = ("a" * 40, "b" * 40)
PATH = "acme/FilmReviews"
FEATURES = datasets.Features(
    {
        "text": datasets.Value("string"),
        "label": datasets.ClassLabel(names=["bad", "good"]),
        "genres": datasets.List(datasets.ClassLabel(names=["comedy", "crime"])),
        "by": {"kind": datasets.ClassLabel(names=["person", "paper"])},
    }
)
CLASSIFICATION = task_named("classification")


class Reviews(datasets.GeneratorBasedBuilder):
    """Writes rows into the cache, as the library does with what it downloads."""

    ROWS: ClassVar = {"train": 30, "validation": 8, "test": 6, "extra": 3}
    HIDDEN = ()
    PREFIX = "film"

    def _info(self):
        return datasets.DatasetInfo(features=FEATURES)

    def _split_generators(self, manager):
        return [datasets.SplitGenerator(name, gen_kwargs={"name": name}) for name in self.ROWS]

    def _generate_examples(self, name):
        for i in range(self.ROWS[name]):
            label = -1 if name in self.HIDDEN else i % 2
            kind = {"kind": "paper"}
            yield i, {"text": f"{self.PREFIX} {name} {i}", "label": label, "genres": [i % 2, 0], "by": kind}


def write(cache, builder=Reviews, *, path=PATH, name="default", commit=COMMITS[0], **options):
    made = builder(
        cache_dir=str(cache), repo_id=path, dataset_name=path.split("/")[-1], hash=commit, config_name=name, **options
    )
    made.download_and_prepare()
    return made


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and a Hub that does not answer."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "hub_answers", lambda: False)
    hub.hub_data.cache_clear()
    yield tmp_path / "datasets"
    hub.hub_data.cache_clear()


def composed(*overrides):
    return compose(["data=hub", f"data.path={PATH}", *overrides])


def splits_of(*overrides):
    config = composed(*overrides).config
    return read_splits(config.data, task_of(config.task))


def test_the_rows_are_those_that_the_library_reads_from_its_cache(cache, caplog):
    write(cache)
    theirs = Cache(
        repo_id=PATH, dataset_name="FilmReviews", cache_dir=str(cache), hash="auto", version="auto"
    ).as_dataset()
    with caplog.at_level(logging.INFO, "tunesmith"):
        ours = splits_of()
    for split, name in {"train": "train", "val": "validation", "test": "test"}.items():
        assert ours[split].texts == theirs[name]["text"][:]
        assert ours[split].labels == theirs[name].features["label"].int2str(theirs[name]["label"][:])
    said = caplog.text
    assert f"{PATH}: configuration default at commit {'a' * 12}" in said
    assert "splits train (30 rows), validation (8 rows), test (6 rows)" in said
    assert "splits not read: extra" in said


def test_names_of_classes_are_found_in_lists_and_fields(cache):
    write(cache)
    rows = splits_of("data.label_column=by.kind", "data.split.val_fraction=0.1")["val"]
    assert set(rows.labels) == {"paper"}
    tags = read_rows(composed("task=multi_label", "data.label_column=genres").config.data, task_named("multi_label"))
    assert [set(labels) for labels in tags.labels[:2]] == [{"comedy"}, {"comedy", "crime"}]


def test_a_split_whose_classes_are_kept_secret_is_drawn_from_train_instead(cache, caplog):
    write(cache, type("Secret", (Reviews,), {"HIDDEN": ("test",)}))
    splits = splits_of()
    assert "splits not read: test, of which no row has a label" in caplog.text
    assert [len(splits[name]) for name in ("train", "val", "test")] == [27, 8, 3]


def test_a_data_set_with_train_alone_is_divided_as_any_file(cache):
    write(cache, type("One", (Reviews,), {"ROWS": {"train": 40}}))
    splits = splits_of("data.split.val_fraction=0.25")
    assert [len(splits[name]) for name in ("train", "val", "test")] == [26, 10, 4]


def test_a_data_set_without_train_is_refused(cache):
    write(cache, type("Only", (Reviews,), {"ROWS": {"test": 4}}))
    with pytest.raises(DataError, match="no split to train on; its splits are test") as caught:
        splits_of()
    assert f"load_dataset('{PATH}', split='test').save_to_disk('FilmReviews')" in str(caught.value)


def test_several_parts_of_a_split_are_read_in_order(cache):
    write(cache, type("Parts", (Reviews,), {"ROWS": {"train": 12}}))
    assert len(in_cache(PATH, None)[0].files["train"]) == 1
    folder = in_cache(PATH, None)[0].files["train"][0].parent
    for file in folder.glob("*.arrow"):
        file.unlink()
    made = Reviews(cache_dir=str(cache), repo_id=PATH, dataset_name="FilmReviews", hash=COMMITS[1])
    made.download_and_prepare(max_shard_size=1, num_proc=None)
    there = in_cache(PATH, None)
    assert [data.commit for data in there] == [COMMITS[1]], "one without its files is not whole"


def test_the_commit_and_the_configuration_are_saved_and_read_again(cache):
    write(cache)
    run = hub.pinned(composed())
    assert (run.config.data.name, run.config.data.revision) == ("default", COMMITS[0])
    write(cache, type("Later", (Reviews,), {"PREFIX": "later film"}), commit=COMMITS[1])
    hub.hub_data.cache_clear()
    assert read_rows(resolve(run.saved).data, CLASSIFICATION).texts[0] == "film train 0"
    assert read_rows(composed(f"data.revision={COMMITS[0]}").config.data, CLASSIFICATION).texts[0] == "film train 0"
    assert read_rows(composed().config.data, CLASSIFICATION).texts[0] == "later film train 0"
    assert run.saved["data"]["path"] == PATH, "an id is no path"


def test_what_a_sweep_took_at_its_launch_is_what_its_trials_take(cache):
    """The commit by what is asked: also for a trial of another configuration, and as JSON between two sessions."""
    write(cache)
    write(cache, name="short", commit=COMMITS[1])
    named, other = composed("data.name=default"), composed("data.name=short", "seed=3")
    at_launch = json.loads(json.dumps(hub.pins_by_request([named, other, compose(["data=csv", "data.path=a"])])))
    write(cache, type("Later", (Reviews,), {"PREFIX": "later film"}), commit="c" * 40)
    hub.hub_data.cache_clear()
    assert hub.pins(named.config.data)["revision"] == "c" * 40, "the Hub has moved on"
    trial = hub.pinned_as(composed("data.name=default", "seed=5"), at_launch)
    assert (trial.config.data.revision, trial.saved["data"]["revision"], trial.config.seed) == (COMMITS[0],) * 2 + (5,)
    assert read_rows(trial.config.data, CLASSIFICATION).texts[0] == "film train 0"
    assert hub.pinned_as(other, at_launch).config.data.revision == COMMITS[1]
    unasked = composed("data.name=default", "data.revision=next")
    assert hub.pinned_as(unasked, at_launch) is unasked


def test_a_branch_is_the_commit_that_it_was_when_the_hub_was_asked_last(cache, tmp_path):
    write(cache)
    write(cache, type("Later", (Reviews,), {"PREFIX": "later film"}), commit=COMMITS[1])
    refs = tmp_path / "hub" / "datasets--acme--FilmReviews" / "refs"
    refs.mkdir(parents=True)
    for branch, commit in {"main": COMMITS[0], "next": COMMITS[1]}.items():
        (refs / branch).write_text(commit)
    assert hub.pins(composed().config.data)["revision"] == COMMITS[0]
    assert hub.pins(composed("data.revision=next").config.data)["revision"] == COMMITS[1]
    with pytest.raises(DataError, match="revision old: not in the cache"):
        hub.pins(composed("data.revision=old").config.data)


def test_one_of_several_configurations_has_to_be_named(cache):
    write(cache, name="long")
    write(cache, name="short")
    with pytest.raises(
        DataError, match=r"several configurations are in the cache: long, short\. Name one: data\.name=long"
    ):
        hub.pins(composed().config.data)
    assert hub.pins(composed("data.name=short").config.data)["name"] == "short"


def test_what_is_not_there_is_refused_with_both_ways_out(cache):
    with pytest.raises(DataError) as caught:
        splits_of("data.name=long", "data.revision=v2")
    message = str(caught.value)
    assert message.startswith(f"{PATH}, configuration long, revision v2: not in the cache ({cache})")
    once = f"""python -c "from datasets import load_dataset; load_dataset('{PATH}', 'long', revision='v2')\""""
    saved = f"load_dataset('{PATH}', 'long', revision='v2', split='train').save_to_disk('FilmReviews')"
    assert once in message
    assert saved in message
    assert message.endswith("data=arrow data.path=FilmReviews")


def test_the_folder_that_is_advised_is_read_with_the_same_labels(cache, tmp_path):
    made = write(cache)
    made.as_dataset("train").save_to_disk(tmp_path / "saved")
    rows = read_rows(compose(["data=arrow", f"data.path={tmp_path / 'saved'}"]).config.data, CLASSIFICATION)
    assert (rows.texts, rows.labels) == (splits_of()["train"].texts, splits_of()["train"].labels)
    before = {"path": str(tmp_path / "saved"), "format": {"_target_": "tunesmith.data.sources.arrow.Arrow"}}
    data = composed().config.data.model_validate(before)
    assert set(read_rows(data, CLASSIFICATION).labels) == {"0", "1"}, "a config saved before has its labels"


def test_a_number_without_a_name_is_refused_with_its_row(cache, tmp_path):
    table = write(cache).as_dataset("train").data.table
    column = table.schema.get_field_index("label")
    wrong = table.set_column(column, table.schema.field(column), [[7, *[0] * 29]]).replace_schema_metadata(
        table.schema.metadata
    )
    from pyarrow import feather

    feather.write_feather(wrong, str(tmp_path / "wrong.arrow"))
    with pytest.raises(DataError, match=r"wrong\.arrow, row 1: column 'label' has the class 7, .* 0 to 1"):
        read_rows(compose(["data=arrow", f"data.path={tmp_path / 'wrong.arrow'}"]).config.data, CLASSIFICATION)


def test_what_the_hub_has_is_written_by_its_library_and_read(cache, monkeypatch):
    asked = []

    def builder(path, name, revision=None):
        asked.append((path, name, revision))
        if revision == "none":
            raise datasets.exceptions.DatasetNotFoundError("Revision 'none' doesn't exist")
        options = {"repo_id": PATH, "dataset_name": "FilmReviews", "hash": COMMITS[0], "config_name": name or "default"}
        return Reviews(cache_dir=str(cache), **options)

    monkeypatch.setattr(hub, "hub_answers", lambda: True)
    monkeypatch.setattr(datasets, "load_dataset_builder", builder)
    run = hub.pinned(composed())
    assert asked == [(f"hf://datasets/{PATH}", None, None)]
    assert (run.config.data.name, run.config.data.revision) == ("default", COMMITS[0])
    assert len(read_rows(run.config.data, CLASSIFICATION)) == 44
    assert len(asked) == 1, "what is pinned and there is not asked for again"
    with pytest.raises(DataError, match="the Hub's library cannot read it: Revision 'none' doesn't exist"):
        hub.pins(composed("data.revision=none").config.data)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("data.path=a/b/c", "must be the id of a data set on the Hub"),
        ("data.path=https://huggingface.co/datasets/acme/films", "data.path=acme/films"),
        ("data.path=[a/b,c/d]", "must be the id"),
        ("data.path.train=a/b", "must be the id"),
    ],
)
def test_what_is_no_id_is_refused(given, rule):
    with pytest.raises(ConfigError, match=rule):
        compose(["data=hub", given])


def test_keys_of_the_hub_are_refused_without_it(tmp_path):
    for key in ("name", "revision"):
        with pytest.raises(ConfigError, match=f"data.{key}.*has no effect with data.format=csv"):
            compose(["data=csv", "data.path=a.csv", f"data.{key}=main"])


def test_another_division_than_that_of_the_hub_is_refused(cache):
    write(cache)
    with pytest.raises(DataError, match=r"data\.split\.method=column has no effect.*Leave out data\.split"):
        splits_of("data.split.method=column", "data.split.column=text")
    with pytest.raises(DataError, match=r"data\.split\.from_run=.*earlier has no effect.*Leave out data\.split"):
        splits_of("data.split.from_run=earlier")


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True))
def test_the_folder_in_the_cache_is_called_as_the_library_calls_it(name):
    assert folder_name(f"Org/{name}") == f"Org___{camelcase_to_snakecase(name)}"


def test_a_missing_data_set_ends_a_command_without_a_directory_and_without_torch(cache, tmp_path):
    script = (
        "import sys; from tunesmith.cli.main import main; code = main(); "
        "print(code, sorted({'torch', 'datasets'} & set(sys.modules)))"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", script, "train", "data=hub", "data.path=acme/none"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.stdout.split("\n")[-2] == "3 []", ended.stderr
    assert "acme/none: not in the cache" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "runs").exists()


def test_the_hub_is_asked_once_and_its_silence_said(monkeypatch, caplog):
    asked = []

    def fail(*_, **__):
        asked.append(1)
        raise OSError("no route")

    monkeypatch.setattr("huggingface_hub.get_session", lambda: type("S", (), {"head": fail})())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    hub_access.hub_answers.cache_clear()
    with caplog.at_level(logging.INFO, "tunesmith"):
        assert [hub_access.hub_answers(), hub_access.hub_answers()] == [False, False]
    hub_access.hub_answers.cache_clear()
    assert len(asked) == 1
    assert "does not answer (no route)" in caplog.text
