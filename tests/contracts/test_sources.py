"""The suite of formats over every one of ours: a new one gets a class here."""

import io
import json

import pyarrow
import pytest
from pyarrow import feather, parquet

import tunesmith.data.sources
from tunesmith.config.data_files import HUB
from tunesmith.config.keys import choices
from tunesmith.data.sources.aclsum import Aclsum
from tunesmith.data.sources.arrow import Arrow
from tunesmith.data.sources.chatterbot import Chatterbot
from tunesmith.data.sources.chitchat import Chitchat
from tunesmith.data.sources.folder import Folder
from tunesmith.data.sources.json_array import JsonArray
from tunesmith.data.sources.parquet import Parquet
from tunesmith.data.sources.records import read_records, source_of
from tunesmith.data.sources.source import Source
from tunesmith.data.sources.text import PlainText
from tunesmith.errors import DataError
from tunesmith.testing.sources import SourceContract


class Ours(SourceContract):
    """A format of ours."""

    kind = Source
    content = ""
    records = ()

    def source(self):
        return self.kind()

    def example(self):
        return self.content, list(self.records)

    @pytest.mark.parametrize("damage", [b"\xff", b"\0"], ids=["not UTF-8", "NUL"])
    def test_damage_in_a_text_is_refused(self, tmp_path, damage):
        content = self.content.encode()
        place = content.index("ä".encode())
        with pytest.raises(DataError, match=r"rows\.data"):
            self.read(tmp_path, content[:place] + damage + content[place:])


def sent(sender, text):
    return {"sender": sender, "text": text, "timestamp": "2018-05-02T19:38:15Z"}


class TestFolder(Ours):
    """The example is parted into files at each form feed."""

    kind = Folder
    content = "ä b\fc"
    records = (
        (1, {"text": "ä b", "label": "x", "file": "x/0"}),
        (1, {"text": "c", "label": "x", "file": "x/1"}),
    )

    def write(self, path, content):
        (path / "x").mkdir(parents=True, exist_ok=True)
        for number, part in enumerate(content.split(b"\f") if content else ()):
            (path / "x" / str(number)).write_bytes(part)


def written(table, write):
    file = io.BytesIO()
    write(table, file)
    return file.getvalue()


ROWS = ({"text": "ä b", "label": 1, "tags": ["x"]}, {"text": "c", "label": 2, "tags": []})
TABLE = pyarrow.Table.from_pylist(list(ROWS))


class OfBytes(SourceContract):
    """A format of bytes."""

    kind = Source
    content = b""

    def source(self):
        return self.kind()

    def example(self):
        return self.content, list(enumerate(ROWS, 1))


class TestParquet(OfBytes):
    kind = Parquet
    content = written(TABLE, parquet.write_table)


class TestArrow(OfBytes):
    kind = Arrow
    content = written(TABLE, feather.write_feather)


PAPER = {"abstract": ["ä b", "c"], "end": []}


class TestAclsum(Ours):
    kind = Aclsum
    content = '{"id": "a", "sentences": {"abstract": ["ä b", "c"], "end": []}}\n{"sentences": {}}\n'
    records = (
        (
            1,
            {
                "id": "a",
                "sentences": {"abstract": ["ä b", "c"], "end": []},
                "abstract": "ä b c",
                "end": "",
                "text": "ä b c\n\n",
            },
        ),
        (2, {"sentences": {}, "text": ""}),
    )


def turns(*texts):
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


class TestChitchat(Ours):
    kind = Chitchat
    content = json.dumps(
        {
            "a": {"messages": [[sent("x", "ä b"), sent("x", "c")], [sent("y", "d")]], "prompt": "p"},
            "b": {"messages": [[sent("x", "ä b")]]},
            "c": {"messages": [[sent("y", "e")], [sent("x", " "), sent("x", "f")], [sent("y", "g")]]},
        },
        ensure_ascii=False,
    )
    records = (
        (1, {"id": "a", "messages": turns("ä b\nc", "d"), "prompt": "p"}),
        (3, {"id": "c", "messages": turns("e", "f", "g"), "prompt": None}),
    )


class TestChatterbot(Ours):
    kind = Chatterbot
    content = "categories:\n- food\nconversations:\n- - ä b\n  - yes\n- c\n- - d\n  - 1\n  - e\n"
    records = (
        (4, {"text": "ä b", "target": "yes", "messages": turns("ä b", "yes"), "category": "food"}),
        (7, {"text": "d", "target": "1", "messages": turns("d", "1", "e"), "category": "food"}),
    )


class Named(Ours):
    """A format that has a name in `data.format`."""

    kind = ""

    def source(self):
        return source_of(self.kind)


class TestCsv(Named):
    kind = "csv"
    content = "text,label\nä b,x\nc,y\n"
    records = ((2, {"text": "ä b", "label": "x"}), (3, {"text": "c", "label": "y"}))


class TestJsonLines(Named):
    kind = "jsonl"
    content = '{"text": "ä b"}\n\n{"text": "c"}\n'
    records = ((1, {"text": "ä b"}), (3, {"text": "c"}))


class TestJsonArray(Ours):
    kind = JsonArray
    content = '[{"text": "ä b"},\n\n {"text":\n "c"}, {"text": "d"}]\n'
    records = ((1, {"text": "ä b"}), (3, {"text": "c"}), (4, {"text": "d"}))


class TestPlainText(Ours):
    kind = PlainText
    content = " ä b\n\nc\n"
    records = ((1, {"text": " ä b"}), (3, {"text": "c"}))


class TestConll(Named):
    kind = "conll"
    content = "ä O\nb B\n\nc O\n"
    records = ((1, {"text": ["ä", "b"], "label": ["O", "B"]}), (4, {"text": ["c"], "label": ["O"]}))


class TestPythonDict(Named):
    kind = "python"
    content = 'topics = {\n    "x": "ä b",\n    "y": "c",\n}\n'
    records = ((2, {"name": "x", "text": "ä b"}), (3, {"name": "y", "text": "c"}))


def suites(kind=SourceContract):
    return {suite for below in kind.__subclasses__() for suite in (below, *suites(below))}


def test_every_format_of_ours_is_asked():
    asked = [suite() for suite in suites() if suite.__name__.startswith("Test") and suite.__module__ == __name__]
    assert {suite.kind for suite in asked if isinstance(suite, Named)} == set(choices("data.format")) - {HUB}
    ours = {kind for kind in Source.__subclasses__() if kind.__module__.startswith(tunesmith.data.sources.__name__)}
    assert {type(suite.source()) for suite in asked} == ours


@pytest.mark.parametrize("kind", ["csv", "python"])
def test_a_file_that_has_to_say_something_is_refused_when_empty(tmp_path, kind):
    path = tmp_path / "rows.data"
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"rows\.data"):
        list(read_records(path, kind))
    for other in {"jsonl", "conll"}:
        assert list(read_records(path, other)) == []
