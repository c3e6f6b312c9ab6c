import csv
import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.config.schema import Data
from tunesmith.data.reading import read_rows
from tunesmith.data.sources.records import read_records
from tunesmith.data.sources.separated import NAMES, Dialect, dialect_of
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
nasty = st.text(st.sampled_from(list("ab\"',;|\t\n\r \\é\u2028\x85\x1c")), max_size=12)
fields = st.lists(st.tuples(anything | nasty, anything | nasty), min_size=1, max_size=6)


def records(path, dialect=None):
    return [record for _, record in read_records(path, "csv", dialect)]


@given(rows=fields, delimiter=st.sampled_from(list(",;\t|:~ é")), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_a_csv_writer_wrote_comes_back_with_any_delimiter(rows, delimiter, end, tmp_path_factory):
    file = io.StringIO(newline="")
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL  # the writer quotes its own line ends alone
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([("text", "label"), *rows])
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_text(file.getvalue(), encoding="utf-8", newline="")
    assert [tuple(row.values()) for row in records(path, Dialect(delimiter, "csv"))] == rows


plain = anything.map(lambda text: text.translate(dict.fromkeys(map(ord, "\t\r\n"))))
plain |= nasty.map(lambda text: text.translate(dict.fromkeys(map(ord, "\t\r\n"))))


@given(
    rows=st.lists(st.tuples(plain, plain), min_size=1, max_size=6),
    bom=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_line_without_quoting_holds_any_text_without_tabs_and_breaks(rows, bom, end, tmp_path_factory):
    path = tmp_path_factory.mktemp("tsv") / "data.tsv"
    text = end.join("\t".join(row) for row in [("text", "label"), *rows])
    path.write_text(text, encoding="utf-8-sig" if bom else "utf-8", newline="")
    read = records(path, dialect_of(Data(path="-", format="csv", delimiter="tab")))
    assert [tuple(row.values()) for row in read] == rows


@pytest.mark.parametrize(("label", "told"), [(' "good"', True), ('"good"', False), (" good", False)])
def test_quotes_behind_a_space_are_told(tmp_path, caplog, label, told):
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\na,{label}\nb,{label}\n")
    records(path)
    assert ["in line 2 a space comes before a field's quotes" in entry.getMessage() for entry in caplog.records] == [
        True
    ] * told


def test_a_delimiter_has_a_name_and_tabs_come_without_quoting():
    def asked(**keys):
        return dialect_of(Data(path="-", format="csv", **keys))

    assert {name: asked(delimiter=name).delimiter for name in NAMES} == NAMES
    assert asked(delimiter="\t") == asked(delimiter="tab") == asked(delimiter="\\t") == Dialect("\t", "none")
    assert asked(delimiter="tab", quoting="csv") == Dialect("\t", "csv")
    assert asked() == Dialect(",", "csv")
    assert asked(quoting="none") == Dialect(",", "none")


SUGGESTED = {
    "tabs": ("text\tlabel\na\tb\n", {}, "data.delimiter=tab reads the header as 'text', 'label'"),
    "semicolons": ("text;label\na;b\n", {}, "data.delimiter=semicolon reads"),
    "semicolons, with commas in a text": ("text;label\na, c;b\n", {}, "data.delimiter=semicolon reads"),
    "pipes": ("text|label\na|b\n", {}, "data.delimiter=pipe reads"),
    "commas where tabs are asked for": ("text,label\na,b\n", {"delimiter": "tab"}, "data.delimiter=comma reads"),
    "quoted names between tabs": ('"text"\t"label"\na\tb\n', {"delimiter": "tab"}, "data.quoting=csv reads the header"),
    "quoted names between tabs, as commas": (
        '"text"\t"label"\na\tb\n',
        {},
        "data.delimiter=tab data.quoting=csv reads",
    ),
    "no name at all that is asked for": ("a;b;c\n1;2;3\n", {}, "data.delimiter=semicolon reads the header as 'a', 'b'"),
}


@pytest.mark.parametrize("case", SUGGESTED)
def test_the_delimiter_that_the_header_has_is_suggested_and_works(tmp_path, case):
    text, asked, advice = SUGGESTED[case]
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError) as refusal:
        read_rows(Data(path=str(path), format="csv", **asked), task_named("classification"))
    assert advice in str(refusal.value)
    keys = dict(part.split("=") for part in str(refusal.value).split(" reads the header")[0].split() if "=" in part)
    keys = asked | {key.removeprefix("data."): value for key, value in keys.items() if key.startswith("data.")}
    columns = list(records(path, dialect_of(Data(path="-", format="csv", **keys)))[0])
    assert columns == (["a", "b", "c"] if "no name" in case else ["text", "label"])


OPENED = {
    "to the end": ('text,label\na,1\n"b,1\nc,1\n', "a.csv:3: not valid CSV: unexpected end of data"),
    "closed by a quote of another row": ('text,label\na,1\n"b,1\nc "d" e,1\n', "a.csv:3: not valid CSV"),
    "the second of a record": ('text,label\n"a\nb","c\nd,1\n', "a.csv:3: not valid CSV"),
    "doubled quotes open nothing": ('text,label\n"a ""b""\nc",1\n"d,1\n', "a.csv:4: not valid CSV"),
}


@pytest.mark.parametrize("case", OPENED)
def test_a_quote_without_its_pair_is_named_where_it_opens(tmp_path, case):
    text, message = OPENED[case]
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError) as refusal:
        records(path)
    assert message in str(refusal.value)
    assert "data.quoting=none" in str(refusal.value)


def test_a_row_of_too_many_fields_says_which_lines_it_took(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"a,1\nb,1\nc",1,2\n')
    with pytest.raises(DataError, match=r"a.csv:2: 3 fields where the header has 2; the row goes on to line 4"):
        records(path)


def test_a_field_of_many_lines_is_pointed_out_and_warned_of_where_it_holds_rows(tmp_path, caplog):
    swallowed = 'text,label\n"a,1\nb,1\nc,1\nd,1\ne",1\n'
    poem = 'text,label\n"roses\nare\nred\nand\nso on",1\n"a\nb",1\n'
    for name, text, level, lines in (
        ("swallowed", swallowed, logging.WARNING, "a field spans lines 2 to 6"),
        ("poem", poem, logging.INFO, "a field spans lines 2 to 6"),
    ):
        caplog.clear()
        (tmp_path / name).write_text(text)
        with caplog.at_level(logging.INFO, "tunesmith"):
            records(tmp_path / name)
        (record,) = caplog.records
        assert (record.levelno, lines in record.getMessage()) == (level, True), name


def test_fields_that_are_quoted_for_sure_are_told_where_quotes_are_no_quoting(tmp_path, caplog):
    path = tmp_path / "a.tsv"
    path.write_text('text\tlabel\n"so"\t1\n"he said ""no"" twice"\t1\n')
    assert records(path, Dialect("\t", "none"))[0]["text"] == '"so"'
    (record,) = caplog.records
    assert "line 3 is quoted as in CSV" in record.getMessage()


def test_a_nul_byte_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a b.csv"
    path.write_text("text,label\na,1\nb\0,1\n")
    for dialect in (None, Dialect(",", "none")):
        with pytest.raises(DataError, match=r"a b.csv:3: a NUL byte, .* < '.*a b.csv' > '.*a b_clean.csv'"):
            records(path, dialect)
