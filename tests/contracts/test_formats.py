"""What holds of every format of files: a new one is added to `FILES`, and all of this is asked of it."""

import json

import pytest

from tunesmith.config.keys import choices
from tunesmith.data.sources.records import read_records, source_of
from tunesmith.errors import DataError

FILES = {
    "csv": ("text,label\nä b,x\nc,y\n", [(2, {"text": "ä b", "label": "x"}), (3, {"text": "c", "label": "y"})]),
    "jsonl": ('{"text": "ä b"}\n\n{"text": "c"}\n', [(1, {"text": "ä b"}), (3, {"text": "c"})]),
    "conll": (
        "ä O\nb B\n\nc O\n",
        [(1, {"text": ["ä", "b"], "label": ["O", "B"]}), (4, {"text": ["c"], "label": ["O"]})],
    ),
    "python": (
        'topics = {\n    "x": "ä b",\n    "y": "c",\n}\n',
        [(2, {"name": "x", "text": "ä b"}), (3, {"name": "y", "text": "c"})],
    ),
}
"""A file of each format, and its records with their lines."""


@pytest.fixture(params=list(FILES))
def kind(request):
    return request.param


def read(folder, kind, content):
    path = folder / f"rows.{kind}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_records(path, kind))


def test_every_format_of_the_schema_is_asked():
    assert set(FILES) == set(choices("data.format"))


def test_records_come_with_the_lines_that_they_begin_in(tmp_path, kind):
    content, records = FILES[kind]
    assert read(tmp_path, kind, content) == records
    for _, record in records:
        assert set(record) >= source_of(kind).columns


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text, str.rstrip])
def test_how_other_systems_write_a_file_changes_nothing(tmp_path, kind, change):
    content, records = FILES[kind]
    assert read(tmp_path, kind, change(content)) == records


@pytest.mark.parametrize("damage", [b"\xff", b"\0"], ids=["not UTF-8", "NUL"])
def test_damage_is_refused_with_the_name_of_the_file(tmp_path, kind, damage):
    content = FILES[kind][0].encode()
    place = content.index("ä".encode())
    with pytest.raises(DataError, match=rf"rows\.{kind}"):
        read(tmp_path, kind, content[:place] + damage + content[place:])


def test_an_empty_file_has_no_record(tmp_path, kind):
    if kind in ("jsonl", "conll"):
        assert read(tmp_path, kind, "") == []
    else:  # its columns, or its dict, are missing
        with pytest.raises(DataError, match=rf"rows\.{kind}"):
            read(tmp_path, kind, "")


def test_records_can_be_written_down(tmp_path, kind):
    content, _ = FILES[kind]
    for _, record in read(tmp_path, kind, content):
        assert json.loads(json.dumps(record)) == record
        assert all(isinstance(column, str) for column in record)
