"""Parquet and Arrow files against what pyarrow itself reads from them."""

import datetime
import decimal
import gzip
import io
import json
import logging
import subprocess

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from tunesmith.config.data_files import CLASSES
from tunesmith.config.schema import Data
from tunesmith.data.reading import read_rows
from tunesmith.data.sources.arrow import Arrow
from tunesmith.data.sources.parquet import Parquet
from tunesmith.data.sources.records import records_of
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named


def as_file(table, path):
    with ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


def as_stream(table, path):
    with ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


WRITERS = {
    "parquet": (Parquet, lambda table, path: parquet.write_table(table, path, row_group_size=3)),
    "parquet, zstd": (Parquet, lambda table, path: parquet.write_table(table, path, compression="zstd")),
    "arrow": (Arrow, as_file),
    "arrow stream": (Arrow, as_stream),
    "feather": (Arrow, lambda table, path: feather.write_feather(table, str(path))),
}
every_way = pytest.mark.parametrize("way", list(WRITERS))
SOURCES = {"parquet": Parquet, "arrow": Arrow}
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
tables = st.lists(
    st.fixed_dictionaries(
        {
            "text": text,
            "label": st.none() | st.integers(-(2**63), 2**63 - 1),
            "score": st.floats(allow_nan=False),
            "sure": st.booleans(),
            "tags": st.lists(text, max_size=3),
            "meta": st.fixed_dictionaries({"author": st.none() | text}),
        }
    ),
    min_size=1,
    max_size=8,
)


def read(table, way, path):
    source, write = WRITERS[way]
    write(table, path)
    return list(records_of(source(), path))


@every_way
@given(rows=tables)
def test_rows_come_back_as_pyarrow_wrote_them(way, rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "rows"
    assert read(pyarrow.Table.from_pylist(rows), way, path) == list(enumerate(rows, 1))


@every_way
def test_values_that_json_lacks_are_the_texts_that_they_are_written_as(way, tmp_path):
    values = {
        "day": datetime.date(2026, 1, 2),
        "at": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "price": decimal.Decimal("1.50"),
        "days": [datetime.date(2026, 1, 2)],
    }
    ((_, record),) = read(pyarrow.Table.from_pylist([values]), way, tmp_path / "rows")
    assert record == {"day": "2026-01-02", "at": "2026-01-02T03:04:05", "price": "1.50", "days": ["2026-01-02"]}
    assert json.loads(json.dumps(record)) == record


@every_way
def test_categories_are_their_values(way, tmp_path):
    labels = pyarrow.array(["x", "y", "x"]).dictionary_encode()
    table = pyarrow.table({"text": ["a", "b", "c"], "label": labels})
    assert [record["label"] for _, record in read(table, way, tmp_path / "rows")] == ["x", "y", "x"]


@every_way
def test_columns_of_bytes_are_left_out_and_named(way, tmp_path, caplog):
    image = pyarrow.array([{"bytes": b"\xff", "path": "a.png"}])
    table = pyarrow.table({"text": ["a"], "raw": [b"\xff"], "image": image})
    with caplog.at_level(logging.INFO, "tunesmith"):
        assert read(table, way, tmp_path / "rows") == [(1, {"text": "a"})]
    assert caplog.messages == [f"{tmp_path / 'rows'}: columns of bytes are not read: 'raw', 'image'"]


@every_way
def test_a_table_without_rows_has_no_record(way, tmp_path):
    assert read(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), way, tmp_path / "rows") == []


@every_way
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_file_cut_off_is_refused_with_the_next_step(way, kept, tmp_path):
    source, write = WRITERS[way]
    path = tmp_path / "rows"
    write(pyarrow.table({"text": [f"a film {i}" for i in range(999)]}), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(DataError, match=r"rows: an? \w+ file, and cut off or damaged: .*copy or download it again"):
        list(records_of(source(), path))


@pytest.mark.parametrize("kind", list(SOURCES))
@pytest.mark.parametrize(
    ("content", "message"), [(b"", "the file is empty"), (b"text,label\na,1\n", "Text is read with data=csv")]
)
def test_what_is_no_table_is_refused(kind, content, message, tmp_path):
    (tmp_path / "rows").write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(records_of(SOURCES[kind](), tmp_path / "rows"))


def test_two_columns_of_one_name_are_refused(tmp_path):
    table = pyarrow.table([["a"], ["b"]], names=["text", "text"])
    with pytest.raises(DataError, match="two columns are called 'text'"):
        read(table, "arrow", tmp_path / "rows")


def test_a_packed_table_is_read_after_the_command_told(tmp_path):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": ["a"]}), file)
    (tmp_path / "a b.parquet.gz").write_bytes(gzip.compress(file.getvalue()))
    with pytest.raises(DataError, match="packed with gzip") as refusal:
        list(records_of(Parquet(), tmp_path / "a b.parquet.gz"))
    command, _, target = str(refusal.value).partition("Unpack it: ")[2].partition(", and take data.path=")
    subprocess.run(command, shell=True, check=True)
    assert list(records_of(Parquet(), tmp_path / target.strip("'"))) == [(1, {"text": "a"})]


def saved(folder, *parts):
    """A folder as `save_to_disk` of Hugging Face's datasets leaves it, which writes streams."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05d}-of-{len(parts):05d}.arrow" for i in range(len(parts))]
    for name, rows in zip(names, parts, strict=True):
        as_stream(pyarrow.Table.from_pylist(rows), folder / name)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text("{}")


def arrow_data(path):
    return Data(path=str(path), format={"_target_": "tunesmith.data.sources.arrow.Arrow"})


def test_a_saved_data_set_is_read_in_the_order_of_its_state(tmp_path):
    rows = [{"text": f"t{i}", "label": str(i % 2)} for i in range(5)]
    saved(tmp_path / "set", rows[:3], rows[3:])
    read = read_rows(arrow_data(tmp_path / "set"), task_named("classification"))
    assert (read.texts, read.ids) == ([row["text"] for row in rows], list("01234"))
    assert [str(line) for line in read.lines][2:4] == [
        "3 of data-00000-of-00002.arrow",
        "1 of data-00001-of-00002.arrow",
    ]


def test_of_a_folder_of_splits_the_first_is_named(tmp_path):
    saved(tmp_path / "set" / "train", [{"text": "a"}])
    (tmp_path / "set" / "dataset_dict.json").write_text("{}")
    with pytest.raises(DataError, match="data set of Hugging Face's") as refusal:
        read_rows(arrow_data(tmp_path / "set"), task_named("classification"))
    assert str(refusal.value).endswith(f"Read it with data=arrow data.path={tmp_path / 'set' / 'train'}")


@pytest.mark.parametrize("state", ["{", "{}", "[]", '{"_data_files": [1]}'])
def test_a_state_that_lists_nothing_is_refused(tmp_path, state):
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(DataError, match=r"state\.json: lists no files"):
        read_rows(arrow_data(tmp_path), task_named("classification"))


def test_classes_of_a_parquet_file_have_the_names_that_datasets_noted(tmp_path):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    path = tmp_path / "rows.parquet"
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features).to_parquet(path)
    named, saved_before = CLASSES["parquet"], {"_target_": CLASSES["parquet"]["_target_"]}
    for file_format, labels in ((named, ["pos", "neg"]), (saved_before, ["1", "0"])):
        rows = read_rows(Data(path=str(path), format=file_format), task_named("classification"))
        assert rows.labels == labels


def test_a_fault_is_told_with_its_row(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.table({"text": ["a", None, "c"], "label": ["x", "y", None]}), path)
    data = Data(path=str(path), format={"_target_": "tunesmith.data.sources.parquet.Parquet"})
    with pytest.raises(DataError, match=r"rows\.parquet: 2 rows have no text or no label \(rows 2, 3\)"):
        read_rows(data, task_named("classification"))
    parquet.write_table(pyarrow.table({"text": ["a", "b"], "label": [["x"], ["y"]]}), path)
    with pytest.raises(DataError, match=r"rows\.parquet, row 1: 'label' holds a list"):
        read_rows(data, task_named("classification"))
