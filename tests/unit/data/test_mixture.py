"""Several sources: each read as it would be alone, divided as one, repeated in training by weight."""

import csv
import json
import shlex
from collections import Counter
from pathlib import Path

import pyarrow.parquet
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tunesmith import compose
from tunesmith.config.data_files import CLASSES
from tunesmith.config.folders import shipped
from tunesmith.config.schema import Data, DataSource
from tunesmith.data.mixture import weighted
from tunesmith.data.reading import read_rows
from tunesmith.data.rows import Rows
from tunesmith.data.splits import read_splits
from tunesmith.errors import ConfigError, DataError
from tunesmith.tasks.registry import task_of

PARTS = ["train", "val", "test", "train"]


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """A CSV file of 60 rows and JSON lines of 30, with other columns and labels; overrides that mix them."""
    monkeypatch.chdir(tmp_path)
    with open("shop.csv", "w", newline="") as file:
        rows = [(f"shop text {i}", ("good", "bad")[i % 2]) for i in range(60)]
        csv.writer(file).writerows([("review", "verdict"), *rows])
    lines = [json.dumps({"text": f"mail text {i}", "stars": ("5", "1", "5")[i % 3]}) for i in range(30)]
    (tmp_path / "mail.jsonl").write_text("\n".join(lines) + "\n")
    mail = [
        "path=mail.jsonl",
        "format=jsonl",
        "text_column=text",
        "label_column=stars",
        "label_names={5: good, 1: bad}",
    ]
    shop = ["data=mixture", "model=tiny_encoder", "data.text_column=review", "data.label_column=verdict"]
    return [*shop, "data.sources.shop.path=shop.csv", *(f"data.sources.mail.{each}" for each in mail)]


def read(overrides, reader=read_rows):
    config = compose(overrides).config
    return reader(config.data, task_of(config.task))


def test_each_source_is_read_as_it_is_alone(mixed):
    rows = read(mixed)
    shop = read(["data=csv", "data.path=shop.csv", "data.text_column=review", "data.label_column=verdict"])
    mail = read(["data=jsonl", "data.path=mail.jsonl", "data.label_column=stars", "data.label_names={5: good, 1: bad}"])
    assert rows.ids == [f"shop/{i}" for i in range(60)] + [f"mail/{i}" for i in range(30)]
    assert rows.sources == ["shop"] * 60 + ["mail"] * 30
    for column in ("texts", "labels", "content_ids"):
        assert list(getattr(rows, column)) == [*getattr(shop, column), *getattr(mail, column)]
    assert [str(rows.lines[row]) for row in (0, 60)] == ["2 of shop.csv", "1 of mail.jsonl"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("{5: Good, 1: bad}", "'data.sources.mail.label_names={\"5\": good}'"),
        ("{5: '1', 1: '0'}", 'shares no label with the other sources: "0", "1" here, "bad", "good" there'),
        ("{5: good, 1: bad}", None),
        ("{5: good, 1: neutral}", None),
    ],
)
def test_labels_that_other_sources_name_otherwise_are_told(mixed, caplog, names, said):
    read([*mixed[:-1], f"data.sources.mail.label_names={names}"])
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [said in text for text in told] == [True] * (said is not None)
    if said and "label_names={" in said:
        caplog.clear()
        read([*mixed, *shlex.split(said)])
        assert not caplog.records, "the advice works as it is typed"


def test_a_source_that_stands_twice_is_refused(mixed):
    with pytest.raises(ConfigError, match=r"is the same as data.sources.shop .*data.sources.shop.weight=2"):
        compose([*mixed, "data.sources.again.path=shop.csv", "data.sources.again.weight=3"])


def test_a_split_keeps_the_proportions_of_labels_in_each_source(mixed):
    splits = read([*mixed, "data.split.val_fraction=0.1", "data.split.test_fraction=0.2"], read_splits)
    count = {name: Counter(zip(rows.sources, rows.labels, strict=True)) for name, rows in splits.items()}
    whole = Counter({("shop", "good"): 30, ("shop", "bad"): 30, ("mail", "good"): 20, ("mail", "bad"): 10})
    assert sum(count.values(), Counter()) == whole
    for name, fraction in (("val", 0.1), ("test", 0.2)):
        assert count[name] == {key: fraction * rows for key, rows in whole.items()}
    targets = ["target_column=verdict", "sources.mail.target_column=stars", "sources.mail.label_names=null"]
    written = [*mixed, "task=text_to_text", "model=tiny_seq2seq", *(f"data.{each}" for each in targets)]
    alone = read(written, read_splits)
    assert Counter(alone["val"].sources) == {"shop": 6, "mail": 3}, "no labels, but sources"


def test_a_text_in_two_sources_stays_on_one_side(mixed, tmp_path):
    shared = "".join(
        json.dumps({"text": f"shop text {i}", "stars": "5" if i % 2 == 0 else "1"}) + "\n" for i in range(60)
    )
    (tmp_path / "mail.jsonl").write_text(shared)
    splits = read(mixed, read_splits)
    sides = {text: name for name, rows in splits.items() for text in rows.texts}
    assert all(sides[text] == name for name, rows in splits.items() for text in rows.texts)
    assert sum(map(len, splits.values())) == 120


def weighing(weights, seed):
    sources = {name: DataSource(path="x", weight=weight) for name, weight in weights.items()}
    config = Data(path=None, format="csv", sources=sources)
    return config.model_copy(update={"split": config.split.model_copy(update={"seed": seed})})


@given(st.lists(st.integers(0, 30), min_size=1, max_size=3), st.data(), st.integers(0, 9))
def test_an_epoch_takes_every_row_as_often_as_its_weight_says(sizes, data, seed):
    weights = [data.draw(st.sampled_from([0.1, 0.5, 1.0, 1.5, 2.0, 3.25])) for _ in sizes]
    names = [f"s{i}" for i in range(len(sizes))]
    sources = [name for name, size in zip(names, sizes, strict=True) for _ in range(size)]
    ids = [str(i) for i in range(len(sources))]
    rows = Rows(ids, ids, ids, sources=sources)
    config = weighing(dict(zip(names, weights, strict=True)), seed)
    expected = {name: int(w) * n + round(w % 1 * n) for name, w, n in zip(names, weights, sizes, strict=True)}
    lost = [name for name, size in zip(names, sizes, strict=True) if size and not expected[name]]
    if lost:
        with pytest.raises(DataError, match=rf"data.sources.{lost[0]}.weight=\S+ takes none of its") as refusal:
            weighted({"train": rows, "val": rows}, config)
        advised = float(str(refusal.value).rpartition("=")[2])
        others = dict.fromkeys(names, 1.0) | {lost[0]: advised}
        assert weighted({"train": rows, "val": rows}, weighing(others, seed))[1][lost[0]]["trained_on"] == 1
        return
    if not sources:
        return
    splits, facts = weighted({"train": rows, "val": rows}, config)
    assert splits["val"] is rows
    assert {name: of["trained_on"] for name, of in facts.items()} == expected
    assert Counter(splits["train"].sources) == Counter(expected)
    times = Counter(splits["train"].ids)
    for row, source in zip(ids, sources, strict=True):
        weight = weights[names.index(source)]
        assert times[row] in (int(weight), int(weight) + (weight % 1 > 0))
    assert weighted({"train": rows, "val": rows}, config)[0]["train"].ids == splits["train"].ids


def test_faults_name_the_source_and_its_keys(mixed, tmp_path):
    with pytest.raises(
        DataError,
        match=r"^data\.sources\.mail: \S+mail.jsonl:1: no column 'stars2'.* data\.sources\.mail\.label_column=",
    ):
        read([*mixed, "data.sources.mail.label_column=stars2"])
    (tmp_path / "chat.jsonl").write_text(
        json.dumps({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}) + "\n"
    )
    chat = [
        "data.sources.chat.path=chat.jsonl",
        "data.sources.chat.format=jsonl",
        "data.sources.chat.messages_column=messages",
    ]
    with pytest.raises(DataError, match="texts in shop, conversations in chat"):
        read(
            [
                "data=mixture",
                "task=language_modeling",
                "model=tiny_causal",
                "data.text_column=review",
                "data.sources.shop.path=shop.csv",
                *chat,
            ]
        )


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data=mixture"], "data.path: must name what to read"),
        (["data=mixture", "data.sources.a.path=https://x.org/a.csv"], "data.sources.a.path: is a URL"),
        (
            ["data=mixture", "data.sources.a.path=a", "data.sources.a.lable_column=x"],
            "Did you mean data.sources.a.label_column",
        ),
        (["data=mixture", "data.sources.a.path=a", "data.sources.a.weight=0"], "greater than 0"),
        (["data=mixture", "data.sources.a.weight=2"], "data.sources.a.path: is required"),
        (["data=mixture", "'data.sources={a b: {path: x}}'"], "takes names of letters"),
        (["data=hub", "data.sources.a.path=a"], "cannot be one of several sources"),
        (["data=mixture", "data.sources.a.path=a", "data.sources.a.columns.output=x"], "data.sources.a.columns"),
        (["data=mixture", "data.sources.a.path=a", "data.sources.a.template='{{'"], "data.sources.a.template"),
        (
            ["data=mixture", "data.sources.a.path=a", "data.sources.a.format=jsonl", "data.sources.a.delimiter=tab"],
            "data.sources.a.delimiter: has no effect with data.sources.a.format=jsonl (received tab). It goes with "
            "data.sources.a.format=csv",
        ),
        (
            ["data=mixture", "data.sources.a.path=a", "data.sources.a.format=parquet", "data.delimiter=tab"],
            "data.delimiter: has no effect with data.sources",
        ),
        (
            [
                *("data=mixture", "task=language_modeling", "model=tiny_causal", "data.sources.a.path=a"),
                *("data.sources.a.convert=alpaca", "data.sources.a.target_column=x"),
            ],
            "data.sources.a.target_column: has no effect with data.sources.a.convert (received x). Leave it out; "
            "data.sources.a.columns names",
        ),
        (
            ["data=mixture", "data.sources.a.path={train: a, val: b}"],
            "Name them all (data.sources.a.path=[FILE,FILE]), with a column that says the split: "
            "data.split.method=column",
        ),
        (
            ["data=mixture", "data.sources.a.path=a/b", "data.sources.a.format=hub"],
            "data.sources.a.format: must be one of csv, jsonl, json, parquet, arrow, text, folder, conll, python, or "
            'null (received "hub"). Save it with save_to_disk of the package datasets, and read the folder: '
            "data.sources.a.format=arrow",
        ),
        (
            ["data=mixture", "data.sources.a.path=a", "data.sources.a.format._target_=own.Mine"],
            "data.format._target_=... reads every source without a format of its own: leave data.sources.a.format out",
        ),
    ],
)
def test_what_is_not_understood_is_refused(overrides, words):
    with pytest.raises(ConfigError) as refusal:
        compose([text.strip("'") for text in overrides])
    assert words in str(refusal.value)


def test_what_files_for_each_split_a_class_and_a_delimiter_are_done_by_instead(mixed, tmp_path):
    """What the refusals advise: the split in a column, a class in `data.format`, a delimiter that one source reads."""
    (tmp_path / "shop.csv").write_text(
        "review\tverdict\tpart\n" + "".join(f"text {i}\tgood\t{part}\n" for i, part in enumerate(PARTS))
    )
    lines = [json.dumps({"text": f"mail {i}", "stars": "1", "part": part}) for i, part in enumerate(PARTS)]
    (tmp_path / "mail.jsonl").write_text("\n".join(lines) + "\n")
    own = ["data.delimiter=tab", "data.split.method=column", "data.split.column=part"]
    splits = read([*mixed, *own], read_splits)
    assert {name: Counter(rows.sources) for name, rows in splits.items()} == {
        name: {"shop": PARTS.count(name), "mail": PARTS.count(name)} for name in ("train", "val", "test")
    }
    pyarrow.parquet.write_table(pyarrow.table({"review": ["a"], "verdict": ["good"]}), tmp_path / "a.parquet")
    by_class = ["data.format._target_=tunesmith.data.sources.parquet.Parquet", "data.sources.more.path=a.parquet"]
    rows = read([*mixed, "data.sources.shop.format=csv", "data.sources.shop.delimiter=tab", *by_class])
    assert Counter(rows.sources) == {"shop": len(PARTS), "mail": len(PARTS), "more": 1}


def test_a_file_and_several_sources_replace_one_another(mixed):
    assert compose([*mixed, "data.path=shop.csv"]).config.data.sources == {}
    assert [*compose([*mixed, "data.path=null"]).config.data.sources] == ["shop", "mail"]
    data = compose(
        ["data=csv", "data.path=shop.csv", "data.sources.a.path=~/a (1).csv", "data.sources.a.text_column=1"]
    ).config.data
    source = data.sources["a"]
    assert (data.path, source.path, source.text_column) == (None, str(Path("~/a (1).csv").expanduser()), "1")


def test_the_formats_of_a_source_are_those_of_the_options_of_data():
    for name, node in CLASSES.items():
        option = yaml.safe_load((shipped("conf") / "data" / f"{name}.yaml").read_text())
        assert option["format"] == node
