import gzip
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.config.schema import Data
from tunesmith.data.reading import read_rows
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

FOLDER = {"_target_": "tunesmith.data.sources.folder.Folder"}
CLASSIFICATION = task_named("classification")
content = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=12).filter(
    str.strip
)
trees = st.dictionaries(
    st.tuples(st.sampled_from(["good", "bad", "so so"]), st.sampled_from(["1", "2.txt", "3 4.md"])), content, min_size=1
)


def data(path, **keys):
    return Data(path=str(path), format=FOLDER, **keys)


def written(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


@given(files=trees)
def test_each_file_is_a_text_with_the_name_of_its_folder(files, tmp_path_factory):
    root = written(
        tmp_path_factory.mktemp("folder"), {f"{label}/{name}": text for (label, name), text in files.items()}
    )
    rows = read_rows(data(root, missing=[]), CLASSIFICATION)
    expected = sorted((label, name, text) for (label, name), text in files.items())
    assert list(zip(rows.labels, rows.texts, strict=True)) == [(label, text) for label, _, text in expected]


def test_files_are_read_by_name_packed_or_not_and_can_be_the_ids(tmp_path):
    written(tmp_path, {"b/1.txt.gz": gzip.compress(b"two"), "a/9.txt": "one", "b/.git/x": "no", ".DS_Store": b"\xff"})
    rows = read_rows(data(tmp_path, id_column="file"), CLASSIFICATION)
    assert (rows.ids, rows.texts) == (["a/9.txt", "b/1.txt.gz"], ["one", "two"])


def test_hidden_files_are_counted(tmp_path, caplog):
    written(tmp_path, {"a/1": "one", "a/.x": "", ".y/z": ""})
    with caplog.at_level(logging.INFO, "tunesmith"):
        read_rows(data(tmp_path), CLASSIFICATION)
    assert f"{tmp_path}: 2 hidden files are not read" in caplog.messages


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/1": "one", "b/2": b"\xff\xff"}, "b/2:1: not UTF-8 text"),
        ({"a/1": "one", "b/2": b"x\0"}, "b/2: a NUL byte"),
        ({"a/1": "one", "b/2": b"PAR1"}, "b/2: a Parquet file, not text"),
        ({"a/1": "one", "b/2": ""}, r"1 row has no text or no label \(line 1 of b/2\)"),
        ({".a": ""}, "a folder without files. Name another: data.path=FILE"),
    ],
)
def test_a_fault_is_told_with_its_file(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        read_rows(data(written(tmp_path, files)), CLASSIFICATION)


def test_a_file_is_no_folder(tmp_path):
    written(tmp_path, {"a.txt": "one"})
    with pytest.raises(DataError, match=r"a\.txt: a file, not a folder. .*data=text"):
        read_rows(data(tmp_path / "a.txt"), CLASSIFICATION)
    with pytest.raises(DataError, match="no such file"):
        read_rows(data(tmp_path / "none"), CLASSIFICATION)
