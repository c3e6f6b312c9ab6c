"""A text that a template writes is the one that plain Python writes, and what a template may not do it does not."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.cli.predict import read_questions
from tunesmith.config.composing.compose import compose
from tunesmith.config.schema import Data
from tunesmith.config.text_template import MisreadTemplateError, read_template
from tunesmith.data.audit.written import records_of_rows
from tunesmith.data.forms.choice import form_of
from tunesmith.data.malformed import MalformedError
from tunesmith.data.reading import read_rows
from tunesmith.errors import ConfigError, DataError
from tunesmith.tasks.registry import task_named

CLASSIFICATION = task_named("classification")
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(
    lambda text: text.strip() and text.strip() not in Data(path="-", format="csv").missing
)
names = st.text(string.ascii_letters + "_", min_size=1, max_size=6).filter(
    lambda name: (
        name not in {"row", "label", "and", "or", "not", "in", "is", "if", "else", "true", "false", "none"}
        and name.lower() not in {"true", "false", "none"}
    )
)


def data_of(template, **fields):
    return Data(**{"path": "-", "format": "jsonl", "template": template, **fields})


def made_by(template):
    return form_of(data_of(template), CLASSIFICATION.traits)


def text(record, template):
    return made_by(template).made(record)["data.template"]


def file_of(tmp_path, *records):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@given(record=st.dictionaries(names, values, min_size=1, max_size=4), between=values)
def test_a_template_of_columns_is_what_python_joins(record, between):
    between = between.replace("{", "(").replace("#", "")
    lines = between.replace("\r\n", "\n").replace("\r", "\n")  # as Jinja reads a template
    form = made_by(between.join(f"{{{{ {name} }}}}" for name in record))
    assert form.made(record)["data.template"] == lines.join(record.values())
    by_row = made_by(between.join(f"{{{{ row[{json.dumps(name)}] }}}}" for name in record))
    assert by_row.made(record)["data.template"] == lines.join(record.values())


def test_numbers_and_booleans_are_written_as_columns_are_read_and_a_missing_value_is_nothing():
    form = made_by("{{a}}|{{b}}|{{c}}|{% if d %}{{d}}{% else %}-{% endif %}")
    assert form.made({"a": 1.5, "b": True, "c": 0, "d": "NA"})["data.template"] == "1.5|true|0|-"
    assert form.made({"a": 1.5, "b": True, "c": 0, "d": "NA"}, asking=True)["data.template"] == "1.5|true|0|NA"
    assert form.oddities() == ["data.template writes nothing for 'd' in 1 of 2 rows, where it is empty"]
    assert form.made({"a": None, "b": " ", "c": "nan", "d": None})["data.template"] == ""


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("{{a", "line 1: unexpected end"),
        ("a\n{{ b | nothing }}", "line 2: No filter named 'nothing'"),
        ("{{ a | random }}", "No filter named 'random'"),
        ("only words", "names no column"),
        ("{% include 'x' %}{{a}}", "reads no other file"),
        ("{{ row[a] }}", "by its name"),
        ("{% for name in row %}{{name}}{% endfor %}", "by its name"),
    ],
)
def test_a_template_that_is_none_is_refused_with_its_line_before_a_row_is_read(template, rule):
    with pytest.raises(MisreadTemplateError, match=rule):
        read_template(template)
    with pytest.raises(ConfigError, match=r"data\.template: cannot be read as a Jinja template"):
        compose(["data=csv", "data.path=none.csv", f"data.template={template}", "model=tiny_encoder"])


@pytest.mark.parametrize(
    "template",
    [
        "{{ a.__class__.__mro__ }}",
        "{{ a * 99999999 }}",
        "{{ (9 ** 9) ~ a }}",
        "{{ '%999999999d' % 1 ~ a }}",
        "{{ a.center(999999999) }}",
        "{{ a.format(1) }}",
        "{% set _ = l.append(1) %}{{a}}",
        "{{ a.b }}",
        "{{ l }}",
        "{{ o }}",
        "{{ o.items }}",
    ],
)
def test_what_a_template_may_not_do_is_refused_for_the_row(template):
    with pytest.raises(MalformedError, match=r"data\.template"):
        made_by(template).made({"a": "x", "l": [1, 2], "o": {"items": 1}})


def test_a_text_of_more_than_ten_million_characters_is_refused_while_it_is_written():
    loop = "{% for x in l %}{% for y in l %}{{a}}{% endfor %}{% endfor %}"
    with pytest.raises(MalformedError, match="more than 10,000,000 characters"):
        made_by(loop).made({"a": "x" * 10_000, "l": list(range(100))})


def test_a_row_that_a_template_would_loop_over_for_years_is_refused(monkeypatch):
    monkeypatch.setattr("tunesmith.config.text_template.MOST_S", 0.05)
    loops = "{% for a in t %}{% for b in t %}{% for c in t %}{% endfor %}{% endfor %}{% endfor %}{{t}}"
    with pytest.raises(MalformedError, match=r"this row: it takes more than 0\.05 s\. Loop over less"):
        made_by(loops).made({"t": "a" * 100_000})
    assert text({"t": "abc"}, loops) == "abc"
    monkeypatch.undo()
    each = "{% for a in t if a != 'b' %}{{loop.index}}/{{loop.length}} {{a}}{{ '' if loop.last else ', ' }}{% endfor %}"
    assert text({"t": ["a", "b", "c"]}, each) == "1/2 a, 2/2 c"
    assert text({"t": []}, "{% for a in t %}{{a}}{% else %}none{{t | join}}{% endfor %}") == "none"


def test_rows_have_the_text_and_keep_label_id_and_group(tmp_path, caplog):
    path = file_of(
        tmp_path,
        {"title": "A", "body": "one", "label": "x", "text": "7"},
        {"title": "B", "body": None, "label": "y", "text": "8"},
    )
    data = data_of("{{title}}: {{body}}", path=path, id_column="text")
    rows = read_rows(data, CLASSIFICATION)
    assert (rows.texts, rows.labels, rows.ids) == (["A: one", "B: "], ["x", "y"], ["7", "8"])
    assert "data.template writes nothing for 'body' in 1 of 2 rows" in caplog.text
    again = list(records_of_rows({"all": rows}, data, "labels"))
    assert again[0] == {"text": "7", "input": "A: one", "label": "x"}


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    path = file_of(tmp_path, {"title": "A", "label": "x"})
    with pytest.raises(
        DataError, match=r":1: no column 'body'; the columns are 'title', 'label'\. data\.template names"
    ):
        read_rows(data_of("{{title}}: {{body}}", path=path), CLASSIFICATION)


def test_a_target_may_be_called_text_and_a_row_without_any_of_the_columns_is_empty(tmp_path):
    path = file_of(tmp_path, {"a": "1", "b": "2", "text": "t"}, {"a": "", "b": None, "text": "t"})
    data = data_of("{{a}} + {{b}}", path=path, target_column="text", on_empty="drop")
    for task in ("text_to_text", "language_modeling"):
        rows = read_rows(data, task_named(task))
        assert (rows.texts, rows.labels) == (["1 + 2"], ["t"])
    assert list(records_of_rows({"all": rows.take([0])}, data, "text")) == [
        {"id": "0", "messages": [{"role": "user", "content": "1 + 2"}, {"role": "assistant", "content": "t"}]}
    ]


def test_new_rows_are_asked_with_the_columns(tmp_path):
    data = data_of("{{title}}: {{body}}")
    path = file_of(tmp_path, {"title": "A", "body": "NA"})
    assert [example.text for example in read_questions(path, CLASSIFICATION, data)] == ["A: NA"]
    lines = tmp_path / "new.txt"
    lines.write_text("one\n")
    with pytest.raises(DataError, match=r"reads the columns 'title', 'body'\. Give a \.csv or \.jsonl file"):
        list(read_questions(str(lines), CLASSIFICATION, data))
    single = data_of("About {{body}}.")
    assert [example.text for example in read_questions(str(lines), CLASSIFICATION, single)] == ["About one."]
    with pytest.raises(DataError, match=r"no column 'title', which data\.template reads; the columns are 'body'"):
        list(read_questions(file_of(tmp_path, {"body": "b"}), CLASSIFICATION, data))


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        (["data.text_column=title"], r"data\.text_column: has no effect with data\.template"),
        (["data.label_column=a"], r"data\.template: names the column of data\.label_column"),
        (["task=token_classification"], r"data\.template: writes texts"),
        (["task=language_modeling", "data.messages_column=m"], r"data\.template: writes a text"),
    ],
)
def test_contradictions_are_refused(overrides, rule):
    with pytest.raises(ConfigError, match=rule):
        compose(["data=csv", "data.path=none.csv", "data.template={{a}}", "model=tiny_encoder", *overrides])


@pytest.mark.parametrize(
    "text", ["{{title}}: {{body}}", "{{a}}", "{{a}}, {{b}}", "{% if a %}({{a}}){% endif %}", "{{a|trim}}\\n"]
)
def test_a_command_line_takes_a_template_as_it_is_typed(text):
    config = compose(["data=csv", "data.path=none.csv", f"data.template={text}", "model=tiny_encoder"]).config
    assert config.data.template == text
