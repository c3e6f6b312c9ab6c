import pytest

from tunesmith.config.composing.compose import compose
from tunesmith.config.data_files import named_files, names_by_split, names_in, with_each
from tunesmith.config.fingerprint import fingerprint
from tunesmith.config.schema import SplitFiles
from tunesmith.errors import ConfigError


def problems(*overrides):
    with pytest.raises(ConfigError) as refusal:
        compose(["data=csv", *overrides])
    return [f"{problem.where}: {problem.rule}" for problem in refusal.value.problems]


def test_the_forms_of_a_path():
    typed, plain = SplitFiles(train=["a", "b"], test="c"), {"test": "c", "train": ["a", "b"], "val": None}
    assert names_by_split("a") == {None: ["a"]}
    assert names_by_split(["a", "b"]) == {None: ["a", "b"]}
    assert names_by_split(typed) == names_by_split(plain) == {"train": ["a", "b"], "test": ["c"]}
    assert list(names_by_split(plain)) == ["train", "test"], "in one order, whatever was typed first"
    assert names_in(typed) == ["a", "b", "c"]
    assert with_each(plain, lambda name: name and f"/{name}") == {"test": "/c", "train": ["/a", "/b"], "val": None}
    assert [named_files("a"), named_files(["a", "b"]), named_files(list("abcde"))] == [
        "a",
        "a, b",
        "a, b, c and 2 more",
    ]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["data.path=a.csv"], "a.csv"),
        (["data.path=[a.csv,b.csv]"], ["a.csv", "b.csv"]),
        (["data.path=parts/*.csv"], "parts/*.csv"),
        (["data.path=a(1).csv"], "a(1).csv"),
        (["data.path={train: a.csv, test: b.csv}"], {"train": "a.csv", "test": "b.csv"}),
        (["data.path.train=a.csv", "data.path.test=b.csv"], {"train": "a.csv", "test": "b.csv"}),
        (["data.path.train=[a.csv,b.csv]", "data.path.val=c(1).csv"], {"train": ["a.csv", "b.csv"], "val": "c(1).csv"}),
        (["data.path.train=a.csv", "data.path=b.csv"], "b.csv"),
        (["data.path=b.csv", "data.path.train=a.csv"], {"train": "a.csv"}),
        (["data.path.test=b.csv", "data.path={train: a.csv}"], {"train": "a.csv"}),
    ],
)
def test_a_path_as_it_is_typed_and_saved(typed, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    composed = compose(["data=csv", *typed])
    assert composed.saved["data"]["path"] == with_each(expected, lambda name: str(tmp_path / name))
    assert names_by_split(composed.config.data.path) == names_by_split(composed.saved["data"]["path"]), (
        "typed paths are absolute"
    )


def test_one_file_has_the_identity_that_it_always_had(tmp_path):
    """A list of one file is another config; a file alone is hashed as the text that it was before there were lists."""
    composed = compose(["data=csv", f"data.path={tmp_path}/a.csv"])
    assert composed.saved["data"]["path"] == f"{tmp_path}/a.csv"
    listed = compose(["data=csv", f"data.path=[{tmp_path}/a.csv]"])
    assert fingerprint(composed.saved) != fingerprint(listed.saved)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["data.path.val=a.csv"], ["data.path.train: is required"]),
        (["data.path.trian=a.csv", "data.path.train=b.csv"], ["data.path.trian: no such key"]),
        (["data.path=[a.csv,https://x.org/b.csv]"], ["data.path: is a URL, but data is read from files"]),
        (
            ["data.path.train=a", "data.split.method=column", "data.split.column=part"],
            ["data.split.method: has no effect if data.path has files for each split"],
        ),
        (
            ["data.path.train=a", "data.path.test=b", "data.split.test_fraction=0.2"],
            ["data.split.test_fraction: has no effect with a file for test in data.path"],
        ),
        (["data.path=[]"], None),
    ],
)
def test_what_cannot_be_is_refused(typed, expected):
    received = problems(*typed)
    assert received == expected if expected is not None else received[0].startswith("data.path: ")


def test_without_a_fraction_validation_rows_have_to_be_in_a_file():
    compose(["data=csv", "data.path.train=a", "data.path.val=b", "data.split.val_fraction=0"])
    assert problems("data.path.train=a", "data.path.test=b", "data.split.val_fraction=0")[0].startswith(
        "data.split.val_fraction: must be greater than 0"
    )
