import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.config.schema import Data, Split
from tunesmith.data.reading import read_rows
from tunesmith.data.rows import Rows
from tunesmith.data.sources.records import read_records
from tunesmith.errors import DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")

unicode_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
nasty = st.text(st.sampled_from(list("ab\"',;\n\r\t \\{}\ufeff\u2028é\U0001f600")), max_size=12)
MISSING = Data(path="-", format="csv").missing
content = (unicode_text | nasty).filter(lambda text: text.strip() and text.strip() not in MISSING)
tables = st.lists(st.tuples(content, content), min_size=1, max_size=6)


def csv_data(path, **fields):
    return Data(**{"path": str(path), "format": "csv", **fields})


def jsonl_data(path, **fields):
    return Data(**{"path": str(path), "format": "jsonl", **fields})


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@given(rows=tables, bom=st.booleans(), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_csv_rows_come_back_as_they_were_written(rows, bom, quoting, tmp_path_factory):
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting).writerows([("text", "label"), *rows])
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    path.write_text(file.getvalue(), encoding="utf-8-sig" if bom else "utf-8", newline="")
    read = read_rows(csv_data(path), CLASSIFICATION)
    assert list(zip(read.texts, read.labels, strict=True)) == rows
    assert read.ids == [str(number) for number in range(len(rows))]


@given(rows=tables, bom=st.booleans(), ascii_only=st.booleans(), blank=st.booleans())
def test_jsonl_rows_come_back_as_they_were_written(rows, bom, ascii_only, blank, tmp_path_factory):
    lines = [json.dumps({"label": label, "text": text}, ensure_ascii=ascii_only) for text, label in rows]
    path = tmp_path_factory.mktemp("jsonl") / "data.jsonl"
    separator = "\n\n" if blank else "\n"
    path.write_text(separator.join(lines), encoding="utf-8-sig" if bom else "utf-8", newline="")
    read = read_rows(jsonl_data(path), CLASSIFICATION)
    assert list(zip(read.texts, read.labels, strict=True)) == rows


def test_a_text_may_be_longer_than_the_csv_module_s_own_limit(tmp_path):
    long = "word " * 100_000
    read = read_rows(csv_data(written(tmp_path / "a.csv", f"text,label\n{long},1\n")), CLASSIFICATION)
    assert read.texts == [long]


def test_another_delimiter_and_other_columns(tmp_path):
    path = written(tmp_path / "a.csv", "stars;review;author\n5;one, two;x\n")
    read = read_rows(csv_data(path, delimiter=";", text_column="review", label_column="stars"), CLASSIFICATION)
    assert (read.texts, read.labels) == (["one, two"], ["5"])


def test_json_values_become_text_the_same_way_everywhere(tmp_path):
    rows = [{"text": "a", "label": label} for label in (1, "1", 1.0, True, "true", 1.5, 2**60, 1e300)]
    path = written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert read_rows(jsonl_data(path), CLASSIFICATION).labels == [
        "1",
        "1",
        "1",
        "true",
        "true",
        "1.5",
        str(2**60),
        "1e+300",
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"lang": "en"}, ["a", "c", "d"]),
        ({"lang": "en", "year": 1999}, ["a", "d"]),
        ({"year": "2001"}, ["c"]),
        ({"lang": "de", "year": 2000}, ["b"]),
    ],
)
def test_where_keeps_rows_that_equal_every_value(tmp_path, where, expected):
    path = written(tmp_path / "a.csv", "text,label,lang,year\na,1,en,1999\nb,1,de,2000\nc,0,en,2001\nd,0,en,1999\n")
    read = read_rows(csv_data(path, where=where), CLASSIFICATION)
    assert read.texts == expected
    assert read.ids == [str("abcd".index(text)) for text in expected], "ids are positions in the whole file"


def test_ids_come_from_their_column(tmp_path):
    path = written(tmp_path / "a.csv", "key,text,label\nx7,a,1\nx9,b,0\n")
    assert read_rows(csv_data(path, id_column="key"), CLASSIFICATION).ids == ["x7", "x9"]


def test_rows_know_their_lines_whichever_are_left(tmp_path):
    path = written(tmp_path / "a.csv", 'text,label\none,1\n\n"two\nlines",2\nthree,\nfour,1\n')
    rows = read_rows(csv_data(path, on_empty="drop"), CLASSIFICATION)
    assert rows.lines == [2, 4, 7]
    assert rows.take([2, 0]).lines == [7, 2]
    assert rows.take([2, 0]).sha256() == Rows(["3", "0"], ["four", "one"], ["1", "1"]).sha256(), "no part of identity"


def test_the_file_s_own_splits_are_kept(tmp_path):
    path = written(tmp_path / "a.csv", "text,label,part\na,1,train\nb,0,test\n")
    split = Split(method="column", column="part")
    assert read_rows(csv_data(path, split=split), CLASSIFICATION).splits == ["train", "test"]


def test_empty_rows_are_refused_with_their_lines_or_dropped(tmp_path):
    path = written(tmp_path / "a.csv", 'text,label\na,1\n" ",1\nb,\n"c\nd",0\n,0\n')
    with pytest.raises(DataError) as refusal:
        read_rows(csv_data(path), CLASSIFICATION)
    assert "a.csv: 3 rows have no text or no label (lines 3, 4, 7)" in str(refusal.value)
    assert "data.on_empty=drop" in str(refusal.value)
    kept = read_rows(csv_data(path, on_empty="drop"), CLASSIFICATION)
    assert (kept.texts, kept.ids) == (["a", "c\nd"], ["0", "3"]), "dropping a row renames no other"


def test_absent_and_null_json_values_are_empty(tmp_path):
    path = written(tmp_path / "a.jsonl", '{"text": null, "label": 1}\n{"text": "a", "label": 0}\n')
    with pytest.raises(DataError, match=r"1 row has no text or no label \(line 1\)"):
        read_rows(jsonl_data(path), CLASSIFICATION)


BROKEN = {
    "no header": ("csv", "", "data: the file is empty. Its first line has to name the columns"),
    "header only": ("csv", "text,label\n", "data: no rows. Add some, or take another file: data.path=FILE"),
    "column twice": ("csv", "text,label,text\na,1,b\n", "data:1: the column 'text' stands twice"),
    "missing column": ("csv", "text,stars\na,1\n", "data:2: no column 'label'; the columns are 'text', 'stars'"),
    "what to do about it": ("csv", "text,stars\na,1\n", "data.label_column=..."),
    "too many fields": ("csv", 'text,label\n"a\nb",1\na,b,1\n', "data:4: 3 fields where the header has 2"),
    "and the remedy": ("csv", "text,label\na,b,1\n", "or set data.delimiter"),
    "too few fields": ("csv", "text,label\na\n", "data:2: 1 fields where the header has 2"),
    "open quote": ("csv", 'text,label\n"a,1\n', "not valid CSV"),
    "text after a quote": ("csv", 'text,label\na,1\n"a"b,1\n', "data:3: not valid CSV"),
    "not UTF-8": ("csv", b"text,label\n\xe9t\xe9,1\n", "data:2: not UTF-8 text"),
    "not UTF-8, remedy": ("jsonl", b'{"text": "\xe9", "label": 1}\n', "Convert it to UTF-8"),
    "not JSON": ("jsonl", '{"text": "a", "label": 1}\n{"text": \n', "data:2: not valid JSON"),
    "not an object": ("jsonl", '{"text": "a", "label": 1}\n["a", 1]\n', "data:2: not a JSON object but a list"),
    "deep JSON": ("jsonl", "[" * 100_000 + "\n", "data:1: not valid JSON"),
    "a number beyond Python's digits": ("jsonl", f'{{"text": "a", "label": {"9" * 5000}}}\n', "data:1: not valid JSON"),
    "half a character": ("jsonl", '{"text": "a", "label": 1}\n{"text": "\\ud83d", "label": 1}\n', "data:2: "),
    "absent key": ("jsonl", '{"text": "a", "label": 1}\n{"text": "a"}\n', "data:2: no column 'label'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_fault_is_named_with_its_place(tmp_path, case):
    file_format, text, message = BROKEN[case]
    path = written(tmp_path / "data", text)
    with pytest.raises(DataError) as refusal:
        read_rows(Data(path=str(path), format=file_format), CLASSIFICATION)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        (
            {"where": {"nope": "x"}},
            "data.where asks for it: put the name of one of these columns there. A file of your own goes with data=csv "
            "or data=jsonl, which ask for none",
        ),
        ({"id_column": "nope"}, "Name the right one: data.id_column=..."),
        ({"split": {"method": "column", "column": "nope"}}, "Name the right one: data.split.column=..."),
        (
            {"label_column": "nope", "where": {"nope": "x"}},
            "Name the right ones: data.text_column=..., data.label_column=...",
        ),
    ],
)
def test_the_advice_on_a_missing_column_names_the_key_that_asks_for_it(tmp_path, asked, advice):
    path = written(tmp_path / "a.csv", "text,label\na,1\n")
    with pytest.raises(DataError) as refusal:
        read_rows(csv_data(path, **asked), CLASSIFICATION)
    assert str(refusal.value) == f"{path}:2: no column 'nope'; the columns are 'text', 'label'. {advice}"


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path, fault in ((tmp_path / "none.csv", "no such file"), (tmp_path, "a folder, not a file")):
        with pytest.raises(DataError, match=f"{path}: {fault}. Name another: data.path=FILE"):
            read_rows(csv_data(path), CLASSIFICATION)


def test_a_filter_that_keeps_nothing_says_which(tmp_path):
    path = written(tmp_path / "a.csv", "text,label,lang\na,1,en\n")
    with pytest.raises(DataError, match=r"no rows with data.where.lang=de: column 'lang' has 'en' \(1 rows\)\. Change"):
        read_rows(csv_data(path, where={"lang": "de"}), CLASSIFICATION)


def test_a_file_of_empty_rows_has_nothing_left(tmp_path):
    path = written(tmp_path / "a.csv", "text,label\n,1\n,0\n")
    with pytest.raises(DataError, match=r"a.csv: no rows but 2 empty ones, which data.on_empty=drop leaves out"):
        read_rows(csv_data(path, on_empty="drop"), CLASSIFICATION)


def test_an_id_that_occurs_twice_is_refused(tmp_path):
    path = written(tmp_path / "a.csv", "key,text,label\nx,a,1\nx,b,0\n")
    with pytest.raises(DataError, match=r"a\.csv:3: the id 'x' in column 'key' is not unique"):
        read_rows(csv_data(path, id_column="key"), CLASSIFICATION)


def test_records_are_read_one_at_a_time(tmp_path):
    path = written(tmp_path / "a.csv", "text,label\na,1\nb,0\nonly one field\n")
    records = read_records(path, "csv")
    assert next(records) == (2, {"text": "a", "label": "1"})
    assert next(records) == (3, {"text": "b", "label": "0"})


def test_a_table_that_begins_with_a_row_is_told_of_its_missing_header(tmp_path):
    path = written(tmp_path / "data.csv", "a film that nobody has seen,good\nanother of the same,bad\n")
    with pytest.raises(DataError, match="put a line with the names of the columns above it"):
        read_rows(Data(path=str(path), format="csv"), task_named("classification"))


def test_the_texts_of_a_python_file_stand_at_the_lines_of_their_names(tmp_path):
    path = written(tmp_path / "topics.py", "# two\ntopics = {'a': 'one'\n  'two',\n  'b': 'three'}\n")
    rows = read_rows(Data(path=str(path), format="python"), task_named("language_modeling"))
    assert (rows.texts, rows.lines) == (["onetwo", "three"], [2, 4])
